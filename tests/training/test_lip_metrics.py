"""The lip metrics, against curves whose scores are known by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ecoface_model.core.errors import SoundError
from training.data.real_speech import TRANSCRIPTS, read_recordings
from training.data.utterance import Phone
from training.evaluation import lip_metrics
from training.evaluation.lip_metrics import LipClip, area_under_curve
from training.evaluation.real_speech_lips import RATES, TARGETS, degraded_table, table

REST = 0.0004  # metres


def clip_of(aperture_mm, phones, *, width_mm=50.0, forward_mm=0.0, reference=None) -> LipClip:
    """A face that is nothing but lips with these curves."""
    aperture = np.asarray(aperture_mm, float) / 1000
    landmarks = np.zeros((len(aperture), 68, 3))
    for upper in (61, 62, 63):
        landmarks[:, upper, 1] = aperture + REST
    landmarks[:, 54, 0] = np.broadcast_to(width_mm, len(aperture)) / 1000
    landmarks[:, [51, 57, 62, 66], 2] = (np.broadcast_to(forward_mm, len(aperture)) / 1000)[:, None]
    return LipClip(landmarks, REST, phones, reference)


def sentence() -> list[Phone]:
    """SIL AA T B AA T M AA T SIL, far enough from one another to be judged."""
    names = ["SIL", "T", "AA", "T", "T", "B", "T", "T", "AA", "T", "T", "M", "T", "SIL"]
    return [Phone(name, 0.12 * i, 0.12 * (i + 1)) for i, name in enumerate(names)]


def mouth(phones, *, open_mm=10.0, shut=("B", "M", "SIL")):
    """Open everywhere but in these sounds."""
    times = np.arange(round(25 * phones[-1].end)) / 25
    name = [next(p.name for p in phones if p.start <= t < p.end) for t in times]
    return np.array([0.0 if n in shut else open_mm for n in name])


def test_aperture_is_the_mean_height_of_three_pairs_less_the_rest_gap():
    clip = clip_of([0.0, 3.0, 6.0], [])
    np.testing.assert_allclose(clip.millimetres, [0, 3, 6], atol=1e-9)
    np.testing.assert_allclose(clip.aperture, np.array([0, 3, 6]) / np.percentile([0, 3, 6], 95))


def test_a_mouth_that_closes_only_where_it_must_scores_full_contrast():
    phones = sentence()
    clip = clip_of(mouth(phones), phones)
    assert lip_metrics.closure([clip]) == lip_metrics.Score(1.0, 2)
    assert lip_metrics.false_closure([clip]) == lip_metrics.Score(0.0, 2)
    assert lip_metrics.contrast([clip]).value == 1.0
    assert lip_metrics.open_auc([clip]).value == 1.0
    assert lip_metrics.pauses([clip]).value == 0.0 or lip_metrics.pauses([clip]).count == 0


def test_a_mouth_held_shut_wins_closure_and_nothing_else():
    phones = sentence()
    aperture = np.zeros(round(25 * phones[-1].end))
    aperture[:4] = 10  # it opens once, so that there is something to be relative to
    clip = clip_of(aperture, phones)
    assert lip_metrics.closure([clip]).value == 1.0
    assert lip_metrics.contrast([clip]).value == 0.0
    assert lip_metrics.open_auc([clip]).value == 0.5


def test_sounds_next_to_a_pause_or_a_closing_sound_are_not_judged():
    phones = [Phone("SIL", 0.0, 0.2), Phone("B", 0.2, 0.3), Phone("AA", 0.3, 0.4), Phone("T", 0.4, 0.6)]
    clip = clip_of(np.full(15, 5.0), phones)
    assert lip_metrics.closure([clip]).count == 0
    assert lip_metrics.false_closure([clip]).count == 0


def test_a_closure_counts_within_40_ms_of_its_sound_and_not_beyond():
    phones = [Phone("T", 0.0, 0.4), Phone("B", 0.4, 0.48), Phone("T", 0.48, 1.0)]
    for shut_frame, expected in ((9, 1.0), (13, 1.0), (8, 0.0), (14, 0.0)):
        aperture = np.full(25, 10.0)
        aperture[shut_frame] = 0
        assert lip_metrics.closure([clip_of(aperture, phones)]).value == expected


def test_area_under_the_curve_is_the_double_loop():
    rng = np.random.default_rng(0)
    positive, negative = rng.integers(0, 6, 20).astype(float), rng.integers(-2, 4, 13).astype(float)
    by_hand = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative) / (20 * 13)
    assert area_under_curve(positive, negative) == pytest.approx(by_hand)


def test_rounding_is_seen_by_narrowness_or_by_protrusion():
    phones = [Phone("UW", 0.0, 0.4), Phone("T", 0.4, 0.6), Phone("IY", 0.6, 1.0)]
    rounded = np.r_[np.ones(11), np.zeros(14)]
    narrow = clip_of(np.ones(25), phones, width_mm=50 - 10 * rounded)
    forward = clip_of(np.ones(25), phones, forward_mm=5 * rounded)
    for clip in (narrow, forward):
        assert lip_metrics.rounding_auc([clip]) == lip_metrics.Score(1.0, 2)
    assert lip_metrics.rounding_auc([narrow], [lip_metrics.protrusion]).value == 0.5


def test_pauses_count_only_when_longer_than_150_ms():
    phones = [Phone("SIL", 0.0, 0.4), Phone("AA", 0.4, 0.8), Phone("SIL", 0.8, 0.92), Phone("AA", 0.92, 1.2)]
    aperture = np.r_[np.full(10, 2.0), np.full(20, 10.0)]
    score = lip_metrics.pauses([clip_of(aperture, phones)])
    assert score.count == 1
    assert score.value == pytest.approx((10 * 2.0 + 10.0) / 11 / 10, rel=1e-6)  # the frame at 0.4 s included


@pytest.mark.parametrize(("hertz", "expected"), [(2.0, 0.0), (10.0, 1.0)])
def test_jitter_is_the_energy_above_8_hz(hertz, expected):
    times = np.arange(100) / 25
    clip = clip_of(5 + np.sin(2 * np.pi * hertz * times + 0.3), [])
    assert lip_metrics.jitter([clip]).value == pytest.approx(expected, abs=1e-6)


def test_lag_finds_a_shift_of_two_frames_and_r_is_lower_there():
    rng = np.random.default_rng(1)
    curve = np.convolve(rng.standard_normal(300), np.hanning(9), "same")
    curve = 5 + 2 * curve / np.abs(curve).max()
    late = clip_of(np.roll(curve, 2)[5:-5], [], reference=curve[5:-5])
    same = clip_of(curve, [], reference=curve)
    assert lip_metrics.lag([late]).value == pytest.approx(80)
    assert lip_metrics.lag([same]).value == 0
    assert lip_metrics.correlation([same]).value == pytest.approx(1)
    assert lip_metrics.correlation([late]).value < 0.8


def test_opening_is_the_median_of_the_clips():
    clips = [clip_of(np.full(10, mm), []) for mm in (4.0, 8.0, 20.0)]
    assert lip_metrics.opening(clips).value == pytest.approx(8.0)


def test_the_table_says_count_target_and_verdict_of_every_metric():
    phones = [*sentence(), Phone("UW", 1.68, 2.0), Phone("IY", 2.0, 2.4), Phone("SIL", 2.4, 3.0)]
    clip = clip_of(mouth(phones), phones)
    clip = clip_of(mouth(phones), phones, reference=clip.aperture)
    lines = table([clip]).splitlines()[1:]
    assert [line[:30].strip() for line in lines] == [target.name for target in TARGETS]
    assert lines[0].split() == ["closure", "1.000", "2", "at", "least", "0.97", "pass"]
    assert any(line.endswith("FAIL") for line in lines)  # its rounding, of nothing


def test_the_second_table_marks_what_is_lost_and_asks_only_closure_in_noise():
    phones = [*sentence(), Phone("UW", 1.68, 2.0), Phone("IY", 2.0, 2.4), Phone("SIL", 2.4, 3.0)]
    good = clip_of(mouth(phones), phones)
    good = clip_of(mouth(phones), phones, reference=good.aperture)
    open_mouth = clip_of(mouth(phones, shut=("SIL",)), phones, reference=good.aperture)
    lines = degraded_table([good], {"room": [good], "noise": [good]}).splitlines()
    assert len(lines) == len(RATES) + 2 and lines[-1].endswith(": pass")
    lines = degraded_table([good], {"room": [open_mouth], "noise": [open_mouth]}).splitlines()
    assert lines[1].split() == ["closure", "1.000", "0.000!", "0.000!"]
    rule = (
        "at most 0.05 lost on any; in noise and music closure at least 0.85: FAIL, closure (room), "
        "closure (noise)"
    )
    assert lines[-1].startswith(rule) and "r (room)" in lines[-1] and "r (noise)" not in lines[-1]


def test_jitter_beyond_the_animator_is_the_difference_of_two_jitters():
    times = np.arange(100) / 25
    slow, fast = np.sin(2 * np.pi * 2 * times), np.sin(2 * np.pi * 10 * times)
    clip = clip_of(5 + slow + fast, [], reference=5 + slow + 0.5 * fast)
    assert lip_metrics.jitter_beyond_animator([clip]).value == pytest.approx(0.5 - 0.2, abs=1e-3)


def test_depths_are_the_deepest_frame_and_no_number_where_none_was_measured():
    clip = clip_of(np.zeros(3), [])
    assert np.isnan(lip_metrics.lips_in_lips([clip]).value)
    deep = replace(clip, in_lips=np.array([0.1, 0.7, 0.0]), in_teeth=np.zeros(3))
    assert lip_metrics.lips_in_lips([deep, deep]) == lip_metrics.Score(0.7, 6)
    assert lip_metrics.lips_in_teeth([deep]) == lip_metrics.Score(0.0, 3)


def test_missing_recordings_name_the_package_to_install(tmp_path):
    with pytest.raises(SoundError, match="install the Debian package pocketsphinx-testdata"):
        read_recordings(tmp_path)


def test_the_kept_phone_times_cover_each_recording_without_gaps():
    try:
        recordings = read_recordings()
    except SoundError as error:
        pytest.skip(str(error))
    assert [clip.name for clip in recordings] == list(TRANSCRIPTS)
    for clip in recordings:
        assert clip.phones[0].start == 0
        assert clip.phones[-1].end == pytest.approx(len(clip.waveform) / 16000, abs=0.011)
        assert all(a.end == b.start for a, b in zip(clip.phones, clip.phones[1:], strict=False))
