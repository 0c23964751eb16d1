"""The paper's size: counted without being allocated. (It is run, at tiny widths, in the other tests.)"""

import pytest
import torch

from ecoface_model.config import paper_config
from ecoface_model.core.constants import MOTION_DIM
from ecoface_model.networks import Networks


@pytest.fixture(scope="module")
def paper() -> Networks:
    with torch.device("meta"):
        return Networks(paper_config())


def count(module: torch.nn.Module) -> float:
    """Parameters in millions, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_nothing_is_allocated(paper):
    tensors = (*paper.named_parameters(), *paper.named_buffers())
    assert [name for name, tensor in tensors if tensor.device.type != "meta"] == []


def test_each_hubert_is_hubert_large(paper):
    assert count(paper.content) == pytest.approx(315.4, abs=0.1)
    assert count(paper.emotion) == pytest.approx(315.4, abs=0.1)


def test_two_huberts_share_their_frontend(paper):
    both = count(torch.nn.ModuleList([paper.content, paper.emotion]))
    assert both == pytest.approx(2 * 315.4 - 4.74, abs=0.1)


def test_the_motion_generator_has_about_12_million_parameters(paper):
    styles = paper.generator.decoder.condition.to_style.weight.numel() / 1e6
    assert count(paper.generator) - styles == pytest.approx(12.1, abs=0.2)


def test_the_visual_encoder_is_resnet_18_on_128_pixels(paper):
    assert count(paper.visual) == pytest.approx(11.7, abs=0.1)
    assert paper.visual(torch.zeros(1, 25, 1, 128, 128, device="meta")).shape == (1, 50, 1024)


def test_features_are_1024_wide_and_the_motion_53(paper):
    content = paper.content(torch.zeros(1, 16_000, device="meta"))
    emotion = paper.emotion(torch.zeros(1, 16_000, device="meta"))
    assert content.shape == emotion.shape == (1, 50, 1024)
    style = torch.zeros(1, 324, device="meta")
    content = content[:, :48]
    z = torch.zeros(1, 6, 16, device="meta")
    motion = paper.generator.sample(content, content, style, z).motion
    assert motion.shape == (1, 24, MOTION_DIM)
