"""The evaluation's metrics against slow loops, closed forms and foreign code."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from ecoface_model.core.constants import FRAME_RATE
from training.evaluation import metrics
from training.evaluation.mfcc import STEP, WINDOW, mfcc

RNG = np.random.default_rng(0)
TRUE, FOUND = RNG.normal(size=(2, 6, 5, 3)) / 100


def errors_by_hand() -> list[list[float]]:
    """L2 errors of every frame and vertex, in metres."""
    return [[math.dist(a, b) for a, b in zip(*frame, strict=True)] for frame in zip(TRUE, FOUND, strict=True)]


def test_lip_vertex_error_is_the_mean_over_frames_of_the_largest_squared_error():
    by_hand = sum(max(e**2 for e in frame) for frame in errors_by_hand()) / 6
    assert metrics.vertex_error_squared(TRUE, FOUND) == pytest.approx(by_hand)


def test_the_other_lip_vertex_error_is_the_mean_of_the_largest_error_in_millimetres():
    by_hand = 1000 * sum(max(frame) for frame in errors_by_hand()) / 6
    assert metrics.vertex_error_root_mm(TRUE, FOUND) == pytest.approx(by_hand)


def test_mean_vertex_error_is_the_double_loop_in_millimetres():
    by_hand = 1000 * sum(sum(frame) for frame in errors_by_hand()) / 30
    assert metrics.mean_vertex_error_mm(TRUE, FOUND) == pytest.approx(by_hand)


def test_frechet_distance_in_one_dimension_is_the_closed_form():
    distance = metrics.frechet_distance(
        np.array([1.0]), np.array([[4.0]]), np.array([-2.0]), np.array([[9.0]])
    )
    assert distance == pytest.approx((1 + 2) ** 2 + (2 - 3) ** 2)


def test_frechet_distance_equals_the_one_by_scipys_matrix_root():
    a, b = RNG.normal(size=(40, 4)), RNG.normal(size=(30, 4)) * [1, 2, 3, 0.5] + 1
    ca, cb = np.cov(a.T), np.cov(b.T)
    root = sqrtm(ca @ cb).real
    by_hand = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * root)
    assert metrics.frechet_distance_of(a, b) == pytest.approx(by_hand)
    assert metrics.frechet_distance_of(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_survives_features_that_never_vary():
    a = np.c_[RNG.normal(size=(50, 2)), np.zeros(50)]
    assert metrics.frechet_distance_of(a, a + np.array([0, 0, 2.0])) == pytest.approx(4, abs=1e-6)


def test_frechet_distance_of_one_clip_is_no_number():
    assert math.isnan(metrics.frechet_distance_of(np.ones((1, 3)), np.ones((5, 3))))


def test_shifted_distances_equal_the_loop_with_zeros_beyond_the_sound():
    seen, heard = RNG.normal(size=(2, 20, 3))
    distances = metrics.shifted_distances(seen, heard)
    for i in range(20):
        for column, shift in enumerate(range(-15, 16)):
            other = heard[i + shift] if 0 <= i + shift < 20 else np.zeros(3)
            assert distances[i, column] == pytest.approx(math.dist(seen[i], other))


def test_sync_scores_are_the_least_and_what_the_median_has_above_it():
    seen = RNG.normal(size=(60, 8))
    distances = metrics.shifted_distances(seen, np.roll(seen, 3, axis=0))
    means = sorted(sum(row[shift] for row in distances) / 60 for shift in range(31))
    assert metrics.sync_distance(distances) == pytest.approx(means[0])
    assert metrics.sync_confidence(distances) == pytest.approx(means[15] - means[0])


def face_with_lids(distance: np.ndarray) -> np.ndarray:
    """Landmarks whose upper lids stand so high over the lower ones."""
    landmarks = np.zeros((len(distance), 68, 3))
    landmarks[:, [37, 38, 43, 44], 1] = distance[:, None]
    return landmarks


def test_blinks_are_counted_once_each():
    distance = np.full(100, 0.01)
    distance[[0, 1, 30, 31, 32, 70]] = 0.001
    assert metrics.count_blinks(face_with_lids(distance)) == 3
    assert metrics.count_blinks(face_with_lids(np.full(50, 0.01))) == 0


def test_a_loop_repeats_itself_and_noise_does_not():
    noise = RNG.normal(size=(250, 3))
    assert metrics.repetition(np.tile(noise[:75], (4, 1)), 2.0) == pytest.approx(1)
    assert metrics.repetition(noise, 2.0) < 0.5


def test_repetition_equals_the_loop_over_lags():
    curves = np.cumsum(RNG.normal(size=(130, 2)), axis=0)
    by_hand = []
    for lag in range(2 * FRAME_RATE, 66):
        a = np.concatenate([curves[lag:, k] - curves[lag:, k].mean() for k in range(2)])
        b = np.concatenate([curves[:-lag, k] - curves[:-lag, k].mean() for k in range(2)])
        by_hand.append(a @ b / math.sqrt((a @ a) * (b @ b)))
    assert metrics.repetition(curves, 2.0) == pytest.approx(max(by_hand))


def test_share_above_splits_two_waves_by_their_energy():
    time = np.arange(250) / FRAME_RATE
    curves = 5 + np.sin(2 * np.pi * 2 * time) + 0.5 * np.sin(2 * np.pi * 10 * time)
    assert metrics.share_above(curves[:, None], 8.0) == pytest.approx(0.25 / 1.25)


def test_share_rising_counts_rows_that_never_fall_or_stand():
    assert metrics.share_rising(np.array([[1.0, 2, 3], [1, 3, 2], [1, 1, 2], [0, 1, 9]])) == 0.5


def cepstra_by_hand(sound: np.ndarray, step: int) -> list[float]:
    """One step's 13 numbers from the definitions, without a fast transform."""
    emphasised = [sound[0], *(sound[i] - 0.97 * sound[i - 1] for i in range(1, len(sound)))]
    window = np.array(emphasised[step * STEP : step * STEP + WINDOW])
    waves = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(WINDOW)) / 512)
    power = np.abs(waves @ window) ** 2 / 512
    mel = [i * 2595 * math.log10(1 + 8000 / 700) / 27 for i in range(28)]
    corner = [math.floor(513 * 700 * (10 ** (m / 2595) - 1) / 16000) for m in mel]
    logs = []
    for low, top, high in zip(corner, corner[1:], corner[2:], strict=False):
        rise = sum(power[k] * (k - low) / (top - low) for k in range(low, top))
        logs.append(math.log(rise + sum(power[k] * (high - k) / (high - top) for k in range(top, high))))
    out = [math.log(power.sum())]
    for n in range(1, 13):
        c = math.sqrt(2 / 26) * sum(x * math.cos(math.pi * n * (2 * m + 1) / 52) for m, x in enumerate(logs))
        out.append(c * (1 + 11 * math.sin(math.pi * n / 22)))
    return out


def test_cepstra_equal_the_definitions_step_by_step():
    sound = RNG.normal(size=2000) * 0.1
    found = mfcc(sound)
    assert found.shape == (11, 13)
    for step in (0, 4, 9):
        np.testing.assert_allclose(found[step], cepstra_by_hand(sound * 32768, step), rtol=1e-9)
