"""How much of an emotion is shown, where; and emotions taken from performances, with the default model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecoface_model.audio import read_sound
from ecoface_model.backends.torch_backend import TorchBackend
from ecoface_model.checkpoint import read_model
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.flame import FlameHead
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.lips import aperture
from ecoface_model.reference_emotion.strength import EmotionStrength

HEAD = FlameHead.from_file(read_head())
SPEECH = read_sound(Path(__file__).parents[2] / "demo" / "speech.wav")[:48_000]


@pytest.fixture(scope="module")
def ecoface() -> EcoFace:
    return EcoFace.load(device="cpu")


@pytest.fixture(scope="module")
def spoken(ecoface):
    def speak(emotion="angry:2", **how) -> FlameMotion:
        return ecoface.generate(SPEECH, emotion=emotion, seed=3, gaze=0.0, **how)

    return speak


def landmarks(motion: FlameMotion) -> np.ndarray:
    return 1000 * HEAD.landmarks(torch.from_numpy(motion.motion)).numpy()


def brows(motion: FlameMotion) -> float:
    """mm between inner brows and eyes' inner corners."""
    points = landmarks(motion)
    return float((points[:, [21, 22], 1] - points[:, [39, 42], 1]).mean())


def lips(motion: FlameMotion) -> np.ndarray:
    return 1000 * aperture(HEAD.landmarks(torch.from_numpy(motion.motion))).numpy()


@pytest.mark.shipped
def test_strength_goes_from_neutral_through_the_label_beyond(spoken):
    heights = [brows(spoken(amounts=EmotionStrength(strength=s))) for s in (0.0, 0.5, 1.0)]
    assert heights[0] == pytest.approx(brows(spoken("neutral")), abs=0.05)
    assert heights[0] > heights[1] + 0.2 > heights[2] + 0.4  # angry brows go down


@pytest.mark.shipped
def test_upper_face_and_mouth_are_moved_apart(spoken):
    whole, neutral = spoken(), spoken("neutral")
    mouth = spoken(amounts=EmotionStrength(upper=0.0))
    upper = spoken(amounts=EmotionStrength(mouth=0.0))
    assert brows(mouth) == pytest.approx(brows(neutral), abs=0.2)
    assert brows(upper) == pytest.approx(brows(whole), abs=0.2)
    assert abs(brows(whole) - brows(neutral)) > 1
    assert np.abs(lips(upper) - lips(neutral)).mean() < 0.3
    assert np.abs(lips(mouth) - lips(whole)).mean() < 0.3
    assert np.abs(lips(whole) - lips(neutral)).mean() > 0.4
    assert mouth.metadata["amounts"] == {"strength": 1.0, "upper": 0.0, "mouth": 1.0}


@pytest.mark.parametrize("wrong", [{"strength": -0.1}, {"upper": 2.5}, {"mouth": float("nan")}])
def test_amounts_that_do_not_exist_are_refused(wrong):
    with pytest.raises(RequestError, match="expected an amount from 0 to 2 as"):
        EmotionStrength(**wrong)


@pytest.mark.shipped
def test_emotions_change_over_time_where_they_are_told_to(spoken):
    points = landmarks(spoken("neutral@0 angry:2@1.5"))
    height = (points[:, [21, 22], 1] - points[:, [39, 42], 1]).mean(axis=1)
    change = height[:15].mean() - height[45:].mean()
    assert change > 1
    assert np.abs(np.diff(height)).max() < change / 5  # it takes half a second and no jump


@pytest.mark.shipped
@pytest.mark.parametrize("emotion", ["angry", "sad"])
def test_an_emotion_is_taken_from_a_performance_and_the_lips_stay(ecoface, spoken, emotion):
    performance = ecoface.generate(SPEECH[:32_000], emotion=f"{emotion}:2", seed=5)
    taken, neutral = ecoface.generate(SPEECH, emotion_from=performance, seed=3, gaze=0.0), spoken("neutral")
    label = spoken(f"{emotion}:2")
    moved = landmarks(taken)[:, 17:48].mean(axis=0) - landmarks(neutral)[:, 17:48].mean(axis=0)
    wanted = landmarks(label)[:, 17:48].mean(axis=0) - landmarks(neutral)[:, 17:48].mean(axis=0)
    cosine = (moved * wanted).sum() / np.linalg.norm(moved) / np.linalg.norm(wanted)
    assert cosine > 0.7 and np.linalg.norm(moved) > 0.4 * np.linalg.norm(wanted)
    assert np.corrcoef(lips(taken), lips(neutral))[0, 1] > 0.9
    assert taken.metadata["emotion"] == "from a performance"


@pytest.mark.shipped
def test_a_performance_at_another_rate_says_the_same(ecoface):
    performance = ecoface.generate(SPEECH[:32_000], emotion="angry:2", seed=5)
    a, b = (
        ecoface.generate(SPEECH, emotion_from=p, temperature=0.0, gaze=0.0).motion
        for p in (performance, performance.resample(60.0))
    )
    assert np.abs(a - b).mean() < 0.05 * a.std()


def test_a_performance_of_another_head_is_refused(tiny_ecoface):
    stranger = replace(tiny_ecoface.generate(SPEECH, emotion="calm"), metadata={"head": "somebody"})
    with pytest.raises(RequestError, match="found one of 'somebody'"):
        tiny_ecoface.generate(SPEECH, emotion_from=stranger)


def test_amounts_apart_need_a_head_in_reach(ecoface):
    model = read_model()
    unknown = EcoFace(TorchBackend(replace(model, info=model.info | {"head": "FLAME"}), torch.device("cpu")))
    unknown.generate(SPEECH, emotion=EMOTIONS[2], amounts=EmotionStrength(strength=0.5))
    with pytest.raises(RequestError, match="use the strength of the emotion instead"):
        unknown.generate(SPEECH, emotion=EMOTIONS[2], amounts=EmotionStrength(upper=0.5))
