"""The sync-expert's network, loss and shifts: against loops over windows, autograd and finite differences."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ecoface_model.core.errors import ModelFileError
from training.objectives.sync_expert import (
    FRAMES,
    MAX_SHIFT,
    STEPS,
    SyncConfig,
    SyncExpert,
    cosine,
    log_probability,
    shift_cosines,
    sync_confidence,
    sync_loss,
)

TINY = SyncConfig(content_dim=12, hidden_dim=16, embedding_dim=24)


def frozen_expert(seed: int = 0) -> SyncExpert:
    """Random weights whose batch norms have seen random clips."""
    torch.manual_seed(seed)
    expert = SyncExpert(TINY)
    for _ in range(20):
        expert.embed_mouth(torch.randn(4, 30, 20, 3))
        expert.embed_content(torch.randn(4, 60, 12))
    return expert.eval().requires_grad_(False)


def clip(n_frames: int, n_clips: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Random landmarks and content."""
    generator = torch.Generator().manual_seed(n_frames)
    return (
        torch.randn(n_clips, n_frames, 68, 3, generator=generator),
        torch.randn(n_clips, 2 * n_frames, 12, generator=generator),
    )


def mouth_windows(landmarks: torch.Tensor) -> torch.Tensor:
    """The windows that start at each frame: (B, T, 68, 3) -> (B, T-4, 5, 20, 3)."""
    return landmarks[:, :, 48:68].unfold(1, 5, 1).movedim(-1, 2)


def content_windows(content: torch.Tensor) -> torch.Tensor:
    """What is spoken in the same windows: (B, 2T, F) -> (B, T-4, 10, F)."""
    return content.unfold(1, 10, 2).mT


def test_windows_are_cut_as_a_loop_cuts_them():
    landmarks, content = clip(11)
    mouths, contents = mouth_windows(landmarks), content_windows(content)
    assert mouths.shape[1] == contents.shape[1] == 7
    for t in range(7):
        assert torch.equal(mouths[:, t], landmarks[:, t : t + 5, 48:68])
        assert torch.equal(contents[:, t], content[:, 2 * t : 2 * t + 10])


def test_a_whole_clip_embeds_as_its_windows_do_one_by_one():
    expert = frozen_expert()
    landmarks, content = clip(13)
    whole = cosine(expert.embed_mouth(landmarks[:, :, 48:]), expert.embed_content(content))  # (B, T-4)
    mouths, contents = mouth_windows(landmarks), content_windows(content)
    for t in range(9):
        torch.testing.assert_close(whole[:, t], expert(mouths[:, t], contents[:, t]))


def test_the_window_is_all_that_a_cosine_sees():
    expert = frozen_expert()
    landmarks, content = clip(15)
    seen = cosine(expert.embed_mouth(landmarks[:, :, 48:]), expert.embed_content(content))
    landmarks[:, 6 + FRAMES] += 1
    landmarks[:, :, :48] += 1
    content[:, 12 + STEPS] += 1
    after = cosine(expert.embed_mouth(landmarks[:, :, 48:]), expert.embed_content(content))
    torch.testing.assert_close(after[:, :7], seen[:, :7])
    assert not torch.isclose(after[:, 7:], seen[:, 7:]).any()


def test_the_cosine_is_torchs_and_a_probability():
    a, b = torch.rand(9, 24), torch.rand(9, 24)
    torch.testing.assert_close(cosine(a, b), torch.cosine_similarity(a, b))
    assert cosine(torch.zeros(1, 24), b[:1]).item() == 0.0
    scores = frozen_expert()(torch.randn(50, 5, 20, 3), torch.randn(50, 10, 12))
    assert (scores >= 0).all() and (scores <= 1).all()


def test_a_probability_stays_off_0_and_1_and_keeps_its_gradient():
    ends = torch.tensor([0.0, 1.0], requires_grad=True)
    log_p = log_probability(ends)
    torch.testing.assert_close(log_p.exp(), torch.tensor([0.01, 0.99]))
    log_p.sum().backward()
    assert (ends.grad > 0.9).all()


def test_sync_loss_is_the_mean_over_windows_without_padding():
    expert = frozen_expert()
    landmarks, content = clip(12)
    mask = torch.ones(2, 12)
    mask[1, 9:] = 0
    terms = []
    for b, n_real in enumerate((12, 9)):
        for t in range(n_real - 4):
            score = expert(landmarks[b, None, t : t + 5, 48:68], content[b, None, 2 * t : 2 * t + 10])
            terms.append(-torch.log(0.01 + 0.98 * score))
    torch.testing.assert_close(sync_loss(expert, landmarks, content, mask), torch.cat(terms).mean())


def test_sync_loss_has_the_gradient_of_finite_differences_at_the_mouth_and_none_elsewhere():
    expert = frozen_expert().double()
    landmarks, content = (x.double() for x in clip(9, 1))
    landmarks.requires_grad_()
    content.requires_grad_()
    mask = torch.ones(1, 9).double()
    sync_loss(expert, landmarks, content, mask).backward()
    assert content.grad is None and all(parameter.grad is None for parameter in expert.parameters())
    assert landmarks.grad[:, :, :48].abs().max() == 0
    direction = torch.randn(landmarks.shape, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        ahead, behind = (sync_loss(expert, landmarks + h * direction, content, mask) for h in (1e-6, -1e-6))
    slope = (landmarks.grad * direction).sum().item()
    assert slope == pytest.approx((ahead - behind).item() / 2e-6, rel=1e-4)


def test_following_the_gradient_brings_lips_into_sync():
    expert = frozen_expert()
    landmarks, content = clip(20)
    mask = torch.ones(2, 20)
    landmarks.requires_grad_()
    optimizer = torch.optim.Adam([landmarks], lr=0.05)
    before = sync_loss(expert, landmarks, content, mask)
    for _ in range(40):
        optimizer.zero_grad()
        sync_loss(expert, landmarks, content, mask).backward()
        optimizer.step()
    assert sync_loss(expert, landmarks, content, mask) < 0.7 * before


def test_an_expert_in_training_is_refused_as_a_judge():
    landmarks, content = clip(9)
    for expert in (SyncExpert(TINY), frozen_expert().requires_grad_(True), frozen_expert().train()):
        with pytest.raises(ValueError, match=r"expected a frozen sync-expert, .* take it from"):
            sync_loss(expert, landmarks, content, torch.ones(2, 9))


def test_clips_too_short_for_a_window_or_its_shifts_are_refused():
    landmarks, content = clip(4)
    with pytest.raises(ValueError, match="expected at least 5 frames, found 4"):
        sync_loss(frozen_expert(), landmarks, content, torch.ones(2, 4))
    landmarks, content = clip(19)
    with pytest.raises(ValueError, match="expected at least 20 frames, found 19"):
        sync_confidence(frozen_expert(), landmarks[0], content[0])


def test_shifts_are_averaged_as_a_double_loop_averages_them():
    mouth, content = torch.rand(22, 8), torch.rand(22, 8)
    for place, shift in enumerate(range(-MAX_SHIFT, MAX_SHIFT + 1)):
        pairs = [
            torch.cosine_similarity(mouth[t], content[t + shift], dim=0)
            for t in range(22)
            if 0 <= t + shift < 22
        ]
        torch.testing.assert_close(shift_cosines(mouth, content)[place], torch.stack(pairs).mean())


@pytest.mark.parametrize("shift", [-7, 0, 4])
def test_a_shifted_copy_peaks_where_the_content_went(shift):
    mouth = torch.rand(60, 32)
    assert shift_cosines(mouth, mouth.roll(shift, dims=0)).argmax() == MAX_SHIFT + shift


def test_distance_and_confidence_follow_syncnets_protocol():
    expert = frozen_expert()
    landmarks, content = clip(40, 1)
    scores = shift_cosines(expert.embed_mouth(landmarks[:, :, 48:])[0], expert.embed_content(content)[0])
    distances = sorted((1 - scores).tolist())
    distance, confidence = sync_confidence(expert, landmarks[0], content[0])
    assert distance == pytest.approx(distances[0])
    assert confidence == pytest.approx(distances[15] - distances[0])


def test_an_expert_comes_back_frozen_with_its_scores(tmp_path: Path):
    expert = frozen_expert()
    expert.held_out = {"loss": 0.4, "accuracy": 0.8}
    expert.save(tmp_path / "sync.safetensors")
    loaded = SyncExpert.load(tmp_path / "sync.safetensors")
    mouth, content = torch.randn(3, 5, 20, 3), torch.randn(3, 10, 12)
    assert torch.equal(loaded(mouth, content), expert(mouth, content))
    assert loaded.held_out == expert.held_out and loaded.better_than_guessing
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.parametrize(("scores", "better"), [({}, False), ({"loss": 0.7}, False), ({"loss": 0.69}, True)])
def test_an_expert_that_guesses_is_known_as_such(scores, better):
    expert = frozen_expert()
    expert.held_out = scores
    assert expert.better_than_guessing is better


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError, match=r"found none; run `python -m training.train_sync` first"):
        SyncExpert.load(tmp_path / "none.safetensors")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors")
    for name in ("other", "text"):
        with pytest.raises(ModelFileError, match="found a file that is damaged or of another kind"):
            SyncExpert.load(tmp_path / f"{name}.safetensors")
