"""The motion generator: its clocks, its flow's inverse, its latent's place."""

import math
from dataclasses import replace

import pytest
import torch

from ecoface_model.config import MotionGeneratorConfig, paper_config
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.face_directions import LIP_FILTER, filtered, smoothed
from ecoface_model.flow_prior import draw_noise
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.wavenet import fold_weight_norm

TINY = MotionGeneratorConfig(
    content_dim=12, emotion_dim=10, n_styles=3, hidden_dim=16, latent_dim=4, condition_dim=6,
    flow_hidden_dim=8, n_encoder_layers=2, n_decoder_layers=2, n_steady_layers=2, n_slow_channels=2,
    n_lip_directions=5,
)  # fmt: skip
AS_PRINTED = MotionGeneratorConfig(**{**vars(TINY), "steady_face": False, "n_slow_channels": 0})


def generator_with_life(config: MotionGeneratorConfig = TINY) -> MotionGenerator:
    """A small generator whose flow does something: as initialised, its shifts are zero."""
    torch.manual_seed(0)
    generator = MotionGenerator(config).eval()
    for parameter in generator.prior.to_shift.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return generator


LABEL, WHITE = torch.randn(2, 10), torch.randn(2, 5, 4)


def speech(frames: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    style = torch.eye(TINY.n_styles)[torch.arange(batch) % TINY.n_styles]
    return torch.randn(batch, 2 * frames, 12), torch.randn(batch, 2 * frames, 10), style


@pytest.mark.parametrize("config", [TINY, AS_PRINTED])
def test_each_clock_keeps_its_count(config):
    generator, (content, emotion, style) = MotionGenerator(config), speech(20)
    output = generator(torch.randn(2, 20, 53), content, emotion, style, LABEL, WHITE)
    assert output.motion.shape == (2, 20, 53)
    assert output.mu.shape == output.z_prior.shape == (2, 5, 4)


def test_frames_off_the_stride_are_refused():
    content, emotion, style = speech(18)
    with pytest.raises(ValueError, match="multiples of 4, found 18"):
        MotionGenerator(TINY)(torch.randn(2, 18, 53), content, emotion, style, LABEL, WHITE)


def test_noise_of_another_length_is_refused():
    content, emotion, style = speech(20)
    with pytest.raises(ValueError, match="expected 5 steps of noise for 2T = 40, found 4"):
        MotionGenerator(TINY).sample(content, emotion, style, torch.randn(2, 4, 4))


def test_the_flow_inverts_itself_and_keeps_volume():
    flow = generator_with_life().prior
    z, condition = torch.randn(2, 4, 7), torch.randn(2, 12, 7)
    torch.testing.assert_close(flow.inverse(flow(z, condition), condition), z)
    assert not torch.allclose(flow(z, condition), z.flip(1))
    one, given = torch.randn(1, 4, 2), torch.randn(1, 12, 2)
    jacobian = torch.autograd.functional.jacobian(
        lambda x: flow(x.reshape(1, 4, 2), given).flatten(), one.flatten()
    )
    assert jacobian.det().abs().item() == pytest.approx(1.0, abs=1e-4)


def test_a_posterior_sample_sent_through_the_flow_and_back_decodes_alike():
    generator, (content, emotion, style) = generator_with_life(AS_PRINTED), speech(20)
    output = generator(torch.randn(2, 20, 53), content, emotion, style, LABEL, WHITE)
    sample = generator.sample(content, emotion, style, output.z_prior)
    torch.testing.assert_close(sample.motion, output.motion, atol=1e-4, rtol=1e-4)
    assert not sample.closure.any()  # the paper's form does not tell


def test_the_latent_cannot_reach_the_lip_directions():
    generator, (content, emotion, style) = generator_with_life(), speech(20)
    basis = torch.linalg.qr(torch.randn(53, 9))[0]
    generator.directions.lips.copy_(basis[:, :5])
    generator.directions.lids.copy_(basis[:, 5:])
    takes = [generator.sample(content, emotion, style, torch.randn(2, 5, 4)).motion for _ in range(2)]
    difference = takes[0] - takes[1]
    assert difference.abs().max() > 0.01
    torch.testing.assert_close(
        difference @ generator.directions.lips, torch.zeros(2, 20, 5), atol=1e-5, rtol=0
    )


def test_the_style_moves_the_decoder_but_not_the_posterior():
    generator, (content, emotion, _) = generator_with_life(AS_PRINTED), speech(20)
    motion, styles = torch.randn(2, 20, 53), torch.eye(3)
    first, second = (generator(motion, content, emotion, styles[[i, i]], LABEL, WHITE) for i in (0, 1))
    torch.testing.assert_close(first.mu, second.mu)
    noise = torch.randn(2, 5, 4)
    assert not torch.allclose(
        generator.sample(content, emotion, styles[[0, 0]], noise).motion,
        generator.sample(content, emotion, styles[[1, 1]], noise).motion,
    )


def test_log_prior_is_the_density_of_the_noise_that_is_drawn():
    generator = MotionGenerator(TINY)
    z, rho = torch.randn(1, 6, 4), TINY.slow_correlation
    by_hand = torch.zeros(6, 4)
    for t in range(6):
        for channel in range(4):
            slow = channel < 2 and t > 0
            mean = rho * z[0, t - 1, channel].item() if slow else 0.0
            sigma = math.sqrt(1 - rho**2) if slow else 1.0
            by_hand[t, channel] = torch.distributions.Normal(mean, sigma).log_prob(z[0, t, channel])
    torch.testing.assert_close(generator.prior.log_density(z)[0], by_hand)


def test_slow_noise_has_unit_variance_and_the_stated_correlation():
    noise = draw_noise(TINY, 40_000, torch.Generator().manual_seed(0))[0]
    assert noise.std(dim=0).tolist() == pytest.approx([1.0] * 4, abs=0.05)
    correlation = (noise[1:] * noise[:-1]).mean(dim=0)
    assert correlation.tolist() == pytest.approx([0.9, 0.9, 0.0, 0.0], abs=0.03)


def test_folding_the_weight_norm_changes_no_output():
    generator, (content, emotion, style) = generator_with_life(), speech(20)
    noise = torch.randn(2, 5, 4)
    before = generator.sample(content, emotion, style, noise)
    fold_weight_norm(generator)
    after = generator.sample(content, emotion, style, noise)
    torch.testing.assert_close((after.motion, after.closure), (before.motion, before.closure))
    assert not [name for name in generator.state_dict() if "parametrizations" in name]


def test_the_papers_generator_has_about_12_million_parameters():
    with torch.device("meta"):
        generator = MotionGenerator(paper_config().generator)
    assert sum(p.numel() for p in generator.parameters()) == pytest.approx(12.1e6, rel=0.1)


def test_smoothing_keeps_the_mean_and_stills_what_trembles():
    ramp = torch.arange(40.0)[None, :, None]
    torch.testing.assert_close(smoothed(ramp, 9)[:, 4:-4], ramp[:, 4:-4])
    tremble = torch.tensor([1.0, -1.0]).repeat(20)[None, :, None]
    assert smoothed(tremble, 9)[:, 4:-4].abs().max() < 0.05
    by_hand = sum(w * ramp[0, 20 + k, 0] ** 2 for k, w in zip(range(-1, 2), (0.25, 0.5, 0.25), strict=True))
    assert smoothed(ramp**2, 3)[0, 20, 0].item() == pytest.approx(by_hand.item())


def test_off_the_lips_the_base_does_not_tremble():
    generator = generator_with_life()
    generator.directions.lips.copy_(torch.linalg.qr(torch.randn(53, 5))[0])
    wild = torch.randn(2, 40, 53)
    calm = generator.directions.base(wild)
    lips = generator.directions.lips
    by_hand = sum(tap * (wild @ lips)[:, k : 36 + k] for k, tap in enumerate(LIP_FILTER))
    torch.testing.assert_close((calm @ lips)[:, 2:-2], by_hand, atol=1e-5, rtol=0)
    assert calm.diff(dim=1).std() < wild.diff(dim=1).std() / 2


def test_the_lips_filter_lets_syllables_pass_and_stops_trembling():
    time = torch.arange(100) / FRAME_RATE
    for hertz, wanted in ((0.0, 1.0), (4.0, 0.911), (8.0, 0.451), (12.5, 0.0)):
        wave = (2 * math.pi * hertz * time).cos()[None, :, None]
        passed = filtered(wave, torch.tensor(LIP_FILTER))[:, 4:-4]
        assert passed.abs().max().item() == pytest.approx(wanted, abs=0.005)


def test_what_the_latent_does_off_the_lids_is_slow_and_at_the_lids_as_fast_as_a_blink():
    generator = generator_with_life()
    basis = torch.linalg.qr(torch.randn(53, 9))[0]
    generator.directions.lips.copy_(basis[:, :5])
    generator.directions.lids.copy_(basis[:, 5:])
    tremble = torch.tensor([1.0, -1.0]).repeat(10)[None, :, None]  # (1, 20, 1)
    for direction, kept in ((basis[:, 0], 0.0), (basis[:, 6], 1.0)):
        moved = generator.directions.residual(tremble * direction)
        torch.testing.assert_close(moved, kept * tremble * direction, atol=1e-5, rtol=0)
    elsewhere = torch.linalg.qr(torch.cat([basis, torch.randn(53, 1)], dim=1))[0][:, -1]
    assert (generator.directions.residual(tremble * elsewhere)[:, 4:-4] @ elsewhere).abs().max() < 0.05


def test_each_style_is_normalised_by_its_own_data_set_and_no_style_by_the_first():
    generator = MotionGenerator(replace(TINY, n_sets=2))
    generator.style_normaliser.mean.copy_(torch.tensor([[1.0], [5.0]]).expand(2, 53))
    generator.style_normaliser.std.copy_(torch.tensor([[2.0], [0.5]]).expand(2, 53))
    generator.style_normaliser.sets.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
    styles = torch.cat([torch.eye(3), torch.zeros(1, 3)])
    motion = torch.full((4, 1, 53), 3.0)
    normalised = generator.style_normaliser.normalised(motion, styles)
    assert normalised[:, 0, 0].tolist() == [1.0, -4.0, -4.0, 1.0]
    torch.testing.assert_close(generator.style_normaliser.in_coefficients(normalised, styles), motion)


def test_the_residual_of_the_prior_is_what_a_sample_adds_and_teaches_the_decoder_alone():
    generator, (content, emotion, style) = generator_with_life(), speech(20)
    noise = torch.randn(2, 5, 4)
    residual = generator.residual_of_prior(content, emotion, style, noise)
    with_it = generator.style_normaliser.normalised(
        generator.sample(content, emotion, style, noise).motion, style
    )
    features = generator.feature_normaliser.content(content), generator.feature_normaliser.emotion(emotion)
    base = generator.directions.base(generator.base(*features, style).motion)
    torch.testing.assert_close(with_it, base + residual, atol=1e-4, rtol=1e-4)
    residual.square().sum().backward()
    taught = {name.split(".")[0] for name, p in generator.named_parameters() if p.grad is not None}
    assert taught == {"decoder"}


def test_without_couplings_the_flow_is_the_plain_gaussian_prior():
    flow = MotionGenerator(replace(TINY, n_couplings=0)).prior
    z = torch.randn(2, 4, 7)
    assert torch.equal(flow(z, torch.randn(2, 12, 7)), z)
