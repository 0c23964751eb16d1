"""The encoder of a face's emotion: its clock, its widths and its parts as the paper has them."""

import pytest
import torch
from tiny_model import TINY

from ecoface_model.config import EcoFaceConfig, VisualConfig, paper_config
from ecoface_model.visual import VisualEmotion


def test_the_visual_encoder_sees_25_frames_and_gives_50_steps():
    torch.manual_seed(0)
    encoder = VisualEmotion(paper_config().visual).eval()
    with torch.no_grad():
        features = encoder(torch.rand(1, 4, 1, 128, 128))
        assert features.shape == (1, 8, 1024)
        still = encoder(torch.rand(1, 1, 1, 128, 128).expand(1, 9, -1, -1, -1))
    torch.testing.assert_close(
        still[0, 8], still[0, 9], atol=1e-4, rtol=1e-4
    )  # amid a still picture, no change
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(11.7e6, rel=0.01)


def test_steps_between_two_frames_are_their_linear_mixes():
    torch.manual_seed(0)
    encoder = VisualEmotion(TINY.visual).eval()
    pictures = torch.rand(1, 6, 1, 32, 32)
    with torch.no_grad():
        features = encoder(pictures)[0]  # (12, F): steps 2k and 2k + 1 stand a quarter frame around frame k
    from_before = (3 * features[4:9:2] - features[3:8:2]) / 2  # frames 2..4 from the steps before and at them
    from_after = (3 * features[5:10:2] - features[6:11:2]) / 2
    torch.testing.assert_close(from_before, from_after, atol=1e-5, rtol=1e-4)


def test_default_widths_are_a_sixteenth_of_resnet_18_and_see_64_pixels():
    config = VisualConfig()
    encoder = VisualEmotion(config).eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 1, config.image_size, config.image_size)).shape == (2, 6, 192)
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(11.2e6 / 16, rel=0.05)


def test_pooling_frame_by_frame_equals_the_pooling_in_space_and_time_of_the_paper():
    torch.manual_seed(0)
    encoder = VisualEmotion(TINY.visual).eval()
    in_space_and_time = torch.nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    x = torch.randn(2, 4, 5, 16, 16)  # (B, width, T, height, width)
    by_frame = encoder.pool(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, 5)).transpose(1, 2)
    assert torch.equal(by_frame, in_space_and_time(x))


def test_visual_features_have_the_audio_s_size_whatever_is_seen():
    encoder = VisualEmotion(TINY.visual).eval()
    for pictures in (torch.rand(1, 5, 1, 32, 32), torch.zeros(1, 5, 1, 32, 32)):
        size = encoder(pictures)[:, ::9].square().mean(dim=-1)  # the first and the last step are no mixes
        torch.testing.assert_close(size, torch.ones_like(size), atol=0.02, rtol=0)


def test_audio_and_visual_features_must_be_of_one_width():
    with pytest.raises(ValueError, match="expected visual features as wide as the audio's, 192, found 16"):
        EcoFaceConfig(visual=TINY.visual)
