"""The commands as people type them: exit codes, one sentence for every mistake, nothing half written."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_model import voice

from ecoface_model import __version__
from ecoface_model.__main__ import main, results
from ecoface_model.core.errors import RequestError
from ecoface_model.core.motion_file import FlameMotion

ROOT = Path(__file__).parents[2]


@pytest.fixture
def speech(tmp_path) -> Path:
    soundfile.write(tmp_path / "speech.wav", voice(1.0), 16_000)
    return tmp_path / "speech.wav"


@pytest.fixture
def ecoface(tiny_model_file, capsys):
    """Run a command on the tiny model: (exit code, what it printed, what it complained)."""

    def run(*arguments) -> tuple[int, str, str]:
        given = [str(argument) for argument in arguments]
        if given[:1] in (["generate"], ["info"]) and "--device" not in given:
            given += ["--device", "cpu"]
        if given[:1] in (["generate"], ["info"]) and "--model" not in given:
            given += ["--model", str(tiny_model_file)]
        try:
            code = main(given)
        except SystemExit as leaving:  # argparse
            code = leaving.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def expect_one_sentence(result: tuple[int, str, str], *words: str) -> None:
    code, _, complaint = result
    assert code == 2
    assert complaint.startswith("ecoface: ") and complaint.endswith(".\n") and complaint.count("\n") == 1
    for word in words:
        assert word in complaint


def test_generate_takes_amounts_of_head_and_gaze_and_an_idle(ecoface, speech, tmp_path):
    code, _, complained = ecoface(
        "generate", speech, "-o", tmp_path / "a.npz", "--head-motion", 0.5, "--gaze", 0, "--idle", 1
    )
    assert (code, complained) == (0, "")
    motion = FlameMotion.read(tmp_path / "a.npz")
    assert motion.n_frames == 50 and motion.head is not None and motion.gaze is None
    assert motion.metadata["head_motion"] == 0.5 and motion.metadata["idle"] == 1


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--head-motion", 3, "expected an amount from 0 to 2 as head_motion, found 3"),
        ("--gaze", -1, "expected an amount from 0 to 2 as gaze, found -1"),
        ("--idle", 9999, "expected 0 to 600 seconds of idle after the sound, found 9999"),
    ],
)
def test_amounts_of_life_out_of_range_are_one_sentence(ecoface, speech, tmp_path, option, value, sentence):
    code, _, complained = ecoface("generate", speech, "-o", tmp_path / "a.npz", option, value)
    assert code == 2 and sentence in complained and not (tmp_path / "a.npz").exists()


def test_a_voice_becomes_a_motion_file_with_its_story(ecoface, speech, tmp_path):
    code, printed, complaint = ecoface("generate", speech, "-o", tmp_path / "out.npz", "--emotion", "sad")
    assert (code, complaint) == (0, "") and "25 frames" in printed
    motion = FlameMotion.read(tmp_path / "out.npz")
    assert motion.motion.shape == (25, 53) and motion.fps == 25.0
    assert motion.metadata["source"] == "speech.wav" and motion.metadata["emotion"] == "sad:1.5"
    assert motion.metadata["version"] == __version__ and motion.metadata["model"]["name"] == "tiny"


def test_what_was_chosen_lost_or_silent_is_said_on_stderr_and_in_the_motion(ecoface, tmp_path):
    line = voice(2.0)
    soundfile.write(tmp_path / "anti.wav", np.stack([line, -0.9 * line], axis=1), 16_000)
    os.truncate(tmp_path / "anti.wav", (tmp_path / "anti.wav").stat().st_size // 2)
    code, _, said = ecoface("generate", tmp_path / "anti.wav", "-o", tmp_path / "out.npz")
    metadata = FlameMotion.read(tmp_path / "out.npz").metadata
    assert code == 0 and said.splitlines() == [
        "ecoface: anti.wav: 1.0 s of 2.0 s could not be read from 1.0 s on; copy or record the file again.",
        "ecoface: anti.wav: channel 1 of 2 was heard, as all together cancel out.",
    ]
    assert [f"ecoface: anti.wav: {each}." for each in metadata["warnings"] + metadata["notes"]] == (
        said.splitlines()
    )
    soundfile.write(tmp_path / "silence.wav", 0 * line, 16_000)
    code, _, said = ecoface("generate", tmp_path / "silence.wav", "-o", tmp_path / "out.npz")
    assert (code, said) == (0, "ecoface: silence.wav: nobody speaks in this sound, so the face rests.\n")


def test_a_track_and_a_channel_are_chosen(ecoface, tmp_path):
    soundfile.write(tmp_path / "two.wav", np.stack([voice(1.0), voice(1.0, seed=3)], axis=1), 16_000)
    takes = []
    for options in ((), ("--channel", 1), ("--channel", 2, "--track", 1)):
        assert ecoface("generate", tmp_path / "two.wav", "-o", tmp_path / "out.npz", *options)[0] == 0
        takes.append(FlameMotion.read(tmp_path / "out.npz").motion)
    assert all(not np.array_equal(one, other) for one, other in ((takes[0], takes[1]), takes[1:]))
    (tmp_path / "out.npz").unlink()
    for option, sentence in (("--channel", "a channel from 1 to 2"), ("--track", "a track from 1 to 1")):
        refusal = ecoface("generate", tmp_path / "two.wav", "-o", tmp_path / "out.npz", option, 3)
        expect_one_sentence(refusal, f"expected {sentence}, found 3")
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.slow
def test_every_option_reaches_the_motion(ecoface, speech, tmp_path):
    takes, performance = [], tmp_path / "performance.npz"
    assert ecoface("generate", speech, "-o", performance, "--emotion", "angry:2")[0] == 0
    for options in (
        (),
        ("--style", "ben"),
        ("--emotion", "happy:strong"),
        ("--emotion", "happy@0 sad@0.7"),
        ("--emotion-from", speech),
        ("--emotion-from", performance),
        ("--emotion", "happy:strong", "--strength", 0.5),
        ("--emotion", "happy:strong", "--mouth", 0.5),
        ("--seed", 4),
        ("--temperature", 0.3),
    ):
        assert ecoface("generate", speech, "-o", tmp_path / "out.npz", *options)[0] == 0
        takes.append(FlameMotion.read(tmp_path / "out.npz"))
    for i, one in enumerate(takes):
        assert all(np.abs(one.motion - other.motion).max() > 1e-6 for other in takes[:i])
    assert takes[4].metadata["emotion"] == "from speech.wav" and takes[8].metadata["seed"] == 4


def test_the_same_command_writes_the_same_bytes(ecoface, speech, tmp_path):
    for name in ("a.npz", "b.npz"):
        ecoface("generate", speech, "-o", tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_several_voices_go_to_a_folder_and_a_bad_one_stops_no_other(ecoface, speech, tmp_path):
    other = tmp_path / "other.flac"
    soundfile.write(other, voice(0.5), 44_100)
    result = ecoface("generate", speech, tmp_path / "none.wav", other, "-o", tmp_path / "many" / "takes")
    expect_one_sentence(result, "none.wav, found none")
    assert sorted(os.listdir(tmp_path / "many" / "takes")) == ["other.npz", "speech.npz"]


def test_one_voice_goes_into_a_folder_that_exists(ecoface, speech, tmp_path):
    assert ecoface("generate", speech, "-o", tmp_path)[0] == 0
    assert (tmp_path / "speech.npz").is_file()


def test_where_results_go_is_checked_before_any_work(tmp_path):
    (tmp_path / "file.txt").touch()
    for sources, out, message in (
        (["a.wav"], tmp_path / "a.csv", r"expected a result ending in \.npz, found 'a\.csv'"),
        (["a.wav"], tmp_path / "no" / "a.npz", r"expected a folder .*no to write a\.npz into, found none"),
        (["a.wav", "b.wav"], tmp_path / "a.npz", "expected a folder for the results of several files, found"),
        (["a.wav", "b.wav"], tmp_path / "file.txt", "expected a folder for the results of several files"),
        (["x/a.wav", "y/a.mp3"], tmp_path, "expected files of different names, found two of the same"),
    ):
        with pytest.raises(RequestError, match=message):
            results([Path(source) for source in sources], out, ".npz")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--style", "dora"), ("average, anna, ben, cleo", "'dora'")),
        (("--emotion", "bored"), ("neutral, calm, happy", "'bored'")),
        (("--emotion", "happy:9"), ("intensity from 0 to 2", "'9'")),
        (("--emotion-from", "gone.wav"), ("gone.wav", "found none")),
        (("--emotion", "happy", "--emotion-from", "a.wav"), ("not allowed with argument",)),
        (("--seed", "-1"), ("seed of 0 or more",)),
        (("--seed", "x"), ("invalid int value: 'x'",)),
        (("--temperature", "nan"), ("temperature of 0 or more",)),
        (("--device", "gpu"), ("cuda, mps, cpu", "'gpu'")),
        (("--model", "gone.safetensors"), ("gone.safetensors", "found none")),
        (("--mood", "x"), ("unrecognized arguments",)),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(ecoface, speech, tmp_path, options, words):
    result = ecoface("generate", speech, "-o", tmp_path / "out.npz", *options)
    expect_one_sentence(result, *words)
    assert os.listdir(tmp_path) == ["speech.wav"]


def test_no_command_and_no_file_are_one_sentence_too(ecoface):
    expect_one_sentence(ecoface(), "required: COMMAND", "ecoface --help")
    expect_one_sentence(ecoface("generate"), "SPEECH", "ecoface generate --help")
    expect_one_sentence(ecoface("sing"), "invalid choice: 'sing'")


@pytest.mark.parametrize("kind", ["silent", "8 bit", "96 kHz stereo", "truncated"])
def test_odd_sounds_become_motion(ecoface, tmp_path, kind):
    path = tmp_path / "odd.wav"
    if kind == "silent":
        soundfile.write(path, np.zeros(16_000), 16_000)
    elif kind == "8 bit":
        soundfile.write(path, voice(1.0), 16_000, subtype="PCM_U8")
    elif kind == "96 kHz stereo":
        soundfile.write(path, np.stack([voice(6.0)] * 2, axis=1), 96_000)
    else:
        soundfile.write(path, voice(2.0), 16_000)
        path.write_bytes(path.read_bytes()[: 44 + 2 * 16_000])
    assert ecoface("generate", path, "-o", tmp_path / "out.npz")[0] == 0
    assert FlameMotion.read(tmp_path / "out.npz").motion.shape == (25, 53)


@pytest.mark.parametrize(("content", "word"), [(b"", "empty file"), (b"not a sound" * 99, "found none")])
def test_what_is_no_sound_is_one_sentence(ecoface, tmp_path, content, word):
    (tmp_path / "bad.wav").write_bytes(content)
    expect_one_sentence(
        ecoface("generate", tmp_path / "bad.wav", "-o", tmp_path / "out.npz"), "bad.wav", word
    )
    assert os.listdir(tmp_path) == ["bad.wav"]


def test_info_tells_what_the_model_knows(ecoface):
    code, printed, _ = ecoface("info")
    assert code == 0
    for word in ("tiny", "sha256", "average, anna, ben, cleo", "surprised", "reference", "cpu", "no licence"):
        assert word in printed


def test_motion_is_exported_and_bad_motion_is_one_sentence(ecoface, speech, tmp_path):
    ecoface("generate", speech, "-o", tmp_path / "a.npz")
    assert ecoface("export", tmp_path / "a.npz", "-o", tmp_path / "a.csv", "--fps", 30)[0] == 0
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1 + 30
    assert ecoface("export", tmp_path / "a.npz", "-o", tmp_path / "a.json")[0] == 0
    assert json.loads((tmp_path / "a.json").read_text())
    assert ecoface("export", tmp_path / "a.npz", "-o", tmp_path / "points.npz", "--landmarks")[0] == 0
    with np.load(tmp_path / "points.npz") as points:
        assert set(points.files) >= {"landmarks", "fps", "rest"}
    (tmp_path / "bad.npz").write_text("nothing")
    result = ecoface("export", tmp_path / "a.npz", tmp_path / "bad.npz", "-o", tmp_path / "curves")
    expect_one_sentence(result, "bad.npz")
    assert os.listdir(tmp_path / "curves") == ["a.csv"]
    expect_one_sentence(
        ecoface("export", tmp_path / "a.npz", "-o", tmp_path / "a.xyz"), ".csv or .json or .npz"
    )


def test_preview_refuses_what_it_cannot_draw(ecoface, speech, tmp_path):
    expect_one_sentence(
        ecoface("preview", tmp_path / "no.npz", "-o", tmp_path / "a.mp4"), "no.npz, found none"
    )
    ecoface("generate", speech, "-o", tmp_path / "a.npz")
    expect_one_sentence(ecoface("preview", tmp_path / "a.npz", "-o", tmp_path / "a.gif"), ".mp4 or .png")


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "ecoface_model", *map(str, arguments)]


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_only(speech, tmp_path, tiny_model_file):
    arguments = command("generate", speech, "-o", tmp_path / "a.npz", "--model", tiny_model_file)
    assert subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True).stderr == b""
    ours, theirs = pty.openpty()
    subprocess.run(arguments, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=theirs)
    assert b"speech.wav: Animating 0 %" in os.read(ours, 10_000)
    os.close(ours), os.close(theirs)


def test_an_interrupt_ends_with_130_and_nothing_half_written(tmp_path, tiny_model_file):
    soundfile.write(tmp_path / "long.wav", voice(20.0), 16_000)
    out = tmp_path / "takes"
    names = [tmp_path / f"{i}.wav" for i in range(400)]
    for name in names:
        name.symlink_to(tmp_path / "long.wav")
    running = subprocess.Popen(
        command("generate", *names, "-o", out, "--model", tiny_model_file),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )
    deadline = time.monotonic() + 60
    while not (out.is_dir() and os.listdir(out)) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    complaint = running.communicate(timeout=30)[1]
    assert running.returncode == 130 and b"Traceback" not in complaint
    for name in os.listdir(out):
        FlameMotion.read(out / name)


def test_the_version_is_one(ecoface):
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == __version__
    assert ecoface("--version")[1].strip() == f"ecoface {__version__}"
