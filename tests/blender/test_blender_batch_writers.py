"""Several Blenders that write the lines of a batch, and outputs for which none opens a scene."""

import csv
import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head

from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.export import export
from ecoface_blender.headless import outputs, writer, writers
from ecoface_blender.headless.stage import Stage
from ecoface_blender.headless.table import BatchItem
from ecoface_blender.heads import own_head

pytestmark = pytest.mark.blender_version


ITEM = BatchItem(
    audio=Path("voice.wav"),
    style=None,
    emotion="happy",
    reference=None,
    head=None,
    open=None,
    track=None,
    channel=None,
    strength=1.0,
    upper=1.0,
    mouth=1.0,
    temperature=1.0,
    seed=0,
    outputs=("npz",),
)


def a_line(
    folder: Path, stage: Stage, outputs: str, name: str = "line", **beside: np.ndarray
) -> outputs.Writing:
    """A motion of two seconds on a stage that is open."""
    t = np.arange(50)[:, None] / 25
    motion = (0.3 * np.sin(2 * np.pi * t * np.linspace(0.5, 2, 53))).astype(np.float32)
    motion[:, 50:] = 0.1 * np.abs(motion[:, 50:]) * [1, 0.1, 0.1]
    about = json.dumps({"head": "EcoFace reference head"})
    upper = np.eye(50, dtype=np.float32)
    np.savez(folder / f"{name}.motion.npz", motion=motion, fps=25.0, upper=upper, metadata=about, **beside)
    item = replace(ITEM, audio=folder / "voice.wav", outputs=tuple(outputs.split()))
    (folder / "voice.wav").write_bytes(b"")
    request = stage.request(item, str(folder))
    return stage.writing(request, item, folder / f"{name}.motion.npz", folder / name, str(folder))


@pytest.fixture
def stage(tmp_path):
    """With a small head called Anna, of a file."""
    context = empty_blend()
    own_head.add_head(context, small_head() | {"name": np.array("EcoFace reference head")}, "Anna")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "anna.blend"))
    made = Stage(tmp_path, EngineSettings(), 30.0, export.Options())
    made.open(tmp_path / "anna.blend")
    return made


def test_a_sound_is_heard_as_blender_plays_it_only_where_a_blend_plays_it(tmp_path, stage):
    soundfile = pytest.importorskip("soundfile")
    t = np.arange(24_000) / 16_000
    voice = tmp_path / "voice.ogg"
    soundfile.write(voice, 0.4 * np.sin(900 * t) * np.sin(9 * t) ** 2, 16_000)
    for wanted, mixed in (("fbx npz", False), ("blend fbx", True)):
        request = stage.request(replace(ITEM, audio=voice, outputs=tuple(wanted.split())), str(tmp_path))
        assert (request.mix is not None) == mixed and request.sound == str(voice)


def until_done(pool: writers.Writers, count: int = 1, seconds: float = 60) -> list[writers.Written]:
    """So many lines that were sent, as they end."""
    ended, until = [], time.monotonic() + seconds
    while len(ended) < count:
        assert time.monotonic() < until, "a line was never answered"
        ended += pool.poll()
        time.sleep(0.02)
    return ended


def test_a_line_is_the_same_behind_a_pipe(tmp_path, stage):
    line = a_line(tmp_path, stage, "json npz")
    line = replace(line, options=export.Options(keys="RAW", jaw_bone=True), settings=EngineSettings("a", "b"))
    assert writer.decoded(writer.encoded(line)) == line


@pytest.mark.slow
def test_other_blenders_write_what_this_one_would(tmp_path, stage):
    said = {}
    for count in (1, 2):
        pool = writers.Writers(count)
        try:
            lines = [a_line(tmp_path, stage, "json fbx", f"{count}-{n}") for n in range(3)]
            sent = [pool.send(line) for line in lines]
            assert set(until_done(pool, len(sent))) == set(sent)
            assert not [written.sentence for written in sent if written.sentence]
            said[count] = [written.said for written in sent]
        finally:
            pool.close()
    assert said[1] == said[2] and all("frames 1 to 60" in each for each in said[1])
    for n in range(3):
        one, two = (json.loads((tmp_path / f"{count}-{n}.json").read_text()) for count in (1, 2))
        assert one["shape_keys"] == two["shape_keys"] and len(one["shape_keys"]["names"]) > 10
        sizes = {(tmp_path / f"{count}-{n}.fbx").stat().st_size for count in (1, 2)}
        assert len(sizes) == 1 and sizes.pop() > 10_000


def test_a_blender_that_is_killed_costs_no_line_and_twice_says_so(tmp_path, stage, monkeypatch):
    pool = writers.Writers(2)
    try:
        sent = pool.send(a_line(tmp_path, stage, "json"))
        os.kill(pool._writers[0]._process.pid, signal.SIGKILL)
        assert until_done(pool) == [sent] and sent.said and sent.crashes == 1
        assert (tmp_path / "line.json").is_file()
        monkeypatch.setattr(writers, "_command", lambda: ["false"])
        pool._writers.clear()
        lost = pool.send(a_line(tmp_path, stage, "json", "lost"))
        assert until_done(pool) == [lost] and lost.said is None
        assert "Blender ended while it wrote this line" in lost.sentence
    finally:
        pool.close()


def test_a_line_that_cannot_be_written_is_one_sentence(tmp_path, stage):
    pool = writers.Writers(2)
    try:
        sent = pool.send(replace(a_line(tmp_path, stage, "json"), motion=tmp_path / "none.npz"))
        (ended,) = until_done(pool)
        assert ended is sent and sent.said is None and "none.npz" in sent.sentence
    finally:
        pool.close()


@pytest.mark.parametrize("turned", [False, True])
def test_curves_of_a_new_head_are_those_that_its_scene_shows(tmp_path, turned):
    t = np.arange(50)[:, None] / 25
    turns = {"head": 0.2 * np.sin(t * [3, 4, 5]), "gaze": 0.15 * np.sin(t * [4, 3])}
    beside = {name: curves.astype(np.float32) for name, curves in turns.items()} if turned else {}
    empty_blend()
    made = Stage(tmp_path, EngineSettings(), 24.0, export.Options())
    made.open(None)
    plain = a_line(tmp_path, made, "csv npz", "plain", **beside)
    shown = a_line(tmp_path, made, "csv json", "shown", **beside)
    assert not plain.needs_scene and shown.needs_scene
    assert outputs.write(plain) == "50 frames of motion (2.0 s)"
    outputs.write(shown)
    one, two = (list(csv.reader((tmp_path / f"{name}.csv").open())) for name in ("plain", "shown"))
    assert one[0] == two[0] and [row[0] for row in one] == [row[0] for row in two] and len(one) == 49
    values = [np.array([row[2:] for row in table[1:]], float) for table in (one, two)]
    assert np.abs(values[0] - values[1]).max() < 1e-4 and values[0][:, :52].max() > 0.2
    assert (np.abs(values[0][:, 52:]).max() > 0.1) == turned
