"""The metrics of the evaluation as pure functions (Sec. 4.2): vertices, features or curves -> a number."""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import FRAME_RATE, LOWER_LIDS, UPPER_LIDS

MAX_SHIFT = 15  # frames by which SyncNet's protocol shifts the sound against the picture, both ways
BLINK = 0.35  # of the clip's median distance of the lids: below it the eyes count as shut


def largest_squared_error(
    true: Float[NDArray[Any], "frames vertices 3"], found: Float[NDArray[Any], "frames vertices 3"]
) -> Float[NDArray[Any], " frames"]:
    """Of every frame the largest squared L2 error of a vertex, in the vertices' unit squared."""
    largest: NDArray[Any] = ((true - found) ** 2).sum(axis=-1).max(axis=-1)
    return largest


def vertex_error_squared(
    true: Float[NDArray[Any], "frames vertices 3"], found: Float[NDArray[Any], "frames vertices 3"]
) -> float:
    """Mean over frames of the largest squared L2 error, m^2 for metres.

    Of the lips' vertices it is LVE as the paper prints it; of forehead and eye region EVE.
    """
    return float(largest_squared_error(true, found).mean())


def vertex_error_root_mm(
    true: Float[NDArray[Any], "frames vertices 3"], found: Float[NDArray[Any], "frames vertices 3"]
) -> float:
    """The other definition of LVE and EVE: mean over frames of the largest L2 error, metres in, mm out."""
    return 1000 * float(np.sqrt(largest_squared_error(true, found)).mean())


def mean_vertex_error_mm(
    true: Float[NDArray[Any], "frames vertices 3"], found: Float[NDArray[Any], "frames vertices 3"]
) -> float:
    """Mean L2 error over frames and vertices, metres in, mm out."""
    return 1000 * float(np.linalg.norm(true - found, axis=-1).mean())


def frechet_distance(
    mean_a: Float[NDArray[Any], " d"],
    covariance_a: Float[NDArray[Any], "d d"],
    mean_b: Float[NDArray[Any], " d"],
    covariance_b: Float[NDArray[Any], "d d"],
) -> float:
    """Squared Frechet distance of two Gaussians: |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)).

    With features of an Inception network it is FID, with those of a frame attention network VE-FID.
    """
    values, vectors = np.linalg.eigh(covariance_a)
    half = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T  # C_a^(1/2)
    # C_a C_b has the eigenvalues of C_a^(1/2) C_b C_a^(1/2), which is symmetric and may be singular
    common = np.sqrt(np.maximum(np.linalg.eigvalsh(half @ covariance_b @ half), 0)).sum()
    apart = float(((mean_a - mean_b) ** 2).sum())
    return apart + float(np.trace(covariance_a) + np.trace(covariance_b) - 2 * common)


def frechet_distance_of(
    features_a: Float[NDArray[Any], "n d"], features_b: Float[NDArray[Any], "m d"]
) -> float:
    """`frechet_distance` of the Gaussians that fit two sets of features; nan for fewer than two in a set."""
    if min(len(features_a), len(features_b)) < 2:
        return float("nan")
    a, b = features_a.astype(np.float64), features_b.astype(np.float64)
    covariances = [np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b)]
    return frechet_distance(a.mean(axis=0), covariances[0], b.mean(axis=0), covariances[1])


def shifted_distances(
    pictures: Float[NDArray[Any], "windows d"], sounds: Float[NDArray[Any], "windows d"]
) -> Float[NDArray[Any], "windows shifts"]:
    """L2 distance of every window of pictures to the sound -15..15 frames away.

    As SyncNet's protocol has it, there are zeros where the sound has not begun or is over.
    """
    padded = np.pad(sounds, ((MAX_SHIFT, MAX_SHIFT), (0, 0)))  # (windows + 30, d)
    columns = [
        np.linalg.norm(pictures - padded[shift : shift + len(pictures)], axis=1)
        for shift in range(2 * MAX_SHIFT + 1)
    ]
    return np.stack(columns, axis=1)


def sync_distance(distances: Float[NDArray[Any], "windows shifts"]) -> float:
    """Least over shifts of the distance averaged over windows: LSE-D where SyncNet measured it."""
    return float(distances.mean(axis=0).min())


def sync_confidence(distances: Float[NDArray[Any], "windows shifts"]) -> float:
    """Median over shifts less the least: LSE-C where SyncNet measured the distances."""
    mean = distances.mean(axis=0)
    return float(np.median(mean) - mean.min())


def lid_distance(landmarks: Float[NDArray[Any], "frames 68 3"]) -> Float[NDArray[Any], " frames"]:
    """Mean height of the upper over the lower lids, in the landmarks' unit."""
    distance: NDArray[Any] = (landmarks[:, UPPER_LIDS, 1] - landmarks[:, LOWER_LIDS, 1]).mean(axis=1)
    return distance


def count_blinks(landmarks: Float[NDArray[Any], "frames 68 3"]) -> int:
    """Times the lids come closer than 35 % of their median distance."""
    distance = lid_distance(landmarks)
    shut = distance < BLINK * np.median(distance)
    return int((shut[1:] & ~shut[:-1]).sum() + shut[0])


def repetition(curves: Float[NDArray[Any], "frames d"], seconds: float) -> float:
    """Highest autocorrelation of some curves at lags from `seconds` to half their length; 1 is a loop.

    At every lag the two overlapping parts are correlated, each less its own mean, all curves together.
    """
    n = len(curves)
    peaks = [-1.0]
    for lag in range(round(seconds * FRAME_RATE), n // 2 + 1):
        a, b = curves[lag:], curves[: n - lag]
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        size = np.sqrt((a * a).sum() * (b * b).sum())
        peaks.append(float((a * b).sum() / max(size, 1e-20)))
    return max(peaks)


def share_above(curves: Float[NDArray[Any], "frames d"], hertz: float) -> float:
    """Share of the curves' energy (their means left out) above a frequency."""
    power = np.abs(np.fft.rfft(curves - curves.mean(axis=0), axis=0)) ** 2
    frequency = np.fft.rfftfreq(len(curves), 1 / FRAME_RATE)
    return float(power[frequency > hertz].sum() / max(power.sum(), 1e-20))


def share_rising(values: Float[NDArray[Any], "rows steps"]) -> float:
    """Share of rows whose every step is above the one before."""
    return float((np.diff(values, axis=1) > 0).all(axis=1).mean())
