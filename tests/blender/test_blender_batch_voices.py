"""Lines of one speaker in a batch share what is known of the voice; real engines, a small head."""

import csv
import json

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, write_sound

from ecoface_blender.emotion import voice_baseline
from ecoface_blender.headless.commands import run
from ecoface_blender.headless.table import read, understand
from ecoface_blender.headless.voices import Voices
from ecoface_blender.heads import own_head

N_LINES = 6


@pytest.fixture
def shot(tmp_path):
    """A folder with six voices, six silences, and a Blender file with a small head called Anna."""
    for number in range(N_LINES):
        write_sound(tmp_path / f"line {number}.wav", hum(number))
        write_sound(tmp_path / f"silence {number}.wav", 0 * hum(number))
    context = empty_blend()
    own_head.add_head(context, small_head() | {"name": np.array("EcoFace reference head")}, "Anna")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anna.blend"))
    return tmp_path


def hum(number):
    t = np.arange(24_000) / 16_000
    return 0.4 * np.sin((800 + 170 * number) * t) * np.sin((8 + number) * t) ** 2


def batch(shot, model, text, *more):
    """The exit code of a run over a table, with Anna as its head."""
    (shot / "lines.csv").write_text(text)
    arguments = ["batch", shot / "lines.csv", "-o", shot / "out", "--model", model, "--outputs", "npz", *more]
    return run([str(each) for each in (*arguments, "--open", shot / "anna.blend")])


def results(shot, name="results.csv"):
    with (shot / "out" / name).open(newline="") as file:
        return {row["line"]: row for row in csv.DictReader(file)}


def heard_in(shot, name):
    with np.load(shot / "out" / f"{name}.npz") as motion:
        return json.loads(str(motion["metadata"])).get("heard")


def table(rows):
    return "\n".join(["audio,name,speaker,emotion,reference", *rows]) + "\n"


def speakers(name, kind="line", count=N_LINES):
    return [f"{kind} {n}.wav,{name} {n},{name},," for n in range(count)]


@pytest.mark.slow
def test_lines_of_one_speaker_share_a_baseline_and_say_what_was_heard(shot, model, capsys):
    rows = [
        *speakers("Anna"),
        "line 0.wav,told,Anna,sad,",
        "line 1.wav,few,Ben,,",
        "line 2.wav,like,Ben,,line 0.wav",
    ]
    assert batch(shot, model, table(rows), "--workers", "2") == 0
    said = capsys.readouterr().out
    assert "voice baseline of Anna: 6 lines" in said and "of Ben" not in said
    found = results(shot)
    for number in range(N_LINES):
        heard, row = heard_in(shot, f"Anna {number}"), found[f"Anna {number}"]
        assert heard["baseline"] == "lines"
        assert (row["heard"], row["heard_emotion"]) == (heard["text"], heard["emotion"])
        assert row["heard_intensity"] == f"{heard['intensity']:.2f}"
    assert heard_in(shot, "told") is None and found["told"]["heard"] == ""
    assert heard_in(shot, "few")["baseline"] == "none" and found["few"]["heard"]
    assert heard_in(shot, "like")["baseline"] == "lines", "a reference is known by its own speaker"
    assert "without" not in found["few"]["sentence"]


@pytest.mark.slow
def test_a_line_is_done_again_when_the_voice_is_another(shot, model, capsys):
    rows = [*speakers("Anna"), "line 0.wav,told,Anna,sad,"]
    assert batch(shot, model, table(rows)) == 0
    assert batch(shot, model, table(rows)) == 0
    assert "7 of 7 lines done, 7 of them before" in capsys.readouterr().out
    write_sound(shot / "line 5.wav", hum(9))
    assert batch(shot, model, table(rows)) == 0
    assert "7 of 7 lines done, 1 of them before" in capsys.readouterr().out, "the told one needs no voice"


@pytest.mark.slow
def test_a_part_knows_the_voices_of_the_whole_table(shot, model, capsys):
    assert batch(shot, model, table(speakers("Anna")), "--shard", "1/3") == 0
    assert "voice baseline of Anna: 6 lines" in capsys.readouterr().out
    assert list(results(shot, "results-1-of-3.csv")) == ["Anna 0", "Anna 3"]
    assert heard_in(shot, "Anna 3")["baseline"] == "lines"
    assert batch(shot, model, table(speakers("Anna"))) == 0
    assert "6 of 6 lines done, 2 of them before" in capsys.readouterr().out


@pytest.mark.slow
def test_where_the_engine_refuses_a_baseline_the_lines_are_done_without_and_say_so(shot, model, capsys):
    rows = [*speakers("Anna", count=2), *speakers("Anna", "silence", count=3)]
    rows = [row.replace("Anna", f"Anna {n}", 1) for n, row in enumerate(rows)]
    assert batch(shot, model, table(rows)) == 0, "silence is a line, but none with speech"
    said = capsys.readouterr().out
    assert "no voice baseline of Anna: Expected at least 5 lines with speech" in said
    done = [row for row in results(shot).values() if row["state"] == "done"]
    assert len(done) == 5
    assert sum("nobody speaks" in row["sentence"] for row in done) == 3
    for row in done:
        assert (
            "made without a voice baseline of 'Anna': Expected at least 5 lines with speech"
            in row["sentence"]
        )
        assert row["heard"]


@pytest.mark.slow
def test_a_head_with_a_baseline_of_its_own_is_heard_with_it(shot, model, tmp_path, capsys):
    values = {"kind": "neutral", "n_lines": 1, "shape": [1, 1], "states": "AAAAAA=="}
    voice_baseline.keep(bpy.data.objects["Anna"], values, ["line 0"])
    bpy.ops.wm.save_as_mainfile(filepath=str(shot / "anna.blend"))
    assert batch(shot, model, table(["line 0.wav,few,,,", "line 1.wav,told,,sad,"])) == 3
    found = results(shot)
    assert "voice baseline" in found["few"]["sentence"], "that of no model of ours, which the engine refuses"
    assert found["told"]["state"] == "done"


def test_sounds_that_are_missing_or_twice_make_no_voice(shot):
    (shot / "lines.csv").write_text(
        table([*speakers("Anna", count=4), "line 0.wav,again,Anna,,", "nowhere.wav,gone,Anna,,"])
    )
    rows = read(shot / "lines.csv", {"outputs": "npz"})
    assert Voices(rows).heard_by(rows[0], understand(rows[0])) == ""
