"""Training of the sync-expert on a tiny synthetic corpus, whose content is a copy of how the jaw moves."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from training.batches.sync import ALIKE, KINDS, NegativeShares, SyncClips
from training.data.clips import ClipRow, CorpusError, motion_path, write_clip, write_manifest
from training.objectives.sync_expert import SyncConfig, SyncExpert
from training.train_sync import (
    CURVE,
    EXPERT,
    SCORES,
    TrainSyncConfig,
    cosines,
    main,
    mean_shift_curve,
    prepared_expert,
    sync_losses,
)

N_VARIANTS, CONTENT_DIM = 2, 5
N_FRAMES = {"train": [160, 175, 10, 190, 164, 280], "val": [170, 166, 182]}  # one is too short to be of use
TINY = SyncConfig(content_dim=CONTENT_DIM, hidden_dim=32, embedding_dim=48)


def write_corpus(folder: Path) -> None:
    """Jaws that open and close at random; the last 30 frames of each clip are a pause.

    Content: the jaw at 50 Hz, 5 times, early to late; in another store also the clip's number, the step's and
    the variant's.
    """
    rng = np.random.default_rng(0)
    rows, tracks = [], []
    (folder / "motions").mkdir(parents=True)
    for split, lengths in N_FRAMES.items():
        for n_frames in lengths:
            clip_id = f"{split}-{len(rows)}"
            steps = np.convolve(rng.standard_normal(2 * n_frames + 10), np.hanning(11), "valid")
            steps[2 * n_frames - 60 :] = 0
            motion = np.zeros((n_frames, 53), np.float32)
            motion[:, 50] = 0.1 + 0.05 * steps[::2]
            np.savez(motion_path(folder, clip_id), motion=motion)
            samples, ends = np.zeros(n_frames * 640, np.int16), np.array([n_frames / 25], np.float32)
            write_clip(folder / f"clips/{clip_id}.npz", samples, ends * 0, ends, ["AA"])
            rows.append(
                ClipRow(
                    id=clip_id, speaker="warm", voice="v", emotion="happy", intensity="normal",
                    sentence="Ah.", sentence_id=clip_id, seconds=n_frames / 25, split=split,
                    file=f"clips/{clip_id}.npz",
                )
            )  # fmt: skip
            heard = np.stack([np.roll(steps, lag) for lag in range(-4, 5, 2)], axis=1)
            tracks.append(heard)
    write_manifest(folder, rows)
    for name, labelled in (("features", False), ("labelled", True)):
        write_features(folder / name, [row.id for row in rows], tracks, labelled)


def write_features(folder: Path, ids: list[str], tracks: list[np.ndarray], labelled: bool) -> None:
    """What training.features leaves behind, without an encoder."""
    folder.mkdir()
    stops = np.cumsum([len(track) for track in tracks])
    spans = {i: (int(b) - len(t), int(b)) for i, t, b in zip(ids, tracks, stops, strict=True)}
    for variant in range(N_VARIANTS):
        data = np.concatenate(tracks)
        if labelled:
            numbers = [(n, step, variant) for n, track in enumerate(tracks) for step in range(len(track))]
            data = np.concatenate([data, np.array(numbers)], axis=1)
        data.astype(np.float16).tofile(folder / f"content_{variant}.f16")
        (folder / f"content_{variant}.json").write_text(json.dumps(spans))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder)
    return folder


@pytest.fixture(scope="module")
def head() -> FlameHead:
    return FlameHead.from_file(read_head())


@pytest.fixture(scope="module")
def clips(corpus: Path, head: FlameHead) -> SyncClips:
    return SyncClips(corpus, corpus / "features", "train", N_VARIANTS, head)


@pytest.fixture(scope="module")
def labelled_clips(corpus: Path, head: FlameHead) -> SyncClips:
    return SyncClips(corpus, corpus / "labelled", "train", N_VARIANTS, head)


def tiny_config(corpus: Path, run: Path, n_steps: int) -> TrainSyncConfig:
    return TrainSyncConfig(
        run=run, corpus=corpus, features=corpus / "features", n_variants=N_VARIANTS, expert=TINY,
        n_steps=n_steps, batch_size=96, learning_rate=3e-3, warm_up=3, log_every=1,
        score_every=max(2, n_steps // 2), n_scored=400, device="cpu",
    )  # fmt: skip


def test_a_run_learns_what_belongs_together_and_writes_expert_scores_and_curve(corpus, tmp_path):
    main(tiny_config(corpus, tmp_path / "run", 80))
    expert = SyncExpert.load(tmp_path / "run" / EXPERT)
    scores = json.loads((tmp_path / "run" / SCORES).read_text())
    curve = {int(shift): value for shift, value in scores.pop("cosine_by_shift").items()}
    assert expert.held_out == scores and expert.better_than_guessing
    for kind in KINDS:
        assert scores[f"accuracy_{kind}"] > 0.75
    assert list(curve) == list(range(-15, 16)) and max(curve, key=curve.__getitem__) == 0
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {CURVE, "config.json", "log.csv", "losses.png"}


def test_an_interrupted_run_ends_with_the_same_weights_and_scores(corpus, tmp_path, monkeypatch):
    main(tiny_config(corpus, tmp_path / "whole", 4))
    calls, real_batch = [], SyncClips.batch

    def failing_batch(self, rng, size, *rest):
        calls.append(size)
        if calls.count(96) == 4:
            raise KeyboardInterrupt
        return real_batch(self, rng, size, *rest)

    monkeypatch.setattr(SyncClips, "batch", failing_batch)
    with pytest.raises(KeyboardInterrupt):
        main(tiny_config(corpus, tmp_path / "cut", 4))
    monkeypatch.undo()
    main(tiny_config(corpus, tmp_path / "cut", 4))
    cut, whole = (load_file(tmp_path / name / EXPERT) for name in ("cut", "whole"))
    assert cut.keys() == whole.keys() and all(torch.equal(cut[name], whole[name]) for name in whole)
    assert (
        SyncExpert.load(tmp_path / "cut" / EXPERT).held_out
        == SyncExpert.load(tmp_path / "whole" / EXPERT).held_out
    )


def test_right_content_is_the_windows_own_and_wrong_content_comes_from_where_its_kind_says(labelled_clips):
    clips = labelled_clips
    batch = clips.batch(np.random.default_rng(0), 3000, NegativeShares(), 1)
    number, step, variant = (np.stack([batch.content, batch.wrong_content])[..., i] for i in (5, 6, 7))
    assert (np.diff(step, axis=2) == 1).all() and (step % 2 == np.arange(10) % 2).all()
    assert (variant == variant[0, :, :1]).all() and set(variant.ravel()) == {0, 1}
    lengths = np.array(N_FRAMES["train"])
    assert (step[:, :, -1] < 2 * lengths[number[:, :, 0].astype(int)]).all()
    kind, same = batch.kind.numpy(), number[0, :, 0] == number[1, :, 0]
    apart = np.abs(step[0, :, 0] - step[1, :, 0]) / 2  # frames
    assert not same[kind == 0].any() and same[kind > 0].all()
    assert apart[kind == 1].min() == 6 and apart[kind == 1].max() > 60
    assert set(apart[kind == 2]) == {2, 3, 4, 5}
    later = (step[1, :, 0] > step[0, :, 0])[kind == 2]
    assert later.mean() == pytest.approx(0.5, abs=0.05)
    assert np.bincount(kind) / 3000 == pytest.approx([0.25, 0.375, 0.375], abs=0.03)
    for window in range(0, 3000, 500):
        first = int(step[0, window, 0]) // 2
        mouth = clips.clips()[clips.ids.index(batch.ids[window])][0]
        assert torch.equal(batch.mouth[window], mouth[first : first + 5])
        assert batch.ids[window] == f"train-{int(number[0, window, 0])}"


def test_wrong_content_is_clear_where_its_own_lips_look_different(labelled_clips):
    clips = labelled_clips
    batch = clips.batch(np.random.default_rng(1), 400, NegativeShares(), 1)
    lips = {i: mouth - mouth.mean(dim=0) for i, (mouth, _) in zip(clips.ids, clips.clips(), strict=True)}
    for row in range(400):
        windows = []
        for content in (batch.content[row], batch.wrong_content[row]):
            first = int(content[0, 6]) // 2
            windows.append(lips[f"train-{int(content[0, 5])}"][first : first + 5])
        squares = [((a - b) ** 2).sum() for a, b in zip(*(w.reshape(-1, 3) for w in windows), strict=True)]
        assert bool(batch.clear[row]) == bool(torch.stack(squares).mean().sqrt() > ALIKE)
    assert 0.5 < batch.clear.float().mean() < 0.95  # pauses beside pauses


def test_more_tries_leave_fewer_windows_without_clear_wrong_content(clips):
    once, often = (
        clips.batch(np.random.default_rng(2), 2000, NegativeShares(), n_tries).clear.float().mean()
        for n_tries in (1, 8)
    )
    assert once < often < 1  # within a long pause a shift never helps


def test_clips_that_are_too_short_are_left_out_and_a_split_without_clips_is_refused(corpus, clips, head):
    assert clips.ids == [f"train-{i}" for i in (0, 1, 3, 4, 5)]
    with pytest.raises(CorpusError, match=r"expected two clips .* 'test' .* found 0; make a larger corpus"):
        SyncClips(corpus, corpus / "features", "test", N_VARIANTS, head)


def test_a_clip_without_motion_is_refused(tmp_path, head):
    write_corpus(tmp_path / "corpus")
    motion_path(tmp_path / "corpus", "val-7").unlink()
    with pytest.raises(CorpusError, match="expected a motion for clip val-7, found none"):
        SyncClips(tmp_path / "corpus", tmp_path / "corpus/features", "val", 1, head)


def test_shares_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"add up to 1, found 1.125"):
        NegativeShares(other=0.375)


def test_a_batch_of_one_window_is_refused():
    with pytest.raises(ValueError, match=r"expected a batch of two windows or more .* found 1"):
        TrainSyncConfig(batch_size=1)


def test_a_new_expert_sees_lips_and_content_with_mean_0_and_deviation_1(clips):
    expert = prepared_expert(TINY, clips)
    lips = (torch.from_numpy(clips.mouths).flatten(1) - expert.mouth_mean) / expert.mouth_std
    torch.testing.assert_close(lips.mean(dim=0), torch.zeros(60), atol=1e-3, rtol=0.0)
    moving = expert.mouth_std > 1.01 * expert.mouth_std.min()  # a jaw alone leaves the upper lip at rest
    assert moving.any() and ((lips.std(dim=0) - 1).abs()[moving] < 0.01).all()
    heard = (clips.clips()[0][1] - expert.content_mean) / expert.content_std
    torch.testing.assert_close(heard[:, :5].mean(dim=0), torch.zeros(5), atol=1e-2, rtol=0.0)


def test_losses_are_torchs_cross_entropy_of_the_squeezed_cosine():
    right, wrong, clear = torch.rand(7), torch.rand(7), torch.tensor([1, 1, 0, 1, 1, 1, 0]).bool()
    losses = sync_losses(right, wrong, clear)
    bce = torch.nn.functional.binary_cross_entropy
    torch.testing.assert_close(losses["right"], bce(0.01 + 0.98 * right, torch.ones(7)))
    by_hand = bce(0.01 + 0.98 * wrong, torch.zeros(7), reduction="none")[clear].sum() / 7
    torch.testing.assert_close(losses["wrong"], by_hand)


def test_a_part_of_a_batch_is_its_rows(clips):
    batch = clips.batch(np.random.default_rng(3), 10, NegativeShares(), 2)
    part = batch.part(slice(4, 9), torch.device("cpu"))
    assert torch.equal(part.mouth, batch.mouth[4:9]) and part.ids == batch.ids[4:9]
    expert = prepared_expert(TINY, clips).eval()
    for own, whole in zip(cosines(expert, part), cosines(expert, batch), strict=True):
        torch.testing.assert_close(own, whole[4:9])


def test_clips_too_short_for_all_shifts_give_no_curve(clips):
    assert mean_shift_curve(SyncExpert(TINY), clips, 3).keys() == set(range(-15, 16))
    assert not mean_shift_curve(SyncExpert(TINY), ShortClips(), 3)


class ShortClips(SyncClips):
    """Two clips of 25 frames, in memory."""

    def __init__(self) -> None:
        pass

    def clips(self):
        return [(torch.zeros(25, 20, 3), torch.zeros(50, CONTENT_DIM))] * 2


def test_the_papers_size_takes_two_steps():
    torch.manual_seed(0)
    expert = SyncExpert(SyncConfig(content_dim=1024, hidden_dim=512, embedding_dim=512))
    optimizer = torch.optim.AdamW(expert.parameters())
    for _ in range(2):
        score = expert(torch.randn(2, 5, 20, 3), torch.randn(2, 10, 1024))
        loss = sync_losses(score[:1], score[1:], torch.ones(1).bool())["wrong"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert loss.isfinite()
