"""What is computed without PyTorch, in NumPy, is what PyTorch computes: noise, spectra, the head."""

import numpy as np
import pytest
import torch
from tiny_model import voice

from ecoface_model import mel
from ecoface_model.content import at_usual_level
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks, HeadMesh
from ecoface_model.flame import FlameHead
from ecoface_model.log_mel import LogMel
from ecoface_model.noise import normal_noise


@pytest.mark.parametrize("n", [1, 5, 15, 16, 17, 40, 1_601, 12_800])
@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32 + 5, 2**62 + 1])
def test_noise_is_torch_s(n, seed):
    expected = torch.randn(n, generator=torch.Generator().manual_seed(seed)).numpy()
    np.testing.assert_allclose(normal_noise(n, seed), expected, atol=2e-6)


@pytest.mark.parametrize("seconds", [0.04, 1.0, 31.0])
def test_spectra_in_numpy_are_those_in_torch(seconds):
    sound = voice(seconds)
    expected = LogMel()(torch.from_numpy(sound)[None])[0]
    np.testing.assert_allclose(mel.log_mel(sound), expected, atol=2e-5)
    for peak in (-5.0, 1.0):
        levelled = at_usual_level(expected[None], torch.tensor([[peak]]))[0]
        np.testing.assert_allclose(mel.at_usual_level(expected.numpy(), peak), levelled, atol=1e-6)


def test_the_head_in_numpy_is_the_head_in_torch():
    file = read_head()
    motion = np.random.default_rng(0).standard_normal((130, 53)).astype(np.float32)
    motion[:, 50:] *= 0.2
    head = FlameHead.from_file(file)
    expected = head.vertices(torch.from_numpy(motion))
    np.testing.assert_allclose(HeadMesh(file).vertices(motion), expected, atol=1e-6)
    some = np.arange(100, 160)
    part = head.restricted_to(torch.from_numpy(some))
    mesh = HeadMesh(file, some)
    numbers = torch.from_numpy(mesh.faces)
    assert part.vertices(torch.from_numpy(motion[:3]))[:, part.faces].allclose(
        torch.from_numpy(mesh.vertices(motion[:3]))[:, numbers], atol=1e-6
    )
    marks = HeadLandmarks(file)
    np.testing.assert_allclose(marks.of(motion), head.landmarks(torch.from_numpy(motion)), atol=1e-6)
    assert marks.rest_lip_gap() == pytest.approx(head.rest_lip_gap(), abs=1e-7)
