"""How training data lie on disk."""

import json
from pathlib import Path

import numpy as np
import pytest

from ecoface_model.core.phones import PHONES
from training.data.clips import (
    ClipRow,
    CorpusError,
    motion_path,
    read_clip,
    read_manifest,
    write_clip,
    write_manifest,
)


def row(clip_id: str = "a", **changes: object) -> ClipRow:
    values = dict(
        id=clip_id, speaker="warm", voice="flite-slt", emotion="happy", intensity="strong", sentence="Hello.",
        sentence_id="0", seconds=1.0, split="train", file=f"clips/{clip_id}.npz",
    )  # fmt: skip
    return ClipRow(**(values | changes))  # type: ignore[arg-type]


def write_example(folder: Path) -> None:
    waveform = np.linspace(-32768, 32767, 16_000).astype(np.int16)
    start, end = np.array([0, 0.4], np.float32), np.array([0.4, 1], np.float32)
    write_clip(folder / "clips/a.npz", waveform, start, end, ["SIL", "AA"])


def test_a_clip_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_example(tmp_path)
    clip = read_clip(tmp_path, row())
    assert clip.waveform.dtype == np.float32 and clip.waveform.min() == -1 and clip.n_frames == 25
    assert clip.phone_name == ("SIL", "AA") and clip.phone_end[-1] == 1 and clip.motion is None


def test_a_clip_of_a_real_data_set_has_a_motion_of_its_own_and_no_phones(tmp_path: Path) -> None:
    motion = np.arange(25 * 53, dtype=np.float32).reshape(25, 53)
    write_clip(tmp_path / "clips/a.npz", np.ones(16_000, np.int16), motion=motion)
    clip = read_clip(tmp_path, row())
    assert clip.phone_name == () and clip.phone_start.shape == clip.phone_end.shape == (0,)
    assert clip.motion is not None and clip.n_frames == len(clip.motion)
    np.testing.assert_array_equal(clip.motion, motion)


def test_a_clip_without_a_labelled_emotion_says_so(tmp_path: Path) -> None:
    rows = [row("a", emotion="unknown"), row("b", emotion="sad")]
    assert [r.emotion_is_known for r in rows] == [False, True]
    assert [r.intensity_level for r in rows] == [0, 2]


def test_a_clip_of_unknown_intensity_says_so_and_counts_as_normal(tmp_path: Path) -> None:
    rows = [row("a", intensity="unknown"), row("b"), row("c", emotion="neutral", intensity="unknown")]
    assert [r.intensity_is_known for r in rows] == [False, True, False]
    assert [r.intensity_level for r in rows] == [1, 2, 0]
    assert (rows[0].agreement, rows[0].level, rows[0].licence) == (None, None, "")


def test_a_manifest_from_before_votes_and_licences_is_still_read(tmp_path: Path) -> None:
    write_manifest(tmp_path, [row()])
    line = json.loads((tmp_path / "manifest.jsonl").read_text())
    old = {key: line[key] for key in line if key not in ("agreement", "level", "licence")}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(old) + "\n")
    assert read_manifest(tmp_path) == [row()]


def test_the_motion_of_a_clip_is_found_where_the_performance_step_keeps_it(tmp_path: Path) -> None:
    write_example(tmp_path)
    motion_path(tmp_path, "a").parent.mkdir()
    np.savez(motion_path(tmp_path, "a"), motion=np.ones((25, 53), np.float32))
    motion = read_clip(tmp_path, row()).motion
    assert motion is not None and motion.shape == (25, 53)


def test_a_manifest_comes_back_in_its_order(tmp_path: Path) -> None:
    rows = [row("b"), row("a", emotion="neutral", intensity="normal")]
    write_manifest(tmp_path, rows)
    assert read_manifest(tmp_path) == rows
    assert [r.intensity_level for r in rows] == [2, 0]
    assert not [path for path in tmp_path.iterdir() if path.name != "manifest.jsonl"]


def test_there_are_forty_phones_and_silence_is_the_first() -> None:
    assert len(PHONES) == 40 and PHONES[0] == "SIL"


def test_a_folder_without_a_manifest_is_refused_with_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected a corpus .* found none; run `python -m"):
        read_manifest(tmp_path)


def test_a_damaged_manifest_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"id": "a"}) + "\n")
    with pytest.raises(CorpusError, match="one clip as JSON on line 1"):
        read_manifest(tmp_path)


def test_an_emotion_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"expected one of neutral, .* found 'bored'"):
        row(emotion="bored")


@pytest.mark.parametrize("content", [None, b"PK no zip", b"PK\x03\x04 a zip that breaks off"])
def test_a_missing_or_damaged_clip_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "clips").mkdir()
        (tmp_path / "clips/a.npz").write_bytes(content)
    with pytest.raises(CorpusError, match=r"a\.npz: expected a clip with waveform and phones"):
        read_clip(tmp_path, row())
