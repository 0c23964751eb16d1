"""Waveform to motion: clocks, seeds, emotions and mistakes, on a tiny random model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from tiny_model import STYLES, TINY, TINY_HUBERT, voice, write_tiny_model

from ecoface_model.audio import read_sound
from ecoface_model.checkpoint import read_model
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import ModelFileError, RequestError, SoundError
from ecoface_model.core.head_file import read_head
from ecoface_model.device import choose_device
from ecoface_model.flame import FlameHead
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.lips import aperture
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.strength import EmotionStrength
from ecoface_model.styles import style_weights
from ecoface_model.windows import WindowPlan

ROOT = Path(__file__).parents[2]
WIDE = WindowPlan(window=744, context=96)  # all the lines of these tests fit into one


@pytest.mark.parametrize("n_samples", [640, 2_560, 16_000, 16_319, 16_321, 30_000, 84_800])
def test_a_clip_gives_round_25_s_frames(tiny_ecoface, n_samples):
    motion = tiny_ecoface.generate(voice(n_samples / 16_000))
    assert motion.motion.shape == (round(25 * (n_samples / 16_000)), 53)
    assert motion.motion.dtype == np.float32 and motion.fps == 25.0


@pytest.mark.parametrize(
    "waveform", [np.zeros(300, np.float32), np.zeros(0, np.float32), np.zeros((2, 9), np.float32)]
)
def test_a_waveform_that_is_none_is_refused(tiny_ecoface, waveform):
    with pytest.raises(
        SoundError, match=r"expected mono sound of at least 0.04 s at 16 kHz, found samples of"
    ):
        tiny_ecoface.generate(waveform)


@pytest.mark.parametrize("kind", ["silence", "noise", "loud", "offset"])
def test_every_sound_gives_finite_motion(tiny_ecoface, kind):
    waveform = {
        "silence": np.zeros(16_000),
        "noise": 1e-5 * np.random.default_rng(0).standard_normal(16_000),
        "loud": 30 * voice(1.0),
        "offset": np.ones(16_000),
    }[kind].astype(np.float32)
    assert np.isfinite(tiny_ecoface.generate(waveform).motion).all()


def test_the_metadata_tell_how_the_motion_was_made(tiny_ecoface, tiny_model_file):
    metadata = tiny_ecoface.generate(voice(0.5), style="ben", emotion="sad:strong", seed=3).metadata
    assert metadata["style"] == "ben" and metadata["emotion"] == "sad:2" and metadata["seed"] == 3
    assert (
        metadata["head"] == "EcoFace reference head"
        and metadata["temperature"] == 1.0
        and metadata["source"] is None
    )
    assert metadata["model"] == {"name": "tiny", "hash": read_model(tiny_model_file).hash}
    assert tiny_ecoface.generate(voice(0.5)).metadata["emotion"] == "from the speech"
    assert (
        tiny_ecoface.generate(voice(0.5), emotion_from=voice(1.0)).metadata["emotion"] == "from another clip"
    )


def test_a_seed_is_a_take_and_temperature_its_spread(tiny_ecoface):
    speech = voice(2.0)
    first, again, other = (tiny_ecoface.generate(speech, seed=seed).motion for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    calm = [
        tiny_ecoface.generate(speech, seed=seed, temperature=0.0, gaze=0.0).motion for seed in (0, 1)
    ]  # what the eyes do stays the seed's
    np.testing.assert_array_equal(*calm)
    half = tiny_ecoface.generate(speech, seed=1, temperature=0.5).motion
    assert np.abs(half - calm[0]).mean() < np.abs(other - calm[0]).mean()


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path, tiny_model_file):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tiny_model import voice;"
        "from ecoface_model.pipeline import EcoFace;"
        "EcoFace.load(sys.argv[2], device='cpu').generate(voice(1.3), seed=7).write(sys.argv[3])"
    )
    for name in ("a.npz", "b.npz"):
        arguments = [str(ROOT / "tests" / "support"), str(tiny_model_file), str(tmp_path / name)]
        subprocess.run([sys.executable, "-c", script, *arguments], check=True, cwd=ROOT)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_average_is_nobodys_style_and_the_default(tiny_ecoface):
    weights = style_weights(tiny_ecoface.model, "average")
    np.testing.assert_array_equal(weights, [0, 0, 0])
    np.testing.assert_array_equal(style_weights(tiny_ecoface.model, None), weights)
    np.testing.assert_array_equal(style_weights(tiny_ecoface.model, "ben"), [0, 1, 0])
    speech = voice(1.0)
    takes = [tiny_ecoface.generate(speech, style=style).motion for style in (*STYLES, "average")]
    for i, one in enumerate(takes):
        assert all(np.abs(one - other).max() > 1e-4 for other in takes[:i])


def test_a_model_may_name_its_default_style(tmp_path):
    path = write_tiny_model(tmp_path / "model.safetensors")
    ecoface = EcoFace.load(path, device="cpu")
    ecoface.model.info["default_style"] = "cleo"
    np.testing.assert_array_equal(style_weights(ecoface.model, None), [0, 0, 1])
    assert ecoface.generate(voice(0.5)).metadata["style"] == "cleo"


def test_each_emotion_gives_another_face(tiny_ecoface, monkeypatch):
    monkeypatch.setattr(
        "ecoface_model.reference_emotion.calibration.UNSURE", 0.0
    )  # a random model is seldom sure
    monkeypatch.setattr("ecoface_model.reference_emotion.calibration.SURE", 0.1)
    speech = voice(1.0)
    takes = [tiny_ecoface.generate(speech, emotion=emotion).motion for emotion in EMOTIONS]
    takes.append(tiny_ecoface.generate(speech).motion)
    for i, one in enumerate(takes):
        assert all(np.abs(one - other).max() > 1e-4 for other in takes[:i])


def test_intensity_0_is_neutral_for_every_emotion(tiny_ecoface):
    speech = voice(1.0)
    neutral = tiny_ecoface.generate(speech, emotion="neutral:0").motion
    np.testing.assert_array_equal(tiny_ecoface.generate(speech, emotion="angry:0").motion, neutral)


def test_strength_scales_around_neutral(tiny_ecoface):
    speech, prototypes = voice(1.0), tiny_ecoface.inputs.prototypes
    label = tiny_ecoface.inputs.named("angry:1")

    class Scaled(EmotionSource):
        def steps(self, start: int, stop: int):
            return prototypes[0, 0] + strength * (label.steps(start, stop) - prototypes[0, 0])

    for strength in (0.0, 0.5, 1.0, 2.0):
        amounts = EmotionStrength(strength=strength)
        found = tiny_ecoface.generate(speech, emotion="angry:1", amounts=amounts).motion
        expected = tiny_ecoface.generate(speech, emotion=Scaled()).motion
        np.testing.assert_allclose(found, expected, atol=1e-5)
    without = tiny_ecoface.generate(speech, amounts=EmotionStrength(strength=0.0)).motion
    neutral = tiny_ecoface.generate(speech, emotion="neutral").motion
    np.testing.assert_allclose(without, neutral, atol=1e-5)


@pytest.mark.parametrize("seconds", [0.1, 2.0, 9.0])
def test_another_clip_of_any_length_lends_its_emotion(tiny_ecoface, seconds):
    speech = voice(2.0)
    own = tiny_ecoface.generate(speech).motion
    lent = tiny_ecoface.generate(speech, emotion_from=voice(seconds, seed=5)).motion
    assert lent.shape == own.shape and np.abs(lent - own).max() > 1e-4


def test_any_source_of_emotion_may_be_given(tiny_ecoface):
    class Constant(EmotionSource):
        def steps(self, start: int, stop: int):
            return np.ones((stop - start, TINY.emotion.feature_dim), np.float32)

    motion = tiny_ecoface.generate(voice(1.0), emotion=Constant())
    assert motion.metadata["emotion"] == "given" and np.isfinite(motion.motion).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"style": "dora"}, "expected a style among average, anna, ben, cleo, found 'dora'"),
        ({"emotion": "bored"}, "expected an emotion among"),
        ({"seed": -1}, "expected a seed of 0 or more, below 2\\^63, found -1"),
        ({"temperature": -0.5}, "expected a temperature of 0 or more, found -0.5"),
        ({"temperature": float("nan")}, "expected a temperature of 0 or more, found nan"),
    ],
)
def test_what_does_not_exist_is_refused(tiny_ecoface, wrong, message):
    with pytest.raises(RequestError, match=message):
        tiny_ecoface.generate(voice(0.5), **wrong)
    with pytest.raises(RequestError, match=message):
        tiny_ecoface.check(**({"style": None, "emotion": None, "seed": 0, "temperature": 1.0} | wrong))


def test_an_emotion_and_a_clip_to_take_it_from_exclude_each_other(tiny_ecoface):
    with pytest.raises(RequestError, match="found both; leave one out"):
        tiny_ecoface.generate(voice(0.5), emotion="happy", emotion_from=voice(0.5))


def test_devices_are_checked():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(None).type in ("cuda", "mps", "cpu")
    with pytest.raises(RequestError, match="expected a device among cuda, mps, cpu, found 'gpu'"):
        choose_device("gpu")
    with pytest.raises(RequestError, match="found 'cuda:x'"):
        choose_device("cuda:x")
    with pytest.raises(RequestError, match="is not on this machine, which has"):
        choose_device("cuda:99")


def test_a_silent_reference_is_neutral(tiny_model_file):
    ecoface = EcoFace.load(tiny_model_file, device="cpu")
    features = ecoface.features_of(ecoface.listen(np.zeros(32_000, np.float32)))
    assert features.shape == (20, TINY.emotion.feature_dim)
    neutral = ecoface.model.prototypes[0, :1].repeat(20, axis=0)
    np.testing.assert_allclose(features, neutral, atol=1e-4, rtol=1e-4)


def test_progress_may_give_up(tiny_ecoface):
    def give_up(stage: str, done: int, total: int) -> None:
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="Animating"):
        tiny_ecoface.generate(voice(1.0), progress=give_up)
    assert tiny_ecoface.generate(voice(1.0)).n_frames == 25


def test_lower_precision_changes_the_motion_little_and_its_type_not(tiny_ecoface):
    speech = voice(2.0)
    full = tiny_ecoface.generate(speech).motion
    with torch.autocast("cpu", torch.bfloat16):
        low = tiny_ecoface.generate(speech, emotion_from=None).motion
    assert low.dtype == np.float32
    assert 0 < np.abs(low - full).mean() < 0.1 * full.std()


def test_the_paper_s_kinds_run_from_waveform_to_motion(tmp_path):
    ecoface = EcoFace.load(write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT), device="cpu")
    for wanted in ({}, {"emotion": "happy"}, {"emotion_from": voice(1.0)}):
        motion = ecoface.generate(voice(1.5), **wanted).motion
        assert motion.shape == (38, 53) and np.isfinite(motion).all()


@pytest.fixture(scope="module")
def shipped() -> tuple[EcoFace, FlameHead]:
    """The default model and its head."""
    return EcoFace.load(device="cpu"), FlameHead.from_file(read_head())


@pytest.mark.shipped
def test_the_default_models_mouth_is_shut_where_nobody_speaks(shipped):
    ecoface, head = shipped
    room = 3e-4 * np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    for sound in (np.zeros(48_000, np.float32), room):
        landmarks = head.landmarks(torch.from_numpy(ecoface.generate(sound, emotion="neutral").motion))
        opening = 1000 * (aperture(landmarks) - head.rest_lip_gap())
        assert opening.mean() < 0.5 and opening.max() < 1


@pytest.mark.shipped
@pytest.mark.parametrize("seconds", [2, 10, 60])
@pytest.mark.parametrize("level", [0.0, 3e-4, 1e-2])
def test_the_default_model_s_lips_rest_shut_before_and_after_speech(shipped, seconds, level):
    ecoface, head = shipped
    speech = read_sound(Path(__file__).parents[2] / "demo" / "speech.wav")
    silence = np.zeros(seconds * 16_000, np.float32)
    sound = np.concatenate([silence, speech, silence])
    sound += level * np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    landmarks = head.landmarks(torch.from_numpy(ecoface.generate(sound).motion))
    opening = 1000 * (aperture(landmarks) - head.rest_lip_gap())
    n, edge = 25 * seconds, 8
    spoken = opening[n : n + round(len(speech) / 640)].mean()
    for pause in (opening[: n - edge], opening[-n + edge :]):
        assert pause.mean() < 0.08 * spoken and pause.max() < 1


@pytest.mark.parametrize("name", ["generator.to_motion.bias", "emotion.mix", "classifier.offset"])
def test_weights_that_are_no_numbers_are_told_in_a_sentence(tiny_model_file, tmp_path, name):
    damaged = tmp_path / "damaged.safetensors"
    with safe_open(tiny_model_file, "numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        tensors[name] = np.full_like(tensors[name], np.nan)
        save_file(tensors, damaged, metadata=file.metadata())
    with pytest.raises(ModelFileError, match="found NaN or infinity: its file is damaged"):
        EcoFace.load(damaged, device="cpu").generate(voice(1.0))
