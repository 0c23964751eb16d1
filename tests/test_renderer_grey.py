"""Grey faces: against loops over pixels and triangles, finite differences and the whole head."""

import pytest
import torch

from ecoface_model.flame import FlameHead
from ecoface_model.flame_file import read_head
from ecoface_model.renderer_grey import GreyFaces


@pytest.fixture(scope="module")
def head() -> FlameHead:
    return FlameHead.from_file(read_head())


def test_grey_faces_fill_the_picture_with_gradient_to_the_expression(head):
    motion = 0.5 * torch.randn(1, 2, 53, generator=torch.Generator().manual_seed(0))
    motion[..., 50:] = torch.tensor([0.15, 0, 0])
    motion.requires_grad_()
    pictures = GreyFaces(head)(motion)
    assert pictures.shape == (1, 2, 1, 128, 128)
    assert pictures.min() >= 0 and pictures.max() <= 1
    assert pictures[:, :, 0, 20:100, 40:88].min() > 0.01  # the face; the rest is black
    (pictures[:, 1] - pictures[:, 0]).square().mean().backward()
    assert torch.isfinite(motion.grad).all() and motion.grad[..., :50].abs().max() > 0
