"""The batch as it is run: real engines, a small head, kills, and lines that fail among others that do not."""

import csv
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender_engine import troubled_python
from blender_support import empty_blend, small_head, write_sound

from ecoface_blender.headless import run as headless_run
from ecoface_blender.headless.commands import run
from ecoface_blender.heads import own_head
from ecoface_blender.takes import takes

ROOT = Path(__file__).parents[2]
NOBODY = "nobody speaks in this sound, so the face rests"
NODE = shutil.which("node")


@pytest.fixture
def shot(tmp_path):
    """A folder with three voices, a silence, and a Blender file with a small head called Anna."""
    t = np.arange(16_000) / 16_000
    for number in range(3):
        hum = 0.4 * np.sin((800 + 90 * number) * t) * np.sin(9 * t) ** 2
        write_sound(tmp_path / f"voice {number}.wav", hum)
    write_sound(tmp_path / "silence.wav", 0 * t)
    context = empty_blend()
    own_head.add_head(context, small_head() | {"name": np.array("EcoFace reference head")}, "Anna")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anna.blend"))
    return tmp_path


def batch(shot, model, text, *more, out="out"):
    """The exit code of a run over a table, with Anna as its head."""
    (shot / "lines.csv").write_text(text)
    arguments = ["batch", shot / "lines.csv", "-o", shot / out, "--model", model, *more]
    return run([str(each) for each in (*arguments, "--open", shot / "anna.blend")])


def results(shot, name="out/results.csv"):
    with (shot / name).open(newline="") as file:
        return {row["line"]: row for row in csv.DictReader(file)}


def test_lines_become_files_and_a_bad_one_stops_none(shot, model, capfd):
    text = (
        "audio,name,style,emotion,reference,head,seed,open,outputs\n"
        "voice 0.wav,a/first,ben,happy:1.5,,,3,,blend npz fbx json\n"
        "voice 1.wav,,zoe,,,,,,npz\n"
        "nowhere.wav,,,,,,,,npz\n"
        "silence.wav,,,,,,,,npz\n"
        "voice 1.wav,no head,,,,Berta,,,npz\n"
        "voice 1.wav,no file,,,,,,lines.csv,npz\n"
        "voice 2.wav,last,,,voice 0.wav,Anna,,,npz\n"
    )
    assert batch(shot, model, text, "--workers", "2", "--fps", "30") == 3
    said, complaints = capfd.readouterr()
    lines = [line for line in said.splitlines() if line]
    assert [line.split("  ")[0] for line in lines[:7]] == [f"{n} of 7" for n in range(1, 8)]
    assert lines[7].startswith("3 of 7 lines done, 4 failed: ") and len(lines) == 8, "nothing but our lines"
    states = {name: (row["state"], row["sentence"]) for name, row in results(shot).items()}
    assert list(states) == ["a/first", "voice 1", "nowhere", "silence", "no head", "no file", "last"]
    assert states["a/first"] == ("done", "happy (1.5) voice 0 ben: frames 1 to 30 (1.0 s)")
    assert states["last"][0] == "done"
    assert states["silence"][0] == "done" and states["silence"][1].endswith(NOBODY)
    for name, sentence in {
        "voice 1": "found 'zoe'",
        "nowhere": "nowhere.wav' (audio), found none",
        "no head": "found 'Berta'; it has Anna",
        "no file": "Expected a Blender file in",
    }.items():
        assert states[name][0] == "failed" and sentence in states[name][1]
        assert any(f"ecoface: {name}: " in line and sentence in line for line in complaints.splitlines())
    written = {str(path.relative_to(shot / "out")) for path in (shot / "out").rglob("*") if path.is_file()}
    kinds = {f"a/first.{suffix}" for suffix in ("blend", "npz", "fbx", "json")}
    assert written == kinds | {"last.npz", "silence.npz", "results.csv"}
    assert json.loads((shot / "out/a/first.json").read_text())["fps"] == 30
    with np.load(shot / "out/a/first.npz") as motion:
        made_by = json.loads(str(motion["metadata"]))
        assert (motion["motion"].shape, made_by["seed"], made_by["style"]) == ((25, 53), 3, "ben")
    bpy.ops.wm.open_mainfile(filepath=str(shot / "out/a/first.blend"))
    assert takes.played(bpy.data.objects["Anna"]) and bpy.context.scene.frame_end == 30
    assert [strip.name for strip in bpy.context.scene.sequence_editor.strips] == ["voice 0"]


@pytest.mark.slow
def test_only_what_has_changed_is_done_again_and_nothing_is_left_of_other_lines(shot, model, capsys):
    text = "audio,seed,outputs\nvoice 0.wav,{seed},blend\nvoice 1.wav,1,blend\nvoice 2.wav,1,npz\n"
    assert batch(shot, model, text.format(seed=1)) == 0
    bpy.ops.wm.open_mainfile(filepath=str(shot / "out/voice 1.blend"))
    assert [action.name for action in bpy.data.actions] == ["heard surprised voice 1 average"], (
        "of no other line"
    )
    assert len(bpy.data.sounds) == 1
    before = {path.name: path.stat().st_mtime_ns for path in (shot / "out").iterdir()}
    left_over = shot / "out" / ".voice 0.4711.partial.blend"
    left_over.write_text("of a run that was killed")
    (shot / "out/voice 2.npz").unlink()
    capsys.readouterr()
    assert batch(shot, model, text.format(seed=2)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1 of 3 lines were done before" and len(said) == 4
    after = {path.name: path.stat().st_mtime_ns for path in (shot / "out").iterdir()}
    assert set(after) == set(before) and not left_over.exists()
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"voice 0.blend", "voice 2.npz", "results.csv"}
    assert batch(shot, "no model is needed", text.format(seed=2)) == 2, "a missing model is said"
    assert batch(shot, model, text.format(seed=2)) == 0
    assert "3 of 3 lines done, 3 of them before, 0 failed" in capsys.readouterr().out


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(shot, model, capsys):
    text = "audio,name,outputs\n" + "".join(f"voice {n % 3}.wav,line {n},npz json\n" for n in range(12))
    (shot / "lines.csv").write_text(text)
    command = [sys.executable, "-m", "ecoface_blender.batch", shot / "lines.csv", "-o", shot / "out"]
    command += ["--model", model, "--open", shot / "anna.blend", "--workers", "2"]
    table = shot / "out" / "results.csv"
    running = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE)
    workers = []
    while not (table.exists() and table.read_text().count("\n") > 3):
        assert running.poll() is None, "it ended before it could be killed"
        workers = children(running.pid)
        time.sleep(0.01)
    running.kill()
    running.communicate()
    done = {name for name, row in results(shot).items() if row["state"] == "done"}
    kept = {path: path.stat().st_mtime_ns for name in done for path in shot.glob(f"out/{name}.*")}
    assert 3 <= len(done) < 12 and len(kept) == 2 * len(done)
    assert batch(shot, model, text) == 0
    assert f"{len(done)} of 12 lines were done before" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "finished lines are not done again"
    assert [row["state"] for row in results(shot).values()] == ["done"] * 12
    assert not list((shot / "out").glob(".*")), "no half file is left"
    deadline = time.monotonic() + 20
    while (left := [worker for worker in workers if runs(worker)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left, "they see the end of their input"


def runs(pid):
    """Whether a process is there and has not ended, whoever is to notice that."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid):
    """Processes that a process has started; none where the system does not say."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in path.read_text().split()] if path.exists() else []


@pytest.mark.slow
def test_parts_do_all_lines_between_them_and_the_whole_knows_it(shot, model, capsys):
    text = "audio,outputs\nvoice 0.wav,npz\nvoice 1.wav,npz\nvoice 2.wav,npz\n"
    assert batch(shot, model, text, "--shard", "1/2") == 0
    assert list(results(shot, "out/results-1-of-2.csv")) == ["voice 0", "voice 2"]
    capsys.readouterr()
    assert batch(shot, model, text) == 0
    assert "3 of 3 lines done, 2 of them before, 0 failed" in capsys.readouterr().out
    assert batch(shot, model, text, "--shard", "2/2") == 0
    assert "1 of 1 lines done, 1 of them before, 0 failed" in capsys.readouterr().out
    assert list(results(shot, "out/results-2-of-2.csv")) == ["voice 1"]
    assert list(results(shot)) == ["voice 0", "voice 1", "voice 2"]


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_an_engine_that_crashes_is_started_again_and_a_line_that_crashes_it_is_given_up(
    shot, model, monkeypatch, capsys, seconds
):
    monkeypatch.setattr(headless_run, "POLL_SECONDS", seconds)  # it may load and crash between two looks
    monkeypatch.setenv("ECOFACE_PYTHON", str(troubled_python(shot, crashes=3)))
    text = "audio,outputs\nvoice 0.wav,npz\nvoice 1.wav,npz\n"
    assert batch(shot, model, text) == 3
    first, second = results(shot).values()
    assert first["state"] == "failed" and first["sentence"].startswith("Again: The engine ended unexpectedly")
    assert second["state"] == "done" and "was started again" in second["sentence"]
    assert "computed instead" in second["sentence"], "the card was full for all but the CPU"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--workers", "0"), "Expected 1 to 64 workers, found 0"),
        (("--fps", "0"), "Expected a frame rate from 1 to 1000, found 0"),
        (("--shard", "3/2"), "Expected a part such as 1/8 to 8/8, found '3/2'"),
        (("--model", "nowhere"), "nowhere', found none"),
        (("--volume", "2"), "unrecognized arguments"),
        (("-o", "lines.csv/out"), "cannot be made (Not a directory)"),
    ],
)
def test_a_mistake_is_said_before_anything_starts(shot, model, monkeypatch, capsys, more, sentence):
    monkeypatch.setenv("ECOFACE_PYTHON", "/no/engine/is/started")
    monkeypatch.chdir(shot)
    assert batch(shot, model, "audio,outputs\nvoice 0.wav,npz\n", *more) == 2
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert sentence in said and not list(shot.glob("out/*.npz"))


def test_without_an_engine_it_is_one_sentence(shot, model, monkeypatch, capsys):
    text = "audio,outputs\nvoice 0.wav,npz\n"
    monkeypatch.setenv("ECOFACE_PYTHON", "/nowhere/python")
    assert batch(shot, model, text) == 2
    assert "/nowhere/python (from ECOFACE_PYTHON), found none" in capsys.readouterr().err
    monkeypatch.setenv("ECOFACE_PYTHON", shutil.which("false"))
    assert batch(shot, model, text) == 2
    assert "The engine ended unexpectedly" in capsys.readouterr().err


@pytest.mark.skipif(not NODE, reason="needs node")
def test_flamenco_compiles_a_batch_into_parts_and_a_last_task_for_the_whole_table():
    script = (ROOT / "scripts" / "flamenco_ecoface.js").read_text()
    stand_in = """
    const author = {
      Task: (name, type) => ({name, type, commands: [], after: [],
        addCommand(command) { this.commands.push(command); },
        addDependency(task) { this.after.push(task.name); }}),
      Command: (name, parameters) => ({name, parameters}),
    };
    const tasks = [];
    compileJob({settings: {lines: "l.csv", out: "o", parts: 2, workers: 3, options: "--fps 25"},
      addTask: task => tasks.push(task)});
    console.log(JSON.stringify({keys: JOB_TYPE.settings.map(each => each.key), tasks}));
    """
    done = subprocess.run([NODE, "-e", script + stand_in], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    compiled = json.loads(done.stdout)
    assert compiled["keys"] == ["lines", "out", "parts", "workers", "options"]
    parts, whole = compiled["tasks"][:-1], compiled["tasks"][-1]
    usual = ["--command", "ecoface", "batch", "l.csv", "-o", "o", "--workers", "3", "--fps", "25"]
    assert [task["commands"][0]["parameters"]["args"] for task in parts] == [
        [*usual, "--shard", "1/2"],
        [*usual, "--shard", "2/2"],
    ]
    assert whole["commands"][0]["parameters"]["args"] == usual
    assert whole["after"] == [task["name"] for task in parts]
