"""What is said becomes visemes of every set, and what is felt emotions beside them: numpy alone."""

import numpy as np
import pytest

from ecoface_blender.core.constants import DEFAULT_INTENSITY
from ecoface_blender.core.constants import EMOTIONS as ENGINE_EMOTIONS
from ecoface_blender.heads import feelings, speech, visemes
from ecoface_blender.heads.coarticulation import SOUNDS
from ecoface_blender.heads.feelings import EMOTIONS, KeyEffect, beside_speech, emotion_curves, felt
from ecoface_blender.heads.visemes import OCULUS, SETS, VRM, Articulation, viseme_curves
from ecoface_model.core.phones import PHONES

RATE = 25.0
JAW = {"AA": 10.5, "OW": 5.0, "IY": 2.5}


def line(*timed):
    """Shares (T, 40) and the jaw's degrees of (phone or shares, frames), blurred as a classifier's are."""
    rows, jaw = [], []
    for asked, n_frames in timed:
        shares = asked if isinstance(asked, dict) else {asked: 1.0}
        row = np.zeros(len(PHONES))
        for phone, share in shares.items():
            row[PHONES.index(phone)] = share
        rows += [row] * n_frames
        jaw += [JAW.get(max(shares, key=shares.get), 1.5)] * n_frames
    padded = [np.pad(each, 1, mode="edge") for each in np.array(rows).T]
    blurred = [np.convolve(each, [0.15, 0.7, 0.15], "valid") for each in padded]
    return np.array(blurred).T, np.array(jaw)


def said(*timed, controls=(1.0, 1.0)):
    phones, jaw = line(*timed)
    return Articulation.of(phones, PHONES, RATE, jaw, controls)


def syllables(onset, vowel, times=4):
    return [("SIL", 10), *[(onset, 3), (vowel, 5)] * times, ("SIL", 10)]


def test_every_phone_of_the_model_is_known_and_the_emotions_are_the_engine_s():
    assert set(PHONES) == set(SOUNDS)
    assert ("neutral", *EMOTIONS) == tuple(ENGINE_EMOTIONS)


@pytest.mark.parametrize("visemes_", SETS, ids=lambda each: each.title)
def test_weights_are_shares_whatever_is_said(visemes_):
    rng = np.random.default_rng(0)
    phones = rng.dirichlet(np.full(len(PHONES), 0.1), 200)
    curves = viseme_curves(
        Articulation.of(phones, PHONES, RATE, rng.uniform(0, 25, 200), (3.0, 3.0)), visemes_
    )
    values = np.column_stack(list(curves.values()))
    assert values.min() >= 0 and values.sum(axis=1).max() <= 1 + 1e-9
    assert np.isfinite(values).all() and tuple(curves) == tuple(visemes_.phones)


@pytest.mark.parametrize(
    "vowel,leader", [("AA", "aa"), ("IY", "ih"), ("UW", "ou"), ("EH", "ee"), ("OW", "oh"), ("AO", "oh")]
)
def test_each_vowel_leads_with_its_own_mouth(vowel, leader):
    for each, name in ((VRM, f"vrm_{leader}"), (OCULUS, f"viseme_{leader.replace('ee', 'E')}")):
        curves = viseme_curves(said(*syllables("T", vowel)), each)
        means = {key: curve[10:42].mean() for key, curve in curves.items() if key != "viseme_sil"}
        assert max(means, key=means.get) == name


def test_an_unsure_back_vowel_is_an_o_and_an_unsure_open_one_an_a():
    """As the shipped model's classifier tells of "po po po" and "pa pa pa"."""
    po = {"AA": 0.22, "AH": 0.2, "AO": 0.1, "OW": 0.05, "AE": 0.06, "EH": 0.05, "AW": 0.03, "R": 0.04}
    pa = {"AA": 0.45, "AH": 0.08, "AO": 0.08, "OW": 0.02, "AE": 0.1, "EH": 0.04, "AW": 0.04, "AY": 0.04}
    for shares, degrees, leader in ((po, 5.0, "vrm_oh"), (pa, 8.0, "vrm_aa")):
        phones, jaw = line(*syllables("P", shares))
        spoken = Articulation.of(phones, PHONES, RATE, np.where(jaw > 2, degrees, jaw))
        curves = viseme_curves(spoken, VRM)
        assert max(curves, key=lambda name: curves[name].mean()) == leader


@pytest.mark.parametrize("onset", ["P", "B", "M"])
def test_lips_are_shut_in_the_middle_of_p_b_and_m_and_in_silence(onset):
    spoken = said(*syllables(onset, "AA"))
    vowels = sum(viseme_curves(spoken, VRM).values())
    middles = [11 + 8 * number for number in range(4)]
    assert vowels[middles].max() < 1e-6 and vowels[:5].max() < 0.02 and vowels[-4:].max() < 0.02
    assert vowels[16:40:8].min() > 0.5
    assert viseme_curves(spoken, OCULUS)["viseme_PP"][middles].min() > 0.99
    assert viseme_curves(spoken, OCULUS)["viseme_sil"][2] > 0.95


def test_a_rounded_vowel_is_seen_before_it_is_heard():
    curves = viseme_curves(said(("SIL", 8), ("S", 3), ("T", 3), ("UW", 6), ("SIL", 8)), VRM)
    assert curves["vrm_ou"][12] > 0.15  # 80 ms before


def test_jaw_and_lips_scale_what_is_theirs():
    vowel, plain = syllables("T", "AA"), said(*syllables("T", "AA")).speaking.max()
    assert said(*vowel, controls=(0.5, 1.0)).speaking.max() < 0.65 * plain
    assert said(*vowel, controls=(1.0, 0.5)).speaking.max() > 0.9 * plain
    assert said(*vowel, controls=(0.0, 0.0)).speaking.max() == 0


def test_a_quiet_voice_opens_the_mouth_less():
    phones, jaw = line(*syllables("T", "AA"))
    quiet, loud = (Articulation.of(phones, PHONES, RATE, jaw * k).speaking.max() for k in (0.4, 1.0))
    assert 0.2 * loud < quiet < 0.75 * loud


def test_a_diphthong_goes_over_into_its_end():
    curves = viseme_curves(said(("SIL", 8), ("AY", 10), ("SIL", 8)), VRM)
    a, i = curves["vrm_aa"], curves["vrm_ih"]
    assert a[11] > 2 * i[11] and i[17] > 2 * a[17]


def test_motions_without_phones_shut_open_and_round_by_their_shape():
    opening = np.array([0.0] * 10 + [1.0] * 20 + [0.0] * 10)
    for rounding, jaw, leader in ((0, 8, "aa"), (0, 2, "ih"), (1, 8, "oh"), (1, 1, "ou")):
        phones = visemes.phones_of_shape(opening, rounding * opening, jaw * opening)
        curves = viseme_curves(Articulation.of(phones, visemes.FALLBACK, RATE, jaw * opening), VRM)
        assert max(curves, key=lambda name: curves[name].mean()) == f"vrm_{leader}"
        assert sum(curves.values())[2] < 0.02 and sum(curves.values())[20] > 0.2


def test_the_emotion_that_was_asked_for_is_felt_and_else_the_one_that_was_heard():
    moments = np.arange(50) / RATE
    assert felt(moments, "happy:1.5")[:, EMOTIONS.index("happy")].tolist() == [1.5] * 50
    assert not felt(moments, "neutral:1").any()
    heard = {"shares": {"sad": 0.75, "neutral": 0.25}, "intensity": 2.0}
    assert felt(moments, "from the speech", heard)[0, EMOTIONS.index("sad")] == 1.5
    turned = felt(moments, "happy@0 angry:2@1")
    assert (
        turned[0, EMOTIONS.index("happy")] == DEFAULT_INTENSITY and turned[-1, EMOTIONS.index("angry")] == 2
    )
    weights = np.zeros((2, 8))
    weights[:, 1 + EMOTIONS.index("fearful")] = 0, 1
    track = {"weights": weights, "intensity": np.array([1.0, 1.0]), "rate": 1.0}
    assert felt(moments, "from an emotion track", None, track)[25, EMOTIONS.index("fearful")] == 1
    assert not felt(moments, "happy to help").any()


def test_emotions_move_their_own_keys_and_no_other():
    angry = np.zeros((10, len(EMOTIONS)))
    angry[:, EMOTIONS.index("angry")] = 2
    present = ["emotion_brow_angry", "emotion_brow_sad", "emotion_eye_angry", "emotion_mouth_angry", "vrm_aa"]
    curves = emotion_curves(angry, present, upper=0.5, mouth=0.0)
    assert curves["emotion_brow_angry"][0] == 0.5 and curves["emotion_eye_angry"][0] == 0.5
    assert not curves["emotion_brow_sad"].any() and not curves["emotion_mouth_angry"].any()
    assert "vrm_aa" not in curves


def test_emotions_leave_the_lips_to_speech_and_blinks_the_lids():
    """A key that opens the mouth gives way where the lips are shut; lids are never shut twice."""
    ones = np.ones(3)
    curves = {"emotion_mouth_happy": ones, "emotion_mouth_angry": ones, "emotion_eye_happy": ones}
    curves |= {"vrm_happy": ones, "vrm_blink": ones}
    effects = {
        "emotion_mouth_happy": KeyEffect(1.2, 0.0),
        "emotion_mouth_angry": KeyEffect(0.0, 0.0),
        "emotion_eye_happy": KeyEffect(0.0, 0.6),
        "vrm_happy": KeyEffect(1.0, 1.0),
    }
    closed, speaking = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    out = beside_speech(curves, effects, closed, speaking, closed, speaking)
    assert out["emotion_mouth_happy"][0] == 0 and out["emotion_mouth_angry"][0] == 1
    assert 1.2 * out["emotion_mouth_happy"].max() <= feelings.ROOM + 1e-9
    assert out["emotion_mouth_angry"][2] == 1 - feelings.SHUT_BESIDE_SPEECH
    assert out["emotion_mouth_happy"][2] == feelings.ROOM / 1.2 * (1 - feelings.BESIDE_SPEECH)
    eyes = 0.6 * out["emotion_eye_happy"]
    lids = out["vrm_blink"] + eyes + out["vrm_happy"]
    assert lids.max() <= 1 + 1e-9 and eyes[:2].max() <= feelings.LIDS + 1e-9


def test_eyes_show_more_of_a_smile_while_the_mouth_gives_way_to_speech():
    curves = {"emotion_eye_happy": np.full(2, 0.25), "emotion_eye_sad": np.full(2, 0.5)}
    speaking = np.array([0.0, 1.0])
    effects = {"emotion_eye_happy": KeyEffect(0.0, 0.6), "emotion_eye_sad": KeyEffect(0.0, 0.1)}
    alone = beside_speech(curves, effects, 0 * speaking, speaking, 0 * speaking, speaking)
    assert (alone["emotion_eye_happy"] == 0.25).all(), "there is no mouth to stand in for"
    with_mouth = curves | {"emotion_mouth_relaxed": np.ones(2)}
    out = beside_speech(with_mouth, effects, 0 * speaking, speaking, 0 * speaking, speaking)
    assert out["emotion_eye_happy"][0] == 0.25
    assert out["emotion_eye_happy"][1] == pytest.approx(0.25 * (1 + feelings.MORE_EYES))
    assert (out["emotion_eye_sad"] == 0.5).all()
    shut = (
        0.6
        * beside_speech(
            with_mouth | {"emotion_eye_happy": np.ones(2)},
            effects,
            0 * speaking,
            speaking,
            0 * speaking,
            speaking,
        )["emotion_eye_happy"]
    )
    np.testing.assert_allclose(shut, [feelings.LIDS, feelings.LIDS + feelings.SMILING_LIDS])


def test_speech_travels_as_columns():
    phones, jaw = line(*syllables("M", "OW"))
    happy = np.tile(felt(np.zeros(1), "happy:2"), (len(phones), 1))
    whole = speech.of_phones(phones, PHONES, RATE, jaw, happy, amounts=(1.0, 0.5))
    again = whole.with_columns(whole.columns)
    wanted = {"vrm_oh", "viseme_PP", "emotion_mouth_relaxed", "emotion_brow_happy"}
    for name, curve in whole.curves(wanted).items():
        np.testing.assert_allclose(again.curves(wanted)[name], curve)
    silent = speech.silent(5).curves({"vrm_aa", "viseme_sil", "vrm_happy"})
    assert not silent["vrm_aa"].any() and silent["viseme_sil"].min() == 1 and not silent["vrm_happy"].any()
