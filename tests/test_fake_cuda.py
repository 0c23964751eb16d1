"""The whole inference on fake CUDA tensors: what is made on the wrong device fails here, without any GPU.

A fake tensor has a shape, a type and a device but no numbers; an operation that mixes devices raises.
"""

import numpy as np
import pytest
from fake_cuda import CUDA, WithoutCudaBuild, move
from tiny_model import STYLES, TINY, TINY_HUBERT, tiny_networks, tiny_prototypes
from torch._subclasses.fake_tensor import FakeTensorMode

from ecoface_model.checkpoint import Model
from ecoface_model.config import FEATURES_PER_FRAME
from ecoface_model.pipeline import EcoFace
from ecoface_model.windows import WindowPlan


@pytest.fixture(params=[TINY, TINY_HUBERT], ids=["default kinds", "paper kinds"])
def ecoface(request) -> EcoFace:
    """A model on fake CUDA, looking through short windows."""
    mode = FakeTensorMode()
    networks = move(tiny_networks(request.param), mode)
    model = Model(
        networks=networks,
        styles=STYLES,
        prototypes=mode.from_tensor(tiny_prototypes(request.param)),
        visual_prototypes=mode.from_tensor(tiny_prototypes(request.param, seed=2)),
        info={"name": "x", "head": "x"},
        hash="x",
    )
    with mode, WithoutCudaBuild():
        yield EcoFace(model, CUDA, WindowPlan(window=48, context=12))


WAVEFORM = np.zeros(4 * 16_000, np.float32)  # 100 frames, so several windows


@pytest.mark.parametrize("emotion", [None, "happy", "another clip"])
def test_everything_stays_on_its_device_from_waveform_to_motion(ecoface, emotion):
    reference = WAVEFORM[:50_000] if emotion == "another clip" else None
    label = emotion if emotion == "happy" else None
    source = ecoface._emotion_source(label, reference, 100, None)
    if source is not None:
        assert source.steps(0, 10).device == CUDA
    motion = ecoface._run_windows(
        WAVEFORM, ecoface._style_weights("ben"), ecoface._noise(100, 0, 1.0), source, None
    )
    assert len(ecoface.plan.windows(100)) > 2
    assert motion.shape == (100, 54) and motion.device.type == "cpu"


def test_what_the_networks_see_and_give_is_on_cuda(ecoface):
    for window, sound, measured in ecoface.listener.windows(WAVEFORM, 100, "Animating", None):
        content, emotion = ecoface.networks.hear(sound, measured)
        assert content.device == emotion.device == sound.device == CUDA
        assert content.shape[1] == emotion.shape[1] == FEATURES_PER_FRAME * len(window)


def test_a_tensor_on_the_wrong_device_is_noticed(ecoface):
    with pytest.raises(Exception, match=r"(?i)device"):
        ecoface._run_windows(
            WAVEFORM, ecoface._style_weights(None).cpu(), ecoface._noise(100, 0, 1.0), None, None
        )
