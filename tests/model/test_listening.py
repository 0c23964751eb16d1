"""What is heard of a clip: alike when listening and when animating, in windows or at once, by one look."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import TINY, TINY_HUBERT, voice, write_tiny_model

from ecoface_model.backends.torch_backend import TorchBackend
from ecoface_model.checkpoint import read_model
from ecoface_model.core.constants import EMOTIONS, FEATURES_PER_FRAME
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.phones import PHONES
from ecoface_model.pipeline import EcoFace
from ecoface_model.reference_emotion.calibration import sure_enough
from ecoface_model.reference_emotion.sources import to_track
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.speech_source import SpeechSource
from ecoface_model.windowed_encoder import Track
from ecoface_model.windows import WindowPlan

NARROW = WindowPlan(window=80, context=16)


@pytest.fixture(scope="module")
def narrow(tiny_model_file) -> EcoFace:
    """A model that looks through windows of 3.2 s."""
    return EcoFace(TorchBackend(read_model(tiny_model_file), torch.device("cpu")), NARROW)


def own_source(ecoface: EcoFace, speech: np.ndarray, baseline=None) -> SpeechSource:
    return SpeechSource(ecoface.encoder, ecoface.inputs.prototypes, speech, baseline)


def shown(heard: SpeechEmotion) -> EmotionTrack:
    """The track of what was heard, where it is sure enough to be shown."""
    track = heard.track()
    weights = np.maximum(sure_enough(track.weights), 0)
    assert weights[:, 1:].max() > 0
    return replace(track, weights=weights, rate=float(track.rate))


@pytest.mark.parametrize("n_samples", [640, 1_280, 2_000, 4_000, 16_000, 16_640, 84_800])
def test_a_clip_of_any_length_has_a_point_for_each_tenth_of_a_second(tiny_ecoface, n_samples):
    heard = tiny_ecoface.listen(voice(n_samples / 16_000))
    points = -(-2 * round(n_samples / 640) // 5)
    assert heard.shares.shape == (points, len(EMOTIONS))
    assert heard.intensity.shape == heard.speech.shape == (points,)
    np.testing.assert_allclose(heard.shares.sum(axis=1), 1, atol=1e-5)
    assert heard.intensity.min() >= 1 and heard.intensity.max() <= 2


def test_silence_is_neutral(tiny_ecoface):
    heard = tiny_ecoface.listen(np.zeros(16_000, np.float32))
    assert (heard.shares[:, 0] == 1).all() and heard.speech_seconds == 0
    assert tiny_ecoface.generate(np.zeros(16_000, np.float32)).metadata["heard"]["text"] == "neutral 1.0"


@pytest.mark.parametrize("seconds", [0.04, 0.3, 2.0, 9.0])
def test_animating_hears_what_listening_hears(tiny_ecoface, narrow, seconds):
    speech = voice(seconds, seed=3)
    for ecoface in (tiny_ecoface, narrow):
        source = own_source(ecoface, speech)
        n_frames = sum(1 for _ in source.windows("Animating", None, None))
        assert n_frames == len(ecoface.plan.windows(-(-round(25 * seconds) // 4) * 4))
        listened, told = ecoface.listen(speech), source.heard()
        np.testing.assert_array_equal(told.shares, listened.shares)
        np.testing.assert_array_equal(told.speech, listened.speech)
        assert ecoface.generate(speech).metadata["heard"] == listened.summary()


def test_the_emotion_of_a_window_is_that_of_the_whole_clip_there(tiny_ecoface):
    """Windows wait for the next one: speech behind their end tells their mood too."""
    speech = np.concatenate([voice(9.0), 0.01 * voice(1.0), voice(10.48, seed=4)])
    source, context = own_source(tiny_ecoface, speech), tiny_ecoface.plan.context
    expected = tiny_ecoface.inputs.named(shown(tiny_ecoface.listen(speech)))
    assert [window.start for window in tiny_ecoface.plan.windows(512)] == [0, 136, 272, 408]
    for window, content, emotion in source.windows("Animating", None, None):
        middle = slice(2 * context, 2 * (len(window) - context))
        wanted = expected.steps(FEATURES_PER_FRAME * window.start, FEATURES_PER_FRAME * window.stop)
        np.testing.assert_allclose(emotion[middle], wanted[middle], atol=1e-3, rtol=1e-3)
        assert len(content) == len(emotion) == FEATURES_PER_FRAME * len(window)


def test_the_heard_track_generates_what_the_speech_does(tiny_ecoface):
    speech = voice(2.0, seed=1)
    own = tiny_ecoface.generate(speech).motion
    by_track = tiny_ecoface.generate(speech, emotion=shown(tiny_ecoface.listen(speech))).motion
    np.testing.assert_allclose(by_track, own, atol=1e-5)


def test_a_track_of_windows_that_agree_is_the_track_of_the_whole():
    features = np.random.default_rng(0).standard_normal((2 * 330, 4)).astype(np.float32)
    track = Track(len(features))
    for window in NARROW.windows(332):
        padded = np.concatenate([features, np.zeros((4, 4), np.float32)])
        track.add(window, padded[2 * window.start : 2 * window.stop])
    np.testing.assert_allclose(track.whole(), to_track(features), atol=1e-6)


@pytest.mark.parametrize("config", [TINY, TINY_HUBERT], ids=["whisper", "hubert"])
def test_the_front_of_both_encoders_runs_once_a_window(tmp_path, config):
    path = write_tiny_model(tmp_path / "model.safetensors", config)
    plan = WindowPlan(window=32, context=8)
    ecoface = EcoFace(TorchBackend(read_model(path), torch.device("cpu")), plan)
    content = ecoface.networks.content
    front = content.conv1 if config is TINY else content.frontend
    calls: list[int] = []
    front.register_forward_hook(lambda *_: calls.append(1))
    speech = voice(3.0)
    n_windows = len(plan.windows(76))
    for ask in (ecoface.listen, ecoface.generate):
        calls.clear()
        ask(speech)
        assert len(calls) == n_windows > 3


def test_phones_are_shares_of_each_frame(tiny_ecoface):
    motion = tiny_ecoface.generate(voice(3.0), emotion="happy")
    assert motion.phones.shape == (75, len(PHONES)) and motion.phones.dtype == np.uint8
    assert motion.metadata["phones"] == list(PHONES) and len(PHONES) == 40 and PHONES[0] == "SIL"
    assert np.abs(motion.phones.astype(int).sum(axis=1) - 255).max() <= len(PHONES) // 2


def test_phones_stay_shares_across_windows_and_whatever_is_shown_of_the_emotion(narrow):
    from ecoface_model.reference_emotion.strength import EmotionStrength

    for amounts in (
        EmotionStrength(),
        EmotionStrength(upper=0.5, mouth=2.0),
        EmotionStrength(mouth=0.0),
        EmotionStrength(strength=2.0),
    ):
        sums = narrow.generate(voice(9.0), amounts=amounts).phones.astype(int).sum(axis=1)
        assert np.abs(sums - 255).max() <= len(PHONES) // 2


def test_a_phone_is_the_softmax_of_the_base_s_logits(tiny_ecoface):
    speech, base, logits = voice(1.0), tiny_ecoface.networks.generator.base, []
    hook = base.register_forward_hook(lambda _m, _i, face: logits.append(face.phones))
    phones = tiny_ecoface.generate(speech).phones
    hook.remove()
    expected = 255 * logits[0][0, :25].softmax(dim=1)
    np.testing.assert_allclose(phones, expected, atol=0.51)


def test_the_paper_s_generator_tells_no_phones(tmp_path):
    ecoface = EcoFace.load(write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT), device="cpu")
    motion = ecoface.generate(voice(0.5))
    assert motion.phones is None and "phones" not in motion.metadata and motion.metadata["heard"]


def test_what_was_heard_is_said_only_where_a_voice_was_asked(tiny_ecoface):
    speech, reference = voice(1.0), voice(2.0, seed=5)
    assert tiny_ecoface.generate(speech).metadata["heard"] == tiny_ecoface.listen(speech).summary()
    lent = tiny_ecoface.generate(speech, emotion_from=reference)
    assert lent.metadata["heard"] == tiny_ecoface.listen(reference).summary()
    assert "heard" not in tiny_ecoface.generate(speech, emotion="sad").metadata
    assert "heard" not in tiny_ecoface.generate(speech, emotion_from=lent).metadata
