"""Clips as the front hears them: pieces, where somebody speaks, baselines of a voice from its other lines."""

from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import write_store

from ecoface_model.core.constants import EMOTIONS, SAMPLES_PER_FRAME
from training.data import voice_clips
from training.data.clips import UNKNOWN, ClipRow, CorpusError, write_clip, write_manifest
from training.data.voice_clips import LINES, NEUTRAL, VoiceClips

FRAMES, WIDTH, QUIET = 30, 5, 10
"""QUIET frames begin every clip."""
OF_A_VOICE = ("neutral", "neutral", "angry", "angry", "sad", "sad", "happy")


def row_of(name: str, voice: str, emotion: str, intensity: str = "normal", split: str = "train") -> ClipRow:
    return ClipRow(
        id=name, speaker=voice, voice=voice, emotion=emotion, intensity=intensity, sentence="Ah.",
        sentence_id="0", seconds=FRAMES / 25, split=split, file=f"clips/{name}.npz",
    )  # fmt: skip


def front_of(number: int, variant: int) -> np.ndarray:
    """Rows that tell the clip, the variant and the frame; what is heard in the quiet is another thing."""
    rows = np.zeros((FRAMES, WIDTH))
    rows[:, 0], rows[:, 1], rows[:, 2] = number, variant, np.arange(FRAMES)
    rows[:QUIET, 3] = 100
    rows[:, 4] = 2.0**number
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two voices: one of seven lines, one of three that are never neutral; a clip without an emotion."""
    folder = tmp_path_factory.mktemp("voices")
    rows = [row_of(f"anna-{n}", "anna", emotion) for n, emotion in enumerate(OF_A_VOICE)]
    rows += [
        row_of("ben-0", "ben", "angry", "strong"), row_of("ben-1", "ben", "sad", UNKNOWN),
        row_of("ben-2", "ben", "sad", "strong"), row_of("nobody", "anna", UNKNOWN),
        row_of("other", "anna", "neutral", split="val"),
    ]  # fmt: skip
    time = np.arange(FRAMES * SAMPLES_PER_FRAME)
    sound = (9000 * np.sin(0.1 * time) * np.sin(0.0011 * time) ** 2).astype(np.int16)
    sound[: QUIET * SAMPLES_PER_FRAME] = 0
    for row in rows:
        write_clip(folder / row.file, sound)
    write_manifest(folder, rows)
    for variant in (0, 1):
        stored = {row.id: front_of(number, variant) for number, row in enumerate(rows)}
        write_store(folder / "features", "front", variant, stored)
    return folder


@pytest.fixture(scope="module")
def clips(folder: Path) -> VoiceClips:
    return VoiceClips(folder, folder / "features", "train", 2)


@pytest.fixture(autouse=True)
def five_lines_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many does a tiny voice have."""
    monkeypatch.setattr(voice_clips, "FEWEST_LINES", 5)


def test_clips_of_the_split_that_have_an_emotion_take_part(clips):
    assert [row.id for row in clips.rows] == [*(f"anna-{n}" for n in range(7)), "ben-0", "ben-1", "ben-2"]
    assert clips.width == WIDTH and clips.means.shape == (2, 10, WIDTH)


def test_a_clip_of_unknown_intensity_belongs_to_its_emotion_but_to_no_level(clips):
    sad = EMOTIONS.index("sad")
    assert clips.members(sad).tolist() == [4, 5, 8, 9]
    assert clips.members(sad, 1).tolist() == [4, 5] and clips.members(sad, 2).tolist() == [9]
    assert clips.members(0, 0).tolist() == [0, 1]
    assert clips.known.tolist() == [True] * 8 + [False, True]


def test_data_sets_may_be_left_out(folder):
    assert len(VoiceClips(folder, folder / "features", "train", 1, leave_out=("crema-d",)).rows) == 10
    with pytest.raises(CorpusError, match="found none"):
        VoiceClips(folder, folder / "features", "train", 1, leave_out=("synthetic",))


def test_a_piece_within_a_clip_is_what_the_front_gave_of_that_recording(clips):
    piece = clips.piece(3, 1, 12, 8)
    assert piece.rows.dtype == np.float32
    np.testing.assert_array_equal(piece.rows[:, :3], [(3, 1, 12 + frame) for frame in range(8)])
    np.testing.assert_array_equal(piece.speech, clips.speech[3][12:20])


def test_beyond_the_ends_of_a_clip_nobody_speaks(clips):
    piece = clips.piece(2, 0, -4, FRAMES + 10)
    assert piece.rows.shape == (FRAMES + 10, WIDTH)
    assert not piece.rows[:4].any() and not piece.rows[-6:].any()
    assert not piece.speech[:4].any() and not piece.speech[-6:].any()
    np.testing.assert_array_equal(piece.rows[4:-6, 2], np.arange(FRAMES))
    np.testing.assert_array_equal(piece.speech[4:-6], clips.speech[2])


def test_means_are_of_the_speech_alone(clips):
    speech = clips.speech[0]
    assert speech[: QUIET - 3].max() == 0 and speech.max() == 1
    np.testing.assert_allclose(clips.means[1, 3, :2], [3, 1], atol=1e-5)
    expected = (np.arange(FRAMES) * speech).sum() / speech.sum()
    assert clips.means[0, 0, 2] == pytest.approx(expected, rel=1e-5)


def drawn_from(baseline: np.ndarray, n: int) -> set[int]:
    """Which clips a mean of n is of: the last column is a sum of powers of two."""
    total = round(float(baseline[4]) * n)
    return {number for number in range(10) if total >> number & 1}


def test_a_baseline_is_of_other_lines_of_the_voice_never_of_the_clip_itself(clips):
    rng = np.random.default_rng(0)
    for index in range(7):
        for _ in range(20):
            baseline = clips.baseline(index, 1, LINES, rng, n_lines=5)
            assert baseline is not None and baseline[1] == pytest.approx(1), "of the same recording"
            lines = drawn_from(baseline, 5)
            assert len(lines) == 5 and index not in lines and lines <= set(range(7))


def test_a_neutral_baseline_is_of_neutral_lines_alone(clips):
    rng = np.random.default_rng(0)
    seen = [drawn_from(clips.baseline(2, 0, NEUTRAL, rng, n_lines=1), 1) for _ in range(30)]
    assert {frozenset(lines) for lines in seen} == {frozenset({0}), frozenset({1})}
    assert drawn_from(clips.baseline(0, 0, NEUTRAL, rng), 1) == {1}, "a neutral clip has the other one"


def test_a_voice_with_too_few_lines_has_no_baseline(clips):
    rng = np.random.default_rng(0)
    assert clips.baseline(7, 0, LINES, rng) is None, "two other lines are too few"
    assert clips.baseline(7, 0, NEUTRAL, rng) is None, "none of them is neutral"
    assert clips.baseline(0, 0, LINES, rng, n_lines=7) is None, "six others are no seven"
    assert clips.baseline(0, 0, LINES, rng) is not None
    assert clips.baseline(0, 0, 0, rng) is None, "none is wanted"


def test_statistics_are_of_the_speech(clips):
    mean, std = clips.statistics()
    rows = np.concatenate([front_of(n, 0)[clips.speech[n] > 0.5] for n in range(10)])
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(std, rows.std(axis=0) + 1e-3, rtol=1e-5)


def test_splits_without_clips_and_clips_without_features_are_refused(folder, tmp_path):
    with pytest.raises(CorpusError, match=r"an emotion in the split 'test' of .* found none"):
        VoiceClips(folder, folder / "features", "test", 1)
    with pytest.raises(CorpusError, match=r"run `python -m training.features` first"):
        VoiceClips(folder, tmp_path, "train", 1)
    write_store(tmp_path, "front", 0, {"anna-0": front_of(0, 0)})
    with pytest.raises(CorpusError, match=r"expected features of anna-1 in .*--kind front` again"):
        VoiceClips(folder, tmp_path, "train", 1)
