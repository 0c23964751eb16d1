# ruff: noqa: RUF001 (IPA is made of such letters)
"""The synthetic corpus's sound: voices with phone times, emotional prosody, recordings."""

import ctypes
import importlib.util
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, SAMPLE_RATE
from ecoface_model.core.phones import PHONES
from training.data.alignment import AlignmentError, align, words_of
from training.data.augment import augment, band_limited, coarse, in_room, tilted, with_noise
from training.data.clips import CorpusError, read_clip, write_manifest
from training.data.utterance import Phone, Utterance, at_level, covering, joined, speech_level, trimmed
from training.synthetic import corpus
from training.synthetic.animator.styles import GUESTS, STYLES
from training.synthetic.voices import espeak, flite, hibari
from training.synthetic.voices.ipa import to_arpabet
from training.synthetic.voices.plan import SPEAKER_RANGES, SYSTEM_SHARES, TEST, plan, speakers
from training.synthetic.voices.prosody import Prosody, Speaker, analyse, draw_prosody, with_prosody
from training.synthetic.voices.sentences import FOREIGN, pronunciations, sentences


def has_espeak() -> bool:
    try:
        ctypes.CDLL(espeak.LIBRARY)
    except OSError:
        return False
    return True


needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
needs_espeak = pytest.mark.skipif(not has_espeak(), reason="espeak-ng is not installed")
needs_hibari = pytest.mark.skipif(importlib.util.find_spec("hibari") is None, reason="no hibari-tts")


def buzz(seconds: float = 1.0, pitch: float = 120.0) -> Utterance:
    """A voice-like sound: harmonics falling off, between two silences."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = np.arange(1, int(7000 / pitch))
    wave = (np.cos(2 * np.pi * pitch * harmonics[:, None] * time) / harmonics[:, None] ** 1.2).sum(axis=0)
    pause = np.zeros(SAMPLE_RATE // 5)
    waveform = np.concatenate([pause, 0.02 * wave, pause]).astype(np.float32)
    phones = covering([Phone("AA", 0.2, 0.2 + seconds)], len(waveform) / SAMPLE_RATE)
    return Utterance(waveform=waveform, phones=phones)


def median_pitch(waveform: NDArray[np.float32]) -> float:
    pitch = analyse(Utterance(waveform=waveform, phones=())).pitch
    return float(np.median(pitch[pitch > 0]))


def assert_covered(utterance: Utterance) -> None:
    starts, ends = [p.start for p in utterance.phones], [p.end for p in utterance.phones]
    assert starts[0] == 0 and ends[-1] == pytest.approx(utterance.seconds)
    assert starts[1:] == ends[:-1] and {p.name for p in utterance.phones} <= set(PHONES)


# phones with times


def test_gaps_become_silence_and_neighbouring_silences_one() -> None:
    phones = covering([Phone("SIL", 0.0, 0.1), Phone("P", 0.3, 0.4), Phone("AA", 0.4, 0.5)], 0.7)
    assert [p.name for p in phones] == ["SIL", "P", "AA", "SIL"]
    assert [p.end for p in phones] == [0.3, 0.4, 0.5, 0.7]


def test_joined_utterances_keep_their_phones_on_their_sound() -> None:
    both = joined([trimmed(buzz(), 0.0), trimmed(buzz(), 0.0)], [0.5, 0.3, 0.1])
    assert_covered(both)
    for name, start, end in both.phones:
        part = both.waveform[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        assert (np.abs(part).max() == 0) == (name == "SIL")


def test_level_is_that_of_the_speech_alone() -> None:
    quiet = at_level(buzz(), -30.0)
    longer = joined([quiet], [2.0, 2.0])
    assert speech_level(longer) == pytest.approx(-30.0, abs=0.1)


def test_ipa_becomes_what_the_mouth_shows() -> None:
    assert to_arpabet("ɔːɹ") == ("AO", "R")
    assert to_arpabet("aɪɚ") == ("AY", "ER")
    assert to_arpabet("ɑ̃") == ("AA",)
    assert to_arpabet("yː") == ("UW",)
    assert to_arpabet("") == ()


def test_espeaks_voiceless_stops_get_the_closure_before_their_burst() -> None:
    rate, sound = 10_000, np.ones(10_000, np.float32)
    sound[4500:5000] = 0.001  # closure of 50 ms, then the burst
    phones = espeak.phones_of_events([("a", 0), ("p", 5000), ("a", 6000)], len(sound), rate)
    assert espeak.with_closures(phones, sound, rate)[1] == Phone("P", pytest.approx(0.45), 0.6)


def test_flites_segments_become_phones() -> None:
    phones = flite.phones_of_segments("pau:0.195 p:0.280 ax:0.316 \n")
    assert phones == [Phone("SIL", 0, 0.195), Phone("P", 0.195, 0.28), Phone("AH", 0.28, 0.316)]


# sentences and the plan


def test_sentences_hold_dictionary_words_and_come_once() -> None:
    found = sentences(150, 3)
    english = [sentence for sentence in found if sentence.language == "en"]
    assert all(word in pronunciations() for s in english for word in words_of(s.text))
    assert len({s.text for s in found}) == 150
    assert {s.language for s in found} - {"en"} <= set(FOREIGN)
    assert sentences(100, 3) == found[:100]


def test_the_plan_is_fixed_by_its_seed_and_balanced() -> None:
    jobs = plan(0.7, 1)
    assert jobs == plan(0.7, 1)
    acted = {(clip.emotion, clip.intensity) for job in jobs for clip in job.clips}
    assert len(acted) == 15
    splits = Counter(job.split for job in jobs)
    assert splits["train"] == pytest.approx(0.8 * len(jobs), abs=1) and splits["val"] > 0 < splits["test"]
    assert {job.system for job in jobs} == set(SYSTEM_SHARES)
    assert set(SPEAKER_RANGES) == {"hibari", "espeak", *flite.VOICES}


def test_every_emotion_comes_in_every_style_and_the_test_split_has_voices_and_guests_of_its_own() -> None:
    jobs = plan(2.0, 0)
    shown = Counter(
        (clip.emotion, clip.intensity, clip.style)
        for job in jobs
        if job.split == "train"
        for clip in job.clips
    )
    acted = [count for cell, count in shown.items() if cell[0] != "neutral"]
    assert len(acted) == 7 * 2 * len(STYLES)
    assert max(acted) <= 2 * min(acted)  # of two cards with one emotion, a sentence keeps one
    assert len(shown) - len(acted) == len(STYLES)
    heard = {
        held: {job.voice_name(clip) for job in jobs if (job.split == TEST) == held for clip in job.clips}
        for held in (True, False)
    }
    assert heard[True] and not heard[True] & heard[False]
    styles = {
        held: {c.style for j in jobs if (j.split == TEST) == held for c in j.clips} for held in (True, False)
    }
    assert styles[False] == set(STYLES) and styles[True] == set(STYLES | GUESTS)


@pytest.mark.parametrize("voice", SPEAKER_RANGES)
def test_a_voices_speakers_differ_from_one_another_within_its_range(voice: str) -> None:
    made = speakers(voice)
    assert len(set(made)) == len(made) == 20 and made == speakers(voice)
    (smallest, largest), _ = SPEAKER_RANGES[voice]
    assert (made[0].formants, made[-1].formants) == (smallest, largest)


# prosody


def test_resynthesis_scales_phone_times_and_sets_level_and_pitch() -> None:
    spoken = buzz()
    changed = with_prosody(
        analyse(spoken),
        Prosody(rate=-0.5, level=-6.0, pitch=3.0),
        Speaker(formants=1.1, pitch=2.0),
        np.random.default_rng(0),
    )
    assert_covered(changed)
    (start, end), slower = changed.phones[1][1:], 2**0.5
    assert (start, end) == (pytest.approx(0.2 * slower), pytest.approx(1.2 * slower))
    assert speech_level(changed) == pytest.approx(speech_level(spoken) - 6, abs=0.01)
    assert median_pitch(changed.waveform) == pytest.approx(120 * 2 ** (5 / 12), rel=0.02)


def test_a_brighter_tilt_raises_the_highs() -> None:
    analysis, rng = analyse(buzz()), np.random.default_rng(0)

    def highs(tilt: float) -> float:
        sound = with_prosody(analysis, Prosody(tilt=tilt), Speaker(), rng).waveform
        power = np.abs(np.fft.rfft(sound)) ** 2
        return float(power[len(power) // 4 :].sum() / power.sum())

    assert highs(-3.0) < highs(0.0) < highs(3.0)


def test_strong_acts_are_stronger_on_average_but_the_classes_overlap() -> None:
    rng = np.random.default_rng(0)
    levels = {
        name: np.array([draw_prosody("angry", name, rng).level for _ in range(500)]) for name in INTENSITIES
    }
    assert levels["strong"].mean() > levels["normal"].mean() + 2
    middle = (levels["strong"].mean() + levels["normal"].mean()) / 2
    assert 0.1 < (levels["normal"] > middle).mean() < 0.4
    neutral = [draw_prosody("neutral", "normal", rng) for _ in range(500)]
    assert abs(np.mean([p.pitch for p in neutral])) < 0.3 and np.std([p.pitch for p in neutral]) > 0.8
    assert min(p.breath for p in neutral) >= 0


# recordings


def test_every_augmentation_keeps_length_and_is_fixed_by_its_seed() -> None:
    sound = buzz().waveform
    for seed in range(30):
        first, second = (augment(sound, np.random.default_rng(seed), [sound]) for _ in range(2))
        assert first.shape == sound.shape and first.dtype == np.float32 and np.isfinite(first).all()
        np.testing.assert_array_equal(first, second)


def test_rooms_bands_tilts_and_codecs_do_not_move_the_sound_in_time() -> None:
    click = np.zeros(8000, np.float32)
    click[4000:4003] = 0.5, 1.0, 0.5
    rng = np.random.default_rng(0)
    for changed in (
        in_room(click, 0.3, rng), band_limited(click, 300.0, 3400.0), tilted(click, 3.0), coarse(click, -40.0)
    ):  # fmt: skip
        assert abs(int(np.abs(changed).argmax()) - 4001) <= 2


def test_noise_stands_under_the_speech_as_asked() -> None:
    sound, noise = buzz().waveform, np.random.default_rng(0).standard_normal(1).astype(np.float32)
    noise = np.resize(noise, sound.shape).astype(np.float32)
    added = with_noise(sound, noise, 12.0) - sound
    assert 10 * np.log10(np.mean(sound**2) / np.mean(added**2)) == pytest.approx(12.0, abs=0.1)


# the voices themselves


@needs_flite
def test_flite_speaks_with_phones_on_its_sound() -> None:
    spoken = flite.speak("Please buy the map.", "rms", stretch=1.2)
    assert_covered(spoken)
    assert [p.name for p in spoken.phones][1:5] == ["P", "L", "IY", "Z"]


@needs_espeak
@pytest.mark.parametrize("voice", ["en-us+f2", "en+m3", "de+m1", "fr+f1", "es", "it"])
def test_espeak_speaks_with_phones_on_its_sound(voice: str) -> None:
    spoken = espeak.espeak().speak("Mama, papa.", voice, words_per_minute=160, pitch=50, pitch_range=50)
    assert_covered(spoken)
    names = [p.name for p in spoken.phones if p.name != "SIL"]
    assert names.count("M") == 2 and names.count("P") == 2
    assert speech_level(spoken) > -40


@needs_espeak
def test_espeak_refuses_a_voice_it_does_not_have() -> None:
    with pytest.raises(CorpusError, match="expected espeak-ng to know the voice 'nowhere'"):
        espeak.espeak().speak("Hello.", "nowhere", words_per_minute=160, pitch=50, pitch_range=50)


@needs_hibari
def test_hibari_speaks_and_is_aligned_with_silence_in_its_pauses() -> None:
    spoken = hibari.speak("Look at the moon, my boy.", speed=1.0, seed=0)
    assert_covered(spoken)
    assert "UW" in [p.name for p in spoken.phones]
    quiet = np.concatenate(
        [
            spoken.waveform[round(p.start * SAMPLE_RATE) : round(p.end * SAMPLE_RATE)]
            for p in spoken.phones
            if p.name == "SIL"
        ]
    )
    assert 10 * np.log10(np.mean(quiet**2) + 1e-12) < speech_level(spoken) - 15


def test_the_aligner_names_words_it_does_not_know() -> None:
    with pytest.raises(AlignmentError, match="expected words of the dictionary, found blorptastic"):
        align(buzz().waveform, "A blorptastic day")


@needs_flite
def test_a_job_makes_its_clips_once_and_says_the_same_again(tmp_path: Path) -> None:
    job = next(job for job in plan(0.2, 0) if job.system == "flite" and len(job.clips) > 1)
    rows = corpus.run_job(tmp_path, job)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "clips").iterdir()}
    assert corpus.run_job(tmp_path, job) == rows
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "clips").iterdir()} == written
    write_manifest(tmp_path, rows)
    for row in rows:
        clip = read_clip(tmp_path, row)
        assert clip.phone_name[0] == clip.phone_name[-1] == "SIL"
        assert clip.phone_end[-1] == pytest.approx(len(clip.waveform) / SAMPLE_RATE, abs=1e-3)
        assert (
            row.emotion in EMOTIONS and np.abs(clip.waveform).min() >= 0 < np.abs(clip.waveform[:800]).max()
        )
    assert f"{len(rows)} clips" in corpus.summary(rows)


def test_missing_voices_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(espeak, "LIBRARY", "libmissing.so")
    with pytest.raises(CorpusError, match="`apt-get install flite espeak-ng`"):
        corpus.check_voices(corpus.SYSTEM_SHARES)
    with pytest.raises(CorpusError, match="apt-get install flite"):
        flite.speak("Hello.", "slt", stretch=1.0)
