"""The rule-based animator: contacts, co-articulation, emotion, styles and life, measured on the real head."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import EcoFaceError, RequestError
from ecoface_model.head_motion.pitch import pitch
from training.data.clips import ClipRow, motion_path, read_clip, write_clip, write_manifest
from training.data.utterance import Phone
from training.synthetic.animator.articulation import contact_gate, loudness_factor, time_grid
from training.synthetic.animator.channels import INDEX
from training.synthetic.animator.emotions_table import Temper, emotion_pose
from training.synthetic.animator.performance import Feeling, perform, reference_face
from training.synthetic.animator.prosody_features import RATE, listen
from training.synthetic.animator.styles import STYLES
from training.synthetic.animator.upper_face import blink_curve
from training.synthetic.animator.visemes import VISEMES
from training.synthetic.perform import PerformConfig, perform_clip
from training.synthetic.perform import main as perform_main

SENTENCE = "SIL B AA B M EY M AE P DH AH R UW M SIL F Y UW P IY P AH L S T R OW V SIL"


def phones_of(names: str, start: float = 0.0) -> list[Phone]:
    """Sounds of usual lengths, the first pause longer by `start`."""
    phones, now = [], 0.0
    for i, name in enumerate(names.split()):
        length = 0.4 if name == "SIL" else 0.13 if name[0] in "AEIOU" else 0.075
        end = now + length + (start if i == 0 else 0.0)
        phones.append(Phone(name, now, end))
        now = end
    return phones


def voice(phones, *, hertz=120.0, loud=None) -> np.ndarray:
    """A hum under the phones, silent in pauses; `loud` scales single phones by index."""
    times = np.arange(round(phones[-1].end * 16000)) / 16000
    level = np.zeros(len(times))
    for i, phone in enumerate(phones):
        if phone.name != "SIL":
            level[(times >= phone.start) & (times < phone.end)] = (loud or {}).get(i, 0.1)
    harmonics = sum(np.sin(2 * np.pi * hertz * k * times) / k for k in range(1, 6))
    return (level * harmonics).astype(np.float32)


def landmarks_mm(motion) -> np.ndarray:
    return 1000 * reference_face(0.0).head.landmarks(torch.from_numpy(motion)).numpy()


def gap_mm(motion) -> np.ndarray:
    """Signed gap between the lips; 0 where they just touch."""
    y = landmarks_mm(motion)[:, :, 1]
    return (y[:, [61, 62, 63]] - y[:, [67, 66, 65]]).mean(axis=1) - reference_face(0.0).rest_gap


def width_mm(motion) -> np.ndarray:
    points = landmarks_mm(motion)
    return points[:, 54, 0] - points[:, 48, 0]


def eye_mm(motion) -> np.ndarray:
    y = landmarks_mm(motion)[:, :, 1]
    return (y[:, [37, 38, 43, 44]] - y[:, [41, 40, 47, 46]]).mean(axis=1)


def frames(start: float, end: float) -> slice:
    return slice(int(np.ceil(start * 25)), int(end * 25) + 1)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_bilabial_closes_on_a_frame_and_lips_never_cross(emotion):
    styles = list(STYLES.values())
    for k in (EMOTIONS.index(emotion), (EMOTIONS.index(emotion) + 3) % 8):
        phones = phones_of(SENTENCE, start=k * 0.005)  # every phase of the frames
        motion = perform(phones, voice(phones), feeling=Feeling(emotion, 2.0), style=styles[k])
        gap = gap_mm(motion)
        assert gap.min() > -0.5
        opening = np.percentile(gap, 95)
        for phone in phones:
            if phone.name in ("P", "B", "M"):
                assert gap[frames(phone.start - 0.01, phone.end + 0.01)].min() < 0.1 * opening
            if phone.name in ("F", "V"):
                assert gap[frames(phone.start - 0.02, phone.end + 0.02)].min() < 0.25 * opening


def test_a_gate_is_held_long_enough_for_any_frame_to_see_it():
    for offset in np.arange(0, 0.04, 0.003):
        phones = [Phone("AA", 0.0, 0.2 + offset), Phone("P", 0.2 + offset, 0.23 + offset)]
        times = time_grid(25)
        assert contact_gate(phones, ("P",), times)[::4].max() == 1


def test_vowels_open_and_pauses_close():
    phones = phones_of(SENTENCE)
    motion = perform(phones, voice(phones))
    gap = gap_mm(motion)
    opening = np.percentile(gap, 95)
    assert 5 < opening < 15
    for phone in phones:
        inside = gap[frames(phone.start, phone.end)]
        if phone.name in ("AA", "AE", "EY", "OW"):
            assert inside.max() > 0.3 * opening
    assert gap[:5].max() < 0.08 * opening
    assert gap[-3:].max() < 0.08 * opening


def test_rounding_starts_before_its_vowel_and_through_the_consonants():
    phones = phones_of("SIL IY S T UW T IY SIL")
    width = width_mm(perform(phones, voice(phones)))
    vowel = phones[4]
    spread = width[frames(phones[1].start, phones[1].end)].max()
    rounded = width[frames(vowel.start, vowel.end)].min()
    before = width[round((vowel.start - 0.06) * 25)]
    assert rounded < spread - 8
    assert before < spread - 0.3 * (spread - rounded)


def test_tongue_sounds_leave_the_lips_to_their_neighbours():
    widths = []
    for vowel in ("UW", "IY"):
        phones = phones_of(f"SIL {vowel} T {vowel} SIL")
        width = width_mm(perform(phones, voice(phones)))
        widths.append(width[frames(phones[2].start, phones[2].end)].mean())
    assert widths[1] > widths[0] + 8


def test_louder_vowels_open_wider():
    phones = phones_of("SIL T AA T AA T AA T SIL")
    motion = perform(phones, voice(phones, loud={2: 0.02, 4: 0.1, 6: 0.4}))
    gap = gap_mm(motion)
    quiet, usual, loud = (gap[frames(phones[i].start, phones[i].end)].max() for i in (2, 4, 6))
    assert quiet < usual < loud
    assert loudness_factor(-9.0) < loudness_factor(0.0) < loudness_factor(9.0) <= 1.35


def test_a_clip_gives_exactly_25_frames_a_second_and_the_same_bytes_again():
    for seconds in (0.5, 1.234, 2.02):
        phones = [Phone("SIL", 0.0, 0.1), Phone("AA", 0.1, seconds)]
        sound = voice(phones)
        motion = perform(phones, sound, seed=3)
        assert motion.shape == (round(len(sound) / 16000 * 25), 53)
        assert motion.dtype == np.float32
        assert motion.tobytes() == perform(phones, sound, seed=3).tobytes()


def test_the_seed_moves_the_upper_face_and_not_the_lips():
    phones = phones_of(SENTENCE)
    sound = voice(phones)
    first, second = (landmarks_mm(perform(phones, sound, seed=seed)) for seed in (0, 1))
    difference = np.abs(first - second).max(axis=(0, 2))
    assert difference[48:68].max() < 0.3  # cheeks and nose pull a little
    assert difference[17:27].max() > 0.3


def test_a_pause_has_a_face_too():
    phones = [Phone("SIL", 0.0, 1.0)]
    motion = perform(phones, np.zeros(16000, np.float32))
    assert np.isfinite(motion).all()
    assert np.abs(gap_mm(motion)).max() < 0.6


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_blinks_shut_the_eyes_without_crossing_the_lids(emotion):
    phones = phones_of(SENTENCE)
    lively = replace(STYLES["natural"], blinks=60.0)
    opening = eye_mm(perform(phones, voice(phones), feeling=Feeling(emotion, 2.0), style=lively, seed=2))
    assert opening.min() > -1.0
    assert opening.min() < 2.5


def test_a_blink_is_two_frames_down_one_shut_and_four_or_five_up():
    temper = Temper(double_blinks=0.0)
    curve = blink_curve([0.2], temper, time_grid(25), np.random.default_rng(0))[::4]
    moving = np.flatnonzero(curve > 0.05)
    assert 5 <= len(moving) <= 9
    assert curve.max() > 0.9
    peak = int(curve.argmax())
    assert peak - moving[0] < moving[-1] - peak


def test_intensity_is_continuous_from_none_over_normal_to_strong():
    assert emotion_pose("happy", 0.0).mouth.get("smile", 0.0) == 0
    smiles = [emotion_pose("happy", level).mouth["smile"] for level in np.linspace(0.01, 2, 40)]
    assert np.all(np.diff(smiles) > 0)
    assert np.diff(smiles).max() < 0.05
    phones = phones_of(SENTENCE)
    sound = voice(phones)
    feelings = (Feeling("angry", 0.0), Feeling("neutral", 1.0))
    none, neutral = (perform(phones, sound, feeling=feeling) for feeling in feelings)
    np.testing.assert_allclose(gap_mm(none), gap_mm(neutral), atol=0.05)


def test_emotions_move_brows_and_corners_the_way_people_know():
    phones = phones_of(SENTENCE)
    sound = voice(phones)
    faces = {e: landmarks_mm(perform(phones, sound, feeling=Feeling(e, 2.0), seed=1)) for e in EMOTIONS}
    mean = {emotion: face[10:-10].mean(axis=0) for emotion, face in faces.items()}
    inner, corners = [21, 22], [48, 54]
    assert mean["happy"][corners, 1].mean() > mean["neutral"][corners, 1].mean() + 2
    assert mean["sad"][corners, 1].mean() < mean["neutral"][corners, 1].mean() - 0.5
    assert mean["angry"][inner, 1].mean() < mean["neutral"][inner, 1].mean() - 2
    for raised in ("sad", "fearful", "surprised"):
        assert mean[raised][inner, 1].mean() > mean["neutral"][inner, 1].mean() + 2


def test_a_smile_survives_a_closure():
    phones = phones_of("SIL T IY B IY T SIL")
    sound = voice(phones)
    b = frames(phones[3].start, phones[3].end)
    feelings = (Feeling("happy", 2.0), Feeling("neutral", 1.0))
    happy, neutral = (landmarks_mm(perform(phones, sound, feeling=feeling)) for feeling in feelings)
    assert (happy[b][:, [48, 54], 1].mean() - neutral[b][:, [48, 54], 1].mean()) > 1


def test_no_two_styles_look_alike():
    phones = phones_of(SENTENCE)
    sound = voice(phones)
    faces = {name: landmarks_mm(perform(phones, sound, style=style)) for name, style in STYLES.items()}
    assert len(faces) >= 8
    names = list(faces)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            assert np.linalg.norm(faces[a] - faces[b], axis=2)[:, 17:].max(axis=1).mean() > 0.5, (a, b)
    opening = {name: np.percentile(gap_mm(perform(phones, sound, style=STYLES[name])), 95) for name in names}
    assert opening["mumbler"] < opening["natural"] < opening["orator"]


def test_brows_rise_with_the_accent_of_the_pitch():
    phones = phones_of("SIL T AH T AH T AH T AA T AH T AH T AH T SIL")
    sound = voice(phones)
    accented = phones[8]
    high = voice(phones, hertz=190.0, loud={8: 0.2})
    part = slice(round(accented.start * 16000), round(accented.end * 16000))
    sound[part] = high[part]
    accents = listen(sound, phones).accents
    assert max(accents, key=lambda a: a.strength).peak == pytest.approx((accented.start + accented.end) / 2)
    brows = landmarks_mm(perform(phones, sound, seed=0))[:, [21, 22], 1].mean(axis=1)
    assert abs(brows[3:-3].argmax() + 3 - accents[0].peak * 25) <= 4
    assert brows.max() - np.median(brows) > 0.8


@pytest.mark.parametrize("hertz", [80.0, 130.0, 240.0, 390.0])
def test_pitch_is_found_in_a_hum(hertz):
    f0 = pitch(voice([Phone("AA", 0.0, 0.5)], hertz=hertz), RATE)[5:-5]
    np.testing.assert_allclose(f0[np.isfinite(f0)], hertz, rtol=0.02)
    assert np.isfinite(f0).mean() > 0.9


def test_coefficients_stay_within_a_shape_keys_range():
    phones = phones_of(SENTENCE)
    for emotion in EMOTIONS:
        motion = perform(phones, voice(phones), feeling=Feeling(emotion, 2.0), style=STYLES["quirky"])
        assert np.abs(motion[:, :50]).max() <= 9.9 + 1e-5
        assert np.degrees(motion[:, 50]).min() >= 0 and np.degrees(motion[:, 50]).max() <= 18.001


def test_every_viseme_is_made_of_known_channels():
    assert all(name in INDEX for viseme in VISEMES.values() for name in viseme.lips)


def test_unknown_emotions_and_intensities_are_refused():
    with pytest.raises(RequestError, match="expected an emotion of neutral, calm"):
        emotion_pose("bored", 1.0)
    with pytest.raises(RequestError, match="expected an intensity from 0"):
        emotion_pose("happy", 3.0)


def a_corpus(folder, speaker="warm"):
    """One clip on disk."""
    phones = phones_of("SIL M AA M SIL")
    row = ClipRow(
        id="one", speaker=speaker, voice="hum", emotion="happy", intensity="strong", sentence="mum",
        sentence_id="0", seconds=phones[-1].end, split="train", file="clips/one.npz",
    )  # fmt: skip
    starts, ends = (np.array([getattr(p, side) for p in phones], np.float32) for side in ("start", "end"))
    sound = (voice(phones) * 32767).astype(np.int16)
    write_clip(folder / row.file, sound, starts, ends, [p.name for p in phones])
    write_manifest(folder, [row])
    return row


def test_a_corpus_is_animated_once(tmp_path, capsys):
    row = a_corpus(tmp_path)
    perform_main(PerformConfig(corpus=tmp_path, workers=1))
    clip = read_clip(tmp_path, row)
    assert clip.motion is not None and len(clip.motion) == clip.n_frames
    with np.load(motion_path(tmp_path, row.id)) as arrays:
        assert str(arrays["style"]) == "warm"
    perform_main(PerformConfig(corpus=tmp_path, workers=1))
    assert capsys.readouterr().out.splitlines()[1].startswith("0 performances")


def test_a_clip_of_an_unknown_style_is_refused(tmp_path):
    row = a_corpus(tmp_path, speaker="nobody")
    with pytest.raises(EcoFaceError, match=r"clip one: expected a style of natural, .*found 'nobody'"):
        perform_clip(tmp_path, row)
