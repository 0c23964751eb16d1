"""`ecoface listen`, and voice baselines on the command line."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_model import voice

from ecoface_model.__main__ import main
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.motion_file import FlameMotion

HEADER = "file,emotion,intensity,neutral,calm,happy,sad,angry,fearful,disgust,surprised"


@pytest.fixture
def ecoface(tiny_model_file, capsys):
    """Run a command on the tiny model: (exit code, what it printed, what it complained)."""

    def run(*arguments) -> tuple[int, str, str]:
        model = ["--model", str(tiny_model_file), "--device", "cpu"]
        try:
            code = main([*map(str, arguments), *model])
        except SystemExit as leaving:  # argparse
            code = leaving.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def voices(tmp_path) -> list[Path]:
    paths = [tmp_path / f"line {i}.wav" for i in range(3)]
    for i, path in enumerate(paths):
        soundfile.write(path, voice(1.0 + i, seed=i), 16_000, subtype="FLOAT")
    return paths


def test_without_a_place_a_line_is_printed_for_each_file(ecoface, tiny_onnx, voices, tmp_path):
    code, printed, complaint = ecoface("listen", *voices)
    assert (code, complaint) == (0, "")
    for i, line in enumerate(printed.splitlines()):
        heard = tiny_onnx.listen(voice(1.0 + i, seed=i))
        intensity = f" (intensity {heard.overall_intensity:.1f})" if heard.overall_intensity else ""
        assert line == f"{voices[i]}: {heard.describe()}{intensity}"
    assert len(printed.splitlines()) == 3 and len(os.listdir(tmp_path)) == 3


def test_silence_is_said_to_be_silence(ecoface, tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    code, printed, said = ecoface("listen", tmp_path / "silent.wav")
    assert code == 0 and printed.endswith("silent.wav: hardly any speech, so neutral\n")
    assert said == "ecoface: silent.wav: nobody speaks in this sound, so the face rests.\n"


def test_a_table_has_a_row_for_each_file(ecoface, tiny_onnx, voices, tmp_path):
    code, printed, _ = ecoface("listen", *voices, "-o", tmp_path / "heard.csv")
    assert code == 0 and printed == f"{tmp_path / 'heard.csv'}: 3 of 3 files heard\n"
    assert (tmp_path / "heard.csv").read_text().splitlines()[0] == HEADER
    with (tmp_path / "heard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for i, row in enumerate(rows):
        wanted = tiny_onnx.listen(voice(1.0 + i, seed=i)).row(str(voices[i]))
        assert {k: v if k in ("file", "emotion") else float(v) for k, v in row.items()} == wanted


def test_json_has_the_curves_too(ecoface, tiny_onnx, voices, tmp_path):
    assert ecoface("listen", *voices, "-o", tmp_path / "heard.json")[0] == 0
    found = json.loads((tmp_path / "heard.json").read_text())
    for i, one in enumerate(found):
        heard = tiny_onnx.listen(voice(1.0 + i, seed=i))
        assert one == heard.row(str(voices[i])) | {"baseline": "none", "curves": heard.curves()}
    assert len(found[2]["curves"]["shares"]["angry"]) == 30


def test_a_file_that_cannot_be_read_costs_itself_only(ecoface, voices, tmp_path):
    (tmp_path / "bad.wav").write_text("no sound")
    sounds = [voices[0], tmp_path / "bad.wav", tmp_path / "gone.wav", voices[1]]
    code, printed, complaint = ecoface("listen", *sounds, "-o", tmp_path / "heard.csv")
    assert code == 2 and "2 of 4 files heard" in printed
    assert [line.split(" ", 1)[0] for line in complaint.splitlines()] == ["ecoface:"] * 2
    assert "bad.wav" in complaint and "gone.wav" in complaint
    assert len((tmp_path / "heard.csv").read_text().splitlines()) == 3
    assert not [name for name in os.listdir(tmp_path) if "partial" in name]


def test_where_nothing_can_be_heard_nothing_is_written(ecoface, tmp_path):
    assert ecoface("listen", tmp_path / "gone.wav", "-o", tmp_path / "heard.csv")[0] == 2
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-o", "heard.txt"), "expected a result ending in .csv or .json, found 'heard.txt'"),
        (("-o", "nowhere/heard.csv"), "expected a folder nowhere"),
        (("--baseline", "gone.wav"), "gone.wav, found none"),
        (("--baseline-kind", "angry"), "invalid choice: 'angry'"),
        (("--device", "gpu"), "found 'gpu'"),
    ],
)
def test_a_mistake_is_one_sentence(tiny_model_file, capsys, voices, options, word):
    try:
        code = main(["listen", str(voices[0]), "--model", str(tiny_model_file), *options])
    except SystemExit as leaving:
        code = leaving.code
    complaint = capsys.readouterr().err
    assert code == 2 and word in complaint and complaint.count("\n") == 1


def test_a_baseline_is_measured_from_clips_and_used(ecoface, tiny_onnx, voices, tmp_path):
    lines = [voice(1.0 + i, seed=i) for i in (1, 2)]
    baseline = tiny_onnx.voice_baseline(lines, "neutral")
    for more in ((), ("--baseline-kind", "neutral")):
        out = tmp_path / "heard.json"
        assert ecoface("listen", voices[0], "-o", out, "--baseline", *voices[1:], *more)[0] == 0
        (found,) = json.loads(out.read_text())
        heard = tiny_onnx.listen(voice(1.0), baseline=baseline)
        assert found["baseline"] == "neutral" and found["curves"] == heard.curves()
    code, _, complaint = ecoface("listen", voices[0], "--baseline", *voices, "--baseline-kind", "lines")
    assert code == 2 and "expected at least 5 lines with speech" in complaint


def test_generating_says_what_was_heard_and_takes_the_baseline_of_the_voice_that_is_heard(
    ecoface, tiny_onnx, voices, tmp_path
):
    speech, reference, line = voices
    out = tmp_path / "out.npz"
    baseline = tiny_onnx.voice_baseline([voice(3.0, seed=2)])
    code, printed, _ = ecoface("generate", speech, "-o", out, "--baseline", line)
    heard = FlameMotion.read(out).metadata["heard"]
    assert code == 0 and printed.endswith(f"; heard {heard['text']}\n")
    assert heard == tiny_onnx.listen(voice(1.0), baseline=baseline).summary()
    ecoface("generate", speech, "-o", out, "--emotion-from", reference, "--baseline", line)
    lent = FlameMotion.read(out).metadata
    assert lent["heard"] == tiny_onnx.listen(voice(2.0, seed=1), baseline=baseline).summary()
    assert lent["emotion"] == "from line 1.wav"
    assert "heard" not in ecoface("generate", speech, "-o", out, "--emotion", "sad")[1]
    for other in (("--emotion", "sad"), ("--emotion-from", out)):
        code, _, complaint = ecoface(
            "generate", speech, "-o", tmp_path / "no.npz", "--baseline", line, *other
        )
        assert code == 2 and "found a label or a performance" in complaint
    assert not (tmp_path / "no.npz").exists()


def test_every_emotion_has_its_column():
    assert HEADER.split(",")[3:] == list(EMOTIONS)
