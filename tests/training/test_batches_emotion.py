"""Batches of the emotion stage: what is heard and seen of synthetic clips, and heard of recorded voices."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_corpus import write_tiny_corpus, write_tiny_voices

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from training.batches.emotion import BASELINE_SHARES, EmotionBatch, EmotionClips
from training.data import voice_clips
from training.data.clips import ClipRow, CorpusError, read_manifest, write_manifest
from training.data.face_store import FaceStore
from training.data.voice_clips import LINES, MISHEARD, NEUTRAL, VoiceClips

N_CLIPS, N_REAL, FRAMES, SEEN = 6, 5, 12, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batches")
    write_tiny_corpus(folder, 8, 8, 32, n_variants=2)
    write_tiny_voices(folder / "voices", 8, n_variants=2)
    rows = [disagreed(row) for row in read_manifest(folder / "voices")]
    write_manifest(folder / "voices", rows)
    return folder


def disagreed(row: ClipRow) -> ClipRow:
    """Anna's listeners hear what is meant, half of Ben's hear something else."""
    return ClipRow(**vars(row) | {"agreement": 1.0 if "anna" in row.voice else 0.5})


@pytest.fixture(scope="module")
def clips(folder: Path) -> EmotionClips:
    synthetic = VoiceClips(folder / "corpus", folder / "features", "train", 2)
    real = VoiceClips(folder / "voices", folder / "voices" / "features", "train", 2)
    return EmotionClips(synthetic, FaceStore(folder / "faces"), real, 2)


@pytest.fixture(autouse=True)
def five_lines_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many does a tiny voice have."""
    monkeypatch.setattr(voice_clips, "FEWEST_LINES", 5)


def drawn(clips: EmotionClips, seed: int) -> EmotionBatch:
    return clips.batch(np.random.default_rng(seed), N_CLIPS, N_REAL, FRAMES, SEEN)


def test_every_clip_is_heard_in_two_views_and_the_synthetic_ones_are_seen_in_two(clips):
    batch = drawn(clips, 0)
    views, width = 2 * (N_CLIPS + N_REAL), clips.synthetic.width
    assert batch.rows.shape == (views, FRAMES, width) and batch.speech.shape == (views, FRAMES)
    assert batch.faces.shape == (2 * N_CLIPS, SEEN, 1, 32, 32) and len(batch.beside) == N_CLIPS
    assert len(batch.ids) == N_CLIPS + N_REAL
    for values in (batch.emotion, batch.intensity, batch.known, batch.weight):
        assert torch.equal(values[::2], values[1::2])
    assert not torch.equal(batch.rows[::2], batch.rows[1::2])
    assert not torch.equal(batch.faces[::2], batch.faces[1::2])
    assert torch.equal(batch.intensity == 0, batch.emotion == 0)


def test_the_first_views_are_of_the_corpus_and_the_others_of_recorded_voices(clips):
    batch, rows = drawn(clips, 1), {row.id: row for row in (*clips.synthetic.rows, *clips.real.rows)}
    assert [rows[name].dataset for name in batch.ids] == ["synthetic"] * N_CLIPS + ["crema-d"] * N_REAL
    for view in range(2 * len(batch.ids)):
        row = rows[batch.ids[view // 2]]
        assert EMOTIONS[int(batch.emotion[view])] == row.emotion
        assert bool(batch.known[view]) == (row.intensity != "unknown")
        if row.intensity_is_known:
            assert int(batch.intensity[view]) == row.intensity_level


def test_the_views_are_pieces_of_the_clip_in_one_of_its_recordings(clips):
    batch = drawn(clips, 2)
    for view in range(0, 2 * len(batch.ids)):
        real = view >= 2 * N_CLIPS
        owner = clips.real if real else clips.synthetic
        index = [row.id for row in owner.rows].index(batch.ids[view // 2])
        recordings = [owner.stores[variant][owner.rows[index].id] for variant in (0, 1)]
        found = [
            np.array_equal(batch.rows[view].numpy(), stored[start : start + FRAMES].astype(np.float32))
            for stored in recordings
            for start in range(len(stored) - FRAMES + 1)
        ]
        assert sum(found) == 1


def test_recordings_beyond_those_that_the_encoder_hears_are_never_drawn(clips):
    first = EmotionClips(clips.synthetic, clips.faces, clips.real, 1)
    batch = drawn(first, 2)
    owners = [clips.synthetic] * (2 * N_CLIPS) + [clips.real] * (2 * N_REAL)
    for view, owner in enumerate(owners):
        index = [row.id for row in owner.rows].index(batch.ids[view // 2])
        stored = owner.stores[0][owner.rows[index].id].astype(np.float32)
        rows = batch.rows[view].numpy()
        starts = range(len(stored) - FRAMES + 1)
        assert any(np.array_equal(rows, stored[start : start + FRAMES]) for start in starts)


def test_faces_lie_within_what_is_heard_of_the_first_view(clips):
    for seed in range(8):
        beside = drawn(clips, seed).beside
        assert (beside % 2 == 0).all() and beside.min() >= 0 and beside.max() <= 2 * (FRAMES - SEEN)


def test_emotions_of_recorded_voices_are_even_and_so_are_intensities_of_synthetic_clips(clips):
    batches = [clips.batch(np.random.default_rng(seed), 20, 20, FRAMES, SEEN) for seed in range(10)]
    real = torch.cat([batch.emotion[40::2] for batch in batches])
    counts = torch.bincount(real, minlength=8)
    assert counts.nonzero().flatten().tolist() == [EMOTIONS.index(e) for e in ("neutral", "sad", "angry")]
    assert counts[counts > 0].min() > 40
    synthetic = torch.cat([batch.emotion[:40:2] for batch in batches])
    assert torch.bincount(synthetic, minlength=8).min() > 10
    strong = torch.cat([batch.intensity[:40:2] for batch in batches])[synthetic > 0] == 2
    assert strong.float().mean().item() == pytest.approx(0.5, abs=0.12)


def test_views_have_voice_baselines_as_often_as_they_should_and_none_where_there_is_none(clips):
    batches = [clips.batch(np.random.default_rng(seed), 20, 20, FRAMES, SEEN) for seed in range(10)]
    kinds = torch.cat([batch.kind for batch in batches])
    shares = [(kinds == kind).float().mean().item() for kind in (NO_BASELINE, LINES, NEUTRAL)]
    np.testing.assert_allclose(shares, BASELINE_SHARES, atol=0.06)
    for batch in batches:
        has = batch.baseline.abs().amax(dim=1) > 0
        assert torch.equal(has, batch.kind != NO_BASELINE)


def test_clips_whose_listeners_heard_something_else_count_less(clips):
    batch = drawn(clips, 3)
    assert (batch.weight[: 2 * N_CLIPS] == 1).all(), "nobody was asked"
    for view, weight in enumerate(batch.weight[2 * N_CLIPS :].tolist()):
        name = batch.ids[N_CLIPS + view // 2]
        assert weight == pytest.approx(1.0 if "anna" in name else (1 + MISHEARD) / 2)


def test_an_emotion_without_faces_is_refused(folder, clips, tmp_path):
    class Blind(FaceStore):
        def __contains__(self, name):
            return "angry" not in name and super().__contains__(name)

    with pytest.raises(CorpusError, match=r"found none of angry; make a larger corpus, and its faces again"):
        EmotionClips(clips.synthetic, Blind(folder / "faces"), None)


def test_without_recorded_voices_a_batch_is_of_the_corpus_alone(clips):
    alone = EmotionClips(clips.synthetic, clips.faces, None)
    batch = alone.batch(np.random.default_rng(0), N_CLIPS, 0, FRAMES, SEEN)
    assert len(batch.rows) == 2 * N_CLIPS == len(batch.faces)


def test_some_clips_of_every_class_are_chosen_evenly(clips):
    chosen = clips.evenly(1)
    rows = [clips.synthetic.rows[index] for index in chosen]
    assert len({(row.emotion, row.intensity) for row in rows}) == len(rows) == 15
    assert len(clips.evenly(99)) == len(clips.seen) == len(clips.rows_seen) == 30
