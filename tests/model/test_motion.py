"""FlameMotion: what it holds, how it is resampled, and how it lies on disk."""

import errno
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.errors import MotionError, RequestError
from ecoface_model.core.motion_file import FlameMotion


def some_motion(frames: int = 20) -> FlameMotion:
    numbers = np.random.default_rng(0).standard_normal((frames, 53)).astype(np.float32)
    return FlameMotion(numbers, metadata={"style": "anna", "source": "größe.wav", "model": {"name": "tiny"}})


def test_expression_and_jaw_are_the_parts_of_eq_1():
    motion = some_motion()
    np.testing.assert_array_equal(np.hstack([motion.expression, motion.jaw]), motion.motion)
    assert motion.expression.shape == (20, 50) and motion.jaw.shape == (20, 3)
    assert motion.n_frames == 20 and motion.seconds == pytest.approx(0.8)


@pytest.mark.parametrize("fps", [12.5, 24.0, 29.97, 30.0, 60.0, 25.0])
def test_resampling_equals_linear_interpolation_in_time(fps):
    motion = some_motion()
    other = motion.resample(fps)
    assert other.n_frames == round(0.8 * fps) and other.fps == fps and other.metadata == motion.metadata
    for channel in (0, 17, 52):
        by_numpy = np.interp(np.arange(other.n_frames) / fps, np.arange(20) / 25, motion.motion[:, channel])
        np.testing.assert_allclose(other.motion[:, channel], by_numpy, atol=1e-5)


def test_a_file_gives_back_what_was_written_and_holds_the_agreed_arrays(tmp_path):
    motion = some_motion()
    motion.write(tmp_path / "a.npz")
    again = FlameMotion.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.motion, motion.motion)
    assert again.fps == 25.0 and again.metadata == motion.metadata
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == {"motion", "fps", "metadata"}
        assert arrays["motion"].dtype == np.float32 and arrays["metadata"].shape == ()
        assert json.loads(str(arrays["metadata"]))["source"] == "größe.wav"


def test_head_and_gaze_go_through_a_file_and_are_resampled_with_the_motion(tmp_path):
    draw = np.random.default_rng(1)
    head, gaze = (draw.standard_normal((20, n)).astype(np.float32) for n in (3, 2))
    motion = replace(some_motion(), head=head, gaze=gaze)
    motion.write(tmp_path / "a.npz")
    again = FlameMotion.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.head, head)
    np.testing.assert_array_equal(again.gaze, gaze)
    faster = motion.resample(50.0)
    np.testing.assert_allclose(faster.head[1], (head[0] + head[1]) / 2, atol=1e-6)
    np.testing.assert_array_equal(faster.gaze[::2], gaze)


@pytest.mark.parametrize(
    ("name", "shape"), [("head", (20, 2)), ("head", (19, 3)), ("gaze", (20, 3)), ("gaze", ())]
)
def test_head_and_gaze_of_other_shapes_are_refused(name, shape):
    with pytest.raises(MotionError, match=f"expected finite {name} of shape"):
        replace(some_motion(), **{name: np.zeros(shape, np.float32)})
    whole = np.zeros((20, 3 if name == "head" else 2), np.float32)
    whole[4] = np.nan
    with pytest.raises(MotionError, match="with NaN or infinity"):
        replace(some_motion(), **{name: whole})


def test_the_same_motion_gives_the_same_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        some_motion().write(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize(
    ("numbers", "fps", "message"),
    [
        (np.zeros((5, 52), np.float32), 25.0, r"expected motion of shape \(frames, 53\), found \(5, 52\)"),
        (np.zeros((0, 53), np.float32), 25.0, r"expected motion of shape"),
        (np.full((5, 53), np.nan, np.float32), 25.0, "expected finite numbers"),
        (np.zeros((5, 53), np.float32), 0.0, "expected a frame rate above 0, found 0"),
    ],
)
def test_what_is_no_motion_is_refused(numbers, fps, message):
    with pytest.raises(MotionError, match=message):
        FlameMotion(numbers, fps)


def test_resampling_to_no_rate_is_refused():
    with pytest.raises(MotionError, match="expected a frame rate above 0 to resample to, found -1"):
        some_motion().resample(-1.0)


def test_missing_damaged_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(MotionError, match=r"expected a motion file at .*missing.npz, found none"):
        FlameMotion.read(tmp_path / "missing.npz")
    some_motion().write(tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:2000])
    np.savez(tmp_path / "other.npz", motion=np.zeros((3, 53)))
    np.savez(tmp_path / "pickled.npz", motion=np.array([{}], dtype=object), fps=25.0, metadata="{}")
    np.savez(tmp_path / "no_json.npz", motion=np.zeros((3, 53)), fps=25.0, metadata="{")
    for name, text in (("no_object", "[]"), ("deep", "[" * 100_000), ("number", "3")):
        np.savez(tmp_path / f"{name}.npz", motion=np.zeros((3, 53)), fps=25.0, metadata=text)
    np.savez(tmp_path / "rates.npz", motion=np.zeros((3, 53)), fps=np.zeros(3), metadata="{}")
    np.savez_compressed(tmp_path / "flipped.npz", motion=np.ones((300, 53)), fps=25.0, metadata="{}")
    raw = bytearray((tmp_path / "flipped.npz").read_bytes())
    raw[80:120] = bytes(40)
    (tmp_path / "flipped.npz").write_bytes(raw)
    np.save(tmp_path / "array.npy", np.zeros((3, 53)))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    (tmp_path / "text.npz").write_text("no motion")
    (tmp_path / "empty.npz").touch()
    for name in (
        "cut",
        "other",
        "pickled",
        "no_json",
        "no_object",
        "deep",
        "number",
        "rates",
        "flipped",
        "array",
        "text",
        "empty",
    ):
        with pytest.raises(MotionError, match=rf"expected a motion \.npz of EcoFace in {name}\.npz"):
            FlameMotion.read(tmp_path / f"{name}.npz")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyError), atomic_write(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise KeyError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_the_temporary_file_stands_beside_and_keeps_the_suffix(tmp_path):
    with atomic_write(tmp_path / "a.tar.mp4") as temporary:
        assert temporary.parent == tmp_path and temporary.suffix == ".mp4" and temporary.name != "a.tar.mp4"
        temporary.write_text("new")
    assert (tmp_path / "a.tar.mp4").read_text() == "new"


def test_places_that_cannot_be_written_are_said_in_one_sentence(tmp_path):
    with pytest.raises(RequestError, match=r"expected a folder .*nowhere to write a.npz into, found none"):
        some_motion().write(tmp_path / "nowhere" / "a.npz")
    with pytest.raises(RequestError, match=r"expected a file name to write, found the folder"):
        some_motion().write(tmp_path)
    with (
        pytest.raises(RequestError, match=r"cannot write .*a.npz \(No space left on device\)"),
        atomic_write(tmp_path / "a.npz"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def spoken_motion() -> FlameMotion:
    phones = np.random.default_rng(1).dirichlet(np.ones(5), 20)
    return replace(some_motion(), phones=np.round(255 * phones).astype(np.uint8))


def test_phones_are_written_and_read_and_files_without_them_too(tmp_path):
    spoken_motion().write(tmp_path / "a.npz", beside=np.ones(3))
    again = FlameMotion.read(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.phones, spoken_motion().phones)
    assert again.phones.dtype == np.uint8
    some_motion().write(tmp_path / "b.npz")
    assert FlameMotion.read(tmp_path / "b.npz").phones is None


def test_phones_are_resampled_as_the_motion_and_stay_shares():
    motion = spoken_motion()
    for fps in (12.0, 24.0, 60.0):
        other = motion.resample(fps)
        assert other.phones.shape == (other.n_frames, 5) and other.phones.dtype == np.uint8
        for phone in range(5):
            line = np.interp(np.arange(other.n_frames) / fps, np.arange(20) / 25, motion.phones[:, phone])
            np.testing.assert_allclose(other.phones[:, phone], line, atol=0.51)
        assert np.abs(other.phones.astype(int).sum(axis=1) - 255).max() <= 4
    assert some_motion().resample(24.0).phones is None


def test_phones_of_another_length_are_refused():
    for phones in (np.zeros((19, 5), np.uint8), np.zeros(20, np.uint8)):
        with pytest.raises(MotionError, match="expected phones of 20 frames, found"):
            replace(some_motion(), phones=phones)
