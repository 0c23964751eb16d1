"""Files from strangers: what they may ask for of memory, and what is said to those that ask for more."""

import json
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from flame_samples import flame_arrays, write_flame

from ecoface_model.core import flame_pickle
from ecoface_model.core.constants import LONGEST
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.errors import (
    ArraysError,
    EcoFaceError,
    HeadError,
    MotionError,
    RequestError,
    SoundError,
)
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.core.npz import MOST_BYTES, json_object, read_npy, read_npz
from ecoface_model.sound.timeline import Timeline

MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def little_memory():
    """No refusal here may need much: numpy tells tracemalloc of its arrays, touched or not."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * MEGABYTE, f"{peak / MEGABYTE:.0f} MB"


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    """The beginning of an .npy of this shape."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def bomb(path: Path, megabytes: int) -> Path:
    """Zeros that unpack to a thousand times their size."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("motion.npy", "w") as file:
        file.write(header((megabytes * MEGABYTE // 4,)))
        for _ in range(megabytes):
            file.write(bytes(MEGABYTE))
    return path


def test_arrays_that_claim_more_than_there_is_are_refused_before_room_is_made(tmp_path):
    for shape in ((1 << 40,), (1 << 26, 8), (1 << 62, 1 << 62)):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("motion.npy", header(shape) + bytes(100))
        with pytest.raises(ArraysError, match=r"^expected arrays in a\.npz, found a damaged file"):
            read_npz(tmp_path / "a.npz")
        (tmp_path / "a.npy").write_bytes(header(shape) + bytes(100))
        with pytest.raises(ArraysError, match=r"^expected an array in a\.npy, found a damaged file"):
            read_npy(tmp_path / "a.npy")


def test_a_small_archive_that_unpacks_to_more_than_any_of_ours_is_refused(tmp_path):
    path = bomb(tmp_path / "a.npz", (MOST_BYTES >> 20) + 1)
    assert path.stat().st_size < MEGABYTE
    with pytest.raises(ArraysError, match=r"at most 512 MB of arrays in a\.npz, found 513 MB"):
        read_npz(path)
    with pytest.raises(MotionError):
        FlameMotion.read(path)


def test_an_archive_whose_directory_lies_about_sizes_is_damaged(tmp_path):
    path = bomb(tmp_path / "a.npz", 64)
    said = (64 * MEGABYTE + len(header((16 * MEGABYTE,)))).to_bytes(4, "little")
    data = path.read_bytes()
    assert said in data
    path.write_bytes(data.replace(said, (1000).to_bytes(4, "little")))
    with pytest.raises(ArraysError, match="damaged"):
        read_npz(path)


def test_a_motion_lasts_twelve_hours_at_most():
    still = np.zeros((1000, 53), np.float32)
    assert FlameMotion(still, 1000 / LONGEST).seconds == LONGEST
    with pytest.raises(
        MotionError, match="expected a motion of at most 12 hours, found 1000 frames at 1e-06"
    ):
        FlameMotion(still, 1e-6)


def test_emotions_are_asked_for_within_the_longest_sound():
    assert len(EmotionTrack.parse("happy@0 sad@100").intensity) == 1001
    for far in ("1e12", "1e300", "43201"):
        with pytest.raises(RequestError, match="expected a time in seconds from 0 to 43200 behind @"):
            EmotionTrack.parse(f"happy@0 sad@{far}")
    one = np.ones(2, np.float32), 0.0, 1e-9
    for rate in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(RequestError, match="expected an emotion track of up to 1000 points a second"):
            EmotionTrack(np.zeros((2, 8), np.float32), one[0], rate)


def test_a_sound_lasts_twelve_hours_at_most():
    timeline = Timeline()
    timeline.add(np.zeros((1, 1000), np.float32), 2000)
    with pytest.raises(SoundError, match="expected a sound of at most 12 hours, found a longer one"):
        timeline.silence(1e12)
    with pytest.raises(SoundError, match="12 hours"):
        timeline.add(np.broadcast_to(np.float32(0), (1, 1 << 40)), 2000)
    assert len(timeline.end()) == 8000


def flame_of(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "flame.pkl"
    path.write_bytes(content)
    return path


def test_a_pickled_array_that_claims_more_than_there_is_is_refused(tmp_path):
    arrays = flame_arrays()
    good = pickle.dumps(arrays["weights"], 2)
    for module in (b"numpy.core.multiarray", b"numpy._core.multiarray"):
        ask = b"\x80\x02c" + module + b"\n_reconstruct\ncnumpy\nndarray\n"
        for shape in (b"K\x00\x8a\x06\x00\x00\x00\x00\x00\x01\x86", b"\x8a\x06\x00\x00\x00\x00\x00\x01\x85"):
            path = flame_of(tmp_path, ask + shape + b"U\x01b\x87R.")
            with pytest.raises(HeadError, match="expected an empty array to begin with in a FLAME file"):
                flame_pickle.read_pickle(path)
    n = len(arrays["weights"])
    assert good.count(b"K" + bytes([n])) == 1 or n > 255
    wrong = good.replace(b"K" + bytes([n]), b"J" + (1 << 30).to_bytes(4, "little"))
    with pytest.raises(HeadError, match="found a damaged or different file"):
        flame_pickle.read_pickle(flame_of(tmp_path, wrong))


def test_a_pickle_that_copies_itself_a_thousand_times_is_refused(tmp_path):
    text = b"X" + (4 * MEGABYTE).to_bytes(4, "little") + b"a" * (4 * MEGABYTE)
    again = b"h\x01h\x00X\x06\x00\x00\x00latin1\x86Ra"
    path = flame_of(tmp_path, b"\x80\x02" + text + b"q\x000c_codecs\nencode\nq\x010]" + again * 1000 + b".")
    with pytest.raises(HeadError, match="one that asks for far more memory; do not use this file"):
        flame_pickle.read_pickle(path)


def test_a_pickle_that_wants_to_remember_billions_takes_no_room(tmp_path):
    far = b"\x80\x02]r\xff\xff\xff\x7f."  # LONG_BINPUT 2147483647: Python's own makes 32 GB of room
    assert flame_pickle.read_pickle(flame_of(tmp_path, far)) == []


def test_a_sparse_matrix_that_is_huge_written_out_is_refused(tmp_path):
    scipy_sparse = pytest.importorskip("scipy.sparse")
    small = scipy_sparse.csc_matrix(np.eye(5))
    for shape, starts in (
        ((5, 1 << 40), None),
        ((1 << 20, 1 << 20), None),
        ((5, 5), [0, 1 << 40, 5, 5, 5, 5]),
    ):
        small._shape = shape
        if starts:
            small.indptr = np.array(starts)
        path = flame_of(tmp_path, pickle.dumps(flame_arrays() | {"J_regressor": small}, 2))
        with pytest.raises(HeadError, match="expected a sparse matrix as 'J_regressor'"):
            read_head(path)


def test_a_file_that_is_no_flame_file_by_its_size_is_not_read(tmp_path):
    path = flame_of(tmp_path, b"")
    with path.open("wb") as file:
        file.truncate(flame_pickle.MOST_BYTES + 1)
    with pytest.raises(
        HeadError, match=r"expected a FLAME file of at most 512 MB, found 512 MB in 'flame\.pkl'"
    ):
        read_head(path)


def test_honest_flame_files_have_room(tmp_path):
    for protocol in range(5):
        read_head(write_flame(tmp_path, protocol=protocol))


def test_json_as_deep_or_long_as_can_be_is_no_crash():
    for text in ('{"a":' * 100_000, "[" * 1_000_000, '{"a": ' + "9" * 10_000 + "}"):
        with pytest.raises(ValueError):
            json_object(text)


def test_a_model_s_header_is_believed_within_its_file(tmp_path):
    pytest.importorskip("torch")
    from ecoface_model.checkpoint import read_model

    for length in (1 << 62, 1 << 40, 99 << 20, 0):
        path = tmp_path / "a.safetensors"
        path.write_bytes(length.to_bytes(8, "little") + b'{"__metadata__":{}}' + bytes(100))
        with pytest.raises(EcoFaceError, match=r"a\.safetensors"):
            read_model(path)
    tensor = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    text = json.dumps({"a": tensor, "__metadata__": {"format": "ecoface 2"}}).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(EcoFaceError, match=r"a\.safetensors"):
        read_model(path)
