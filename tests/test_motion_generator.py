"""The motion generator: its clocks, its flow's inverse, its latent's place."""

import math

import pytest
import torch

from ecoface_model.config import MotionGeneratorConfig, paper_config
from ecoface_model.generator_blocks import fold_weight_norm, smoothed
from ecoface_model.motion_generator import MotionGenerator, draw_noise, parameter_count

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


LABEL = torch.randn(2, 10)


def speech(frames: int, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    style = torch.eye(TINY.n_styles)[torch.arange(batch) % TINY.n_styles]
    return torch.randn(batch, 2 * frames, 12), torch.randn(batch, 2 * frames, 10), style


@pytest.mark.parametrize("config", [TINY, AS_PRINTED])
def test_each_clock_keeps_its_count(config):
    generator, (content, emotion, style) = MotionGenerator(config), speech(20)
    output = generator(torch.randn(2, 20, 53), content, emotion, style, LABEL)
    assert output.motion.shape == (2, 20, 53)
    assert output.mu.shape == output.z_prior.shape == (2, 5, 4)


def test_frames_off_the_stride_are_refused():
    content, emotion, style = speech(18)
    with pytest.raises(ValueError, match="multiples of 4, found 18"):
        MotionGenerator(TINY)(torch.randn(2, 18, 53), content, emotion, style, LABEL)


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
    output = generator(torch.randn(2, 20, 53), content, emotion, style, LABEL)
    torch.testing.assert_close(
        generator.sample(content, emotion, style, output.z_prior), output.motion, atol=1e-4, rtol=1e-4
    )


def test_the_latent_cannot_reach_the_lip_directions():
    generator, (content, emotion, style) = generator_with_life(), speech(20)
    generator.lip_directions.copy_(torch.linalg.qr(torch.randn(53, 5))[0])
    takes = [generator.sample(content, emotion, style, torch.randn(2, 5, 4)) for _ in range(2)]
    difference = takes[0] - takes[1]
    assert difference.abs().max() > 0.01
    torch.testing.assert_close(
        difference @ generator.lip_directions, torch.zeros(2, 20, 5), atol=1e-5, rtol=0
    )


def test_the_style_moves_the_decoder_but_not_the_posterior():
    generator, (content, emotion, _) = generator_with_life(AS_PRINTED), speech(20)
    motion, styles = torch.randn(2, 20, 53), torch.eye(3)
    first, second = (generator(motion, content, emotion, styles[[i, i]], LABEL) for i in (0, 1))
    torch.testing.assert_close(first.mu, second.mu)
    noise = torch.randn(2, 5, 4)
    assert not torch.allclose(
        generator.sample(content, emotion, styles[[0, 0]], noise),
        generator.sample(content, emotion, styles[[1, 1]], noise),
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
    torch.testing.assert_close(generator.log_prior(z)[0], by_hand)


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
    torch.testing.assert_close(generator.sample(content, emotion, style, noise), before)
    assert not [name for name in generator.state_dict() if "parametrizations" in name]


def test_the_papers_generator_has_about_12_million_parameters():
    with torch.device("meta"):
        generator = MotionGenerator(paper_config().generator)
    assert parameter_count(generator) == pytest.approx(12.1e6, rel=0.1)


def test_smoothing_keeps_the_mean_and_stills_what_trembles():
    ramp = torch.arange(40.0)[None, :, None]
    torch.testing.assert_close(smoothed(ramp, 9)[:, 4:-4], ramp[:, 4:-4])
    tremble = torch.tensor([1.0, -1.0]).repeat(20)[None, :, None]
    assert smoothed(tremble, 9)[:, 4:-4].abs().max() < 0.05
    by_hand = sum(w * ramp[0, 20 + k, 0] ** 2 for k, w in zip(range(-1, 2), (0.25, 0.5, 0.25), strict=True))
    assert smoothed(ramp**2, 3)[0, 20, 0].item() == pytest.approx(by_hand.item())


def test_off_the_lips_the_steady_face_does_not_tremble():
    generator = generator_with_life()
    generator.lip_directions.copy_(torch.linalg.qr(torch.randn(53, 5))[0])
    wild = torch.randn(2, 40, 53)
    calm = generator._calm(wild)
    lips = generator.lip_directions
    torch.testing.assert_close(calm @ lips, wild @ lips, atol=1e-5, rtol=0)
    assert calm.diff(dim=1).std() < wild.diff(dim=1).std() / 2
