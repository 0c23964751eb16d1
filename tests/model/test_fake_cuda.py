"""The whole inference on fake CUDA tensors: what is made on the wrong device fails here, without any GPU.

A fake tensor has a shape, a type and a device but no numbers; an operation that mixes devices raises.
"""

import numpy as np
import pytest
import torch
from fake_cuda import CUDA, WithoutCudaBuild, move
from tiny_model import STYLES, TINY, TINY_HUBERT, tiny_networks, tiny_prototypes
from torch._subclasses.fake_tensor import FakeTensorMode

from ecoface_model.checkpoint import Model
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.core.phones import PHONES
from ecoface_model.pipeline import EcoFace
from ecoface_model.reference_emotion.sources import ReferenceEmotion, mixed
from ecoface_model.reference_emotion.speech_source import SpeechSource
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.windowed_encoder import WindowedEncoder, speech_of
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


def heard_in_another_clip(ecoface: EcoFace) -> ReferenceEmotion:
    """As `EmotionInputs.source` makes it, but for the plain values that a fake tensor has not."""
    clip = WAVEFORM[:50_000]
    points = ecoface.encoder.from_audio(clip, None, None)
    shares, intensity = ecoface.encoder.classified(points, speech_of(clip, CUDA))
    assert points.device == shares.device == intensity.device == CUDA
    return ReferenceEmotion(mixed(ecoface.inputs.prototypes, shares, intensity), 200)


@pytest.mark.parametrize("emotion", ["its own", "happy", "happy@0 sad@1", "another clip"])
def test_everything_stays_on_its_device_from_waveform_to_motion(ecoface, emotion):
    if emotion == "its own":
        source = SpeechSource(ecoface.encoder, ecoface.inputs.prototypes, WAVEFORM, None)
    elif emotion == "another clip":
        source = heard_in_another_clip(ecoface)
    else:
        source = ecoface.inputs.named(emotion)
    if not isinstance(source, SpeechSource):
        assert source.steps(0, 10).device == CUDA
    motion = ecoface._run_windows(
        WAVEFORM, ecoface._style_weights("ben"), ecoface._noise(100, 0, 1.0), source, None
    )
    assert len(ecoface.plan.windows(100)) > 2
    n_phones = len(PHONES) if ecoface.networks.config.generator.steady_face else 0
    assert motion.shape == (100, 54 + n_phones) and motion.device.type == "cpu"


def test_what_the_networks_see_and_give_is_on_cuda(ecoface):
    for window, sound, measured in ecoface.encoder.windows(WAVEFORM, "Animating", None):
        content, logits = ecoface.networks.hear(sound, measured)
        assert content.device == logits.device == sound.device == CUDA
        assert content.shape[1] == logits.shape[1] == FEATURES_PER_FRAME * len(window)


def test_a_voice_baseline_is_taken_away_on_cuda():
    mode = FakeTensorMode()
    networks = move(tiny_networks(), mode)
    baseline = VoiceBaseline(np.ones((3, 32), np.float32), "neutral", 1)
    with mode, WithoutCudaBuild():
        encoder = WindowedEncoder(networks, CUDA, WindowPlan(window=48, context=12))
        assert encoder.from_audio(WAVEFORM, baseline, None).device == CUDA
        speech = torch.ones(96, device=CUDA)
        for window, sound, measured in encoder.windows(WAVEFORM, "Listening", None):
            states = networks.sum_of_states(sound, measured, speech[: 2 * len(window)])
            assert states.device == CUDA and states.shape == (3, 32)


def test_a_tensor_on_the_wrong_device_is_noticed(ecoface):
    with pytest.raises(Exception, match=r"(?i)device"):
        ecoface._run_windows(
            WAVEFORM,
            ecoface._style_weights(None).cpu(),
            ecoface._noise(100, 0, 1.0),
            ecoface.inputs.named("sad"),
            None,
        )
