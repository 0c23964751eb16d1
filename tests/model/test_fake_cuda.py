"""The networks on fake CUDA tensors: what is made on the wrong device fails here, without any GPU.

A fake tensor has a shape, a type and a device but no numbers; an operation that mixes devices raises.
"""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from fake_cuda import CUDA, WithoutCudaBuild, move
from tiny_model import STYLES, TINY, TINY_HUBERT, tiny_networks, tiny_prototypes
from torch._subclasses.fake_tensor import FakeTensorMode

from ecoface_model.backends.torch_backend import TorchBackend
from ecoface_model.checkpoint import Model
from ecoface_model.core.phones import PHONES
from ecoface_model.device import inference_on
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline


class OnFakeCuda(TorchBackend):
    """Gives zeros of the right shape: a fake tensor has no numbers to be moved."""

    @contextmanager
    def _running(self):
        with inference_on(CUDA):  # the mode of inference knows no fake tensors
            yield

    def _array(self, batch):
        assert batch.device == CUDA
        return np.zeros(batch.shape[1:], np.float32)


@pytest.fixture(params=[TINY, TINY_HUBERT], ids=["default kinds", "paper kinds"])
def backend(request) -> OnFakeCuda:
    """A model on fake CUDA."""
    mode = FakeTensorMode()
    networks = move(tiny_networks(request.param), mode)
    means = [tiny_prototypes(request.param, seed).numpy() for seed in (1, 2)]
    model = Model(
        networks=networks,
        config=request.param,
        styles=STYLES,
        prototypes=means[0],
        visual_prototypes=means[1],
        info={"name": "x", "head": "x"},
        hash="x",
    )
    with mode, WithoutCudaBuild():
        yield OnFakeCuda(model, CUDA)


SOUND = np.zeros(48 * 640, np.float32)  # a window


def test_all_that_an_engine_is_asked_is_computed_on_its_device(backend):
    config = backend.networks.config
    measured = backend.measure([SOUND])
    content, evidence = backend.hear(SOUND, measured, None)
    assert content.shape == (96, config.content.feature_dim)
    assert backend.content(SOUND, measured).shape == content.shape
    assert evidence.shape == (96, 15 + config.emotion.hidden_dim)
    assert backend.listen(SOUND, measured, None).shape == evidence.shape
    faces = np.zeros((10, config.visual.image_size, config.visual.image_size), np.float32)
    assert backend.see(faces).shape == (20, config.visual.feature_dim)
    n_phones = len(PHONES) if config.generator.steady_face else 0
    features = [
        np.zeros((96, width), np.float32)
        for width in (config.generator.content_dim, config.generator.emotion_dim)
    ]
    noise = np.zeros((12, config.generator.latent_dim), np.float32)
    motion = backend.animate(*features, np.array([0, 1, 0], np.float32), noise)
    assert motion.shape == (48, 54 + n_phones)


def test_a_voice_baseline_is_taken_away_on_cuda(backend):
    if backend.networks.config != TINY:
        pytest.skip("the paper's encoder knows no baseline")
    baseline = VoiceBaseline(np.ones((3, 32), np.float32), "neutral", 1)
    measured = np.ones(1, np.float32)
    assert backend.hear(SOUND, measured, baseline)[1].shape == (96, 15 + TINY.emotion.hidden_dim)
    assert backend.sum_of_states(SOUND, measured, np.ones(96, np.float32)).shape == (3, 32)


def test_a_tensor_on_the_wrong_device_is_noticed(backend):
    backend._tensor = lambda array: torch.from_numpy(array)[None]
    with pytest.raises(Exception, match=r"(?i)device"):
        backend.content(SOUND, np.ones(2 if backend.networks.config == TINY_HUBERT else 1, np.float32))
