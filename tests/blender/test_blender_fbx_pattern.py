"""Lines of a batch as FBX: what the pattern gives is, node by node, what Blender's exporter writes."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, talking_motion
from export_support import arkit_head, read_by_others, talk, talking_head
from test_blender_export_turned import eyed_head

from ecoface_blender import same_file
from ecoface_blender.animation import actions
from ecoface_blender.export import export, fbx_lines
from ecoface_blender.export.export import Options
from ecoface_blender.export.fbx_pattern import Pattern
from ecoface_blender.heads import face_kinds, shape_keys
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.head_turn import HeadTurn

pytestmark = pytest.mark.blender_version

OPTIONS = {
    "unreal": {},
    "unity": {"target": "UNITY"},
    "raw for blender": {"keys": "RAW", "target": "BLENDER"},
    "arkit": {"keys": "ARKIT"},
    "curves": {"animation_only": True},
}
REST = {"unity", "raw for blender", "arkit"}  # of the ways to write a file: in make test-all
POSED = {b"Lcl Rotation", b"Lcl Translation", b"Lcl Scaling", b"d|X", b"d|Y", b"d|Z"}
OF_NOW = {b"Year", b"Month", b"Day", b"Hour", b"Minute", b"Second", b"Millisecond"}


@pytest.fixture
def base(tmp_path):
    """A file to begin with, which is opened for each line."""
    talking_head(arkit_head(), tmp_path)
    bpy.data.objects["Anna"].data.shape_keys.animation_data_clear()
    path = tmp_path / "base.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    return path


def speak(base, seed, n_frames, start, rate=25.0):
    """Anna, who speaks some line."""
    bpy.ops.wm.open_mainfile(filepath=str(base))
    head = bpy.data.objects["Anna"]
    talk(head, n_frames, start, seed)
    render = bpy.context.scene.render
    render.fps, render.fps_base = round(rate), round(rate) / rate
    return head


def write(head, path, arrays, **given):
    return export.write(bpy.context, head, path, Options(**given), arrays)


def quick_first(options):
    """Names of ways to write a file; of the rest, slow ones."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in REST else name for name in options]


@pytest.mark.parametrize("name", quick_first(OPTIONS))
def test_a_lines_file_is_node_by_node_the_exporters(base, tmp_path, name):
    arrays = arkit_head()
    for seed, n_frames, start, rate in ((1, 12, 4, 25.0), (2, 40, 1, 25.0), (3, 7, 20, 30 / 1.001)):
        head = speak(base, seed, n_frames, start, rate)
        theirs = tree(write(head, tmp_path / "theirs.fbx", arrays, **OPTIONS[name]))
        with same_file.same_file(base):
            ours = tree(write(head, tmp_path / "ours.fbx", arrays, **OPTIONS[name]))
            assert any(isinstance(kept, Pattern) for kept in same_file._kept.values())
        assert sum(at[-1] == b"KeyValueFloat" for at, _ in theirs) > 4
        assert [at for at, _ in ours] == [at for at, _ in theirs]
        for (at, one), (_, other) in zip(ours, theirs, strict=True):
            assert one == other, at


@pytest.mark.parametrize("start", [0, 4])
def test_ufbx_reads_the_same_face_of_both(base, tmp_path, start):
    arrays, frames = arkit_head(), start + np.arange(12)
    paths = [tmp_path / "theirs.fbx", tmp_path / "ours.fbx"]
    with same_file.same_file(base):
        for seed in (1, 2):  # the second is the first that is not the pattern's own line
            head = speak(base, seed, len(frames), start)
            write(head, paths[1], arrays)
    write(head, paths[0], arrays)
    read = read_by_others(tmp_path, paths, frames)
    for what in ("names", "values", "vertices"):
        np.testing.assert_array_equal(read[f"ours.fbx {what}"], read[f"theirs.fbx {what}"])
    assert np.ptp(read["ours.fbx values"], axis=0).max() > 0.1


def test_blenders_exporter_writes_the_keys_once_for_all_lines(base, tmp_path, monkeypatch):
    arrays, asked = arkit_head(), []
    monkeypatch.setattr(
        fbx_lines, "_numbered", lambda meshes, real=fbx_lines._numbered: asked.append(0) or real(meshes)
    )
    with same_file.same_file(base):
        for seed in range(3):
            write(speak(base, seed, 5, 1), tmp_path / f"{seed}.fbx", arrays)
        assert len(asked) == 1
        write(speak(base, 0, 5, 1), tmp_path / "raw.fbx", arrays, keys="RAW")
        assert len(asked) == 2
        head = speak(base, 0, 5, 1)
        head.data.shape_keys.key_blocks[1].slider_max = 5  # another key, then
        write(head, tmp_path / "a.fbx", arrays)
        assert len(asked) == 3
        head.location.x += 1
        write(head, tmp_path / "b.fbx", arrays)
        assert len(asked) == 4
    write(speak(base, 0, 5, 1), tmp_path / "alone.fbx", arrays)
    assert len(asked) == 4


TURNED = {
    "unreal": {},
    "unity": {"target": "UNITY"},
    "raw for blender": {"keys": "RAW", "target": "BLENDER"},
    "jaw": {"jaw_bone": True},
    "arkit": {"keys": "ARKIT"},
    "curves": {"animation_only": True},
}


@pytest.mark.parametrize("name", quick_first(TURNED))
def test_bones_of_neck_eyes_and_jaw_turn_in_a_lines_file_as_in_the_exporters(tmp_path, name):
    arrays, base = eyed_head(), tmp_path / "base.blend"
    head = heads.add_head(empty_blend(), arrays, "Anna")
    head.location, head.rotation_euler, head.scale = (0.1, 0.2, 0.3), (0.1, 0.2, 0.3), (2, 2, 2)
    bpy.ops.wm.save_as_mainfile(filepath=str(base), copy=True)
    for seed, n_frames, start in ((1, 12, 4), (2, 40, 1)):
        bpy.ops.wm.open_mainfile(filepath=str(base))
        head = bpy.data.objects["Anna"]
        turn(head, seed, n_frames, start)
        theirs = tree(write(head, tmp_path / "theirs.fbx", arrays, **TURNED[name]))
        with same_file.same_file(base):
            ours = tree(write(head, tmp_path / "ours.fbx", arrays, **TURNED[name]))
            assert any(isinstance(kept, Pattern) for kept in same_file._kept.values())
        assert [at for at, _ in ours] == [at for at, _ in theirs]
        for (at, one), (_, other) in zip(ours, theirs, strict=True):
            if at[-1] == b"KeyValueFloat" and one != other:
                curves = (np.frombuffer(each[0], "<f4") for each in (one, other))
                np.testing.assert_allclose(*curves, atol=1e-3, rtol=1e-5)
            elif at[-1] == b"P" and one[0] in POSED:  # in the frame in which it was written
                assert one[:4] == other[:4]
            elif at[-2:] != (b"AnimationCurve", b"Default"):  # likewise
                assert one == other, at


def turn(head, seed, n_frames, start):
    """Anna, who speaks some line and turns head and eyes."""
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 25, 1
    time = np.arange(n_frames) / 25 + seed
    turns = np.column_stack([0.2 * np.sin(9 * time), 0.4 * np.sin(5 * time), 0.1 * np.cos(7 * time)])
    gaze = np.column_stack([0.3 * np.sin(8 * time), 0.2 * np.cos(6 * time)])
    motion = 0.5 * talking_motion(n_frames, seed)
    channels = face_kinds.known_rig(head).channels(motion, None, HeadTurn.of(turns, gaze, n_frames))
    actions.write_channels(channels, start + np.arange(n_frames, dtype=float), "Take", {"seed": 3})


@pytest.mark.parametrize("what", ["modifier", "carried"])
def test_what_is_more_than_curves_is_left_to_the_exporter(base, tmp_path, what):
    head, given = speak(base, 1, 5, 1), {}
    if what == "modifier":
        head.modifiers.new("Twice", "MIRROR").use_mirror_merge = False
    if what == "carried":
        head.keyframe_insert("location", frame=1)
        head.location.x += 1
        head.keyframe_insert("location", frame=5)
    arrays = arkit_head()
    theirs = tree(write(head, tmp_path / "theirs.fbx", arrays, **given))
    with same_file.same_file(base):
        assert tree(write(head, tmp_path / "ours.fbx", arrays, **given)) == theirs


def test_what_was_found_of_a_file_is_forgotten_with_it(base, tmp_path):
    other = tmp_path / "other.blend"
    other.write_bytes(base.read_bytes())
    found = iter(range(10))

    def once():
        return same_file.once("key", lambda: next(found))

    with same_file.same_file(base):
        assert (once(), once()) == (0, 0)
    assert (once(), once()) == (1, 2)
    with same_file.same_file(base):
        assert once() == 0
    with same_file.same_file(other):
        assert once() == 3
    with same_file.same_file(base):
        assert once() == 4
        for number in range(same_file.MOST):
            same_file.once(number, lambda: None)
        assert once() == 5


def test_a_head_is_analysed_once_for_all_lines(base, monkeypatch):
    asked = []
    monkeypatch.setattr(shape_keys, "_retarget_of", lambda *given: asked.append(given))
    head = speak(base, 0, 5, 1)
    with same_file.same_file(base):
        for _ in range(2):
            shape_keys.retarget_of(head, {"jawOpen": [("Jaw Open", 1.0)]}, None)
    shape_keys.retarget_of(head, {"jawOpen": [("Jaw Open", 1.0)]}, None)
    assert len(asked) == 2


def test_no_fbx_is_refused(tmp_path):
    empty_blend()
    bpy.ops.mesh.primitive_cube_add()
    path = tmp_path / "cube.fbx"
    bpy.ops.export_scene.fbx(filepath=str(path), bake_anim=False)
    for data in (b"", b"no FBX " * 20, path.read_bytes(), path.read_bytes()[:-2000]):
        with pytest.raises(ValueError):
            Pattern(data, (1, 2), 25.0, np.empty((2, 0)))


def tree(path):
    """Nodes of an FBX by Blender's own reader, with what they hold but for the time of writing and the value
    that a key has at rest."""
    from io_scene_fbx import parse_fbx

    root, _ = parse_fbx.parse(str(path))
    out = []

    def look(node, above):
        at = (*above, node.id)
        props = [each.tobytes() if hasattr(each, "tobytes") else each for each in node.props]
        if node.id in OF_NOW or node.id in (b"CreationTime", b"DeformPercent"):
            props = []
        if node.id == b"P" and b"Geometry" in at and b"A" in props:
            props = props[:4]
        out.append((at, props))
        for each in node.elems:
            look(each, at)

    look(root, ())
    return out
