"""The emotions that take the place of the speech's own: labels, mixes of them over time, and references."""

import numpy as np
import pytest
import torch
from tiny_model import TINY, tiny_prototypes

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.emotion_label import EmotionLabel, EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.reference_emotion.sources import (
    EMPHASIS,
    EmotionSource,
    MixedEmotion,
    ReferenceEmotion,
    SteadyEmotion,
    mixed_labels,
    to_track,
    visual_to_audio,
)


@pytest.mark.parametrize(
    ("text", "name", "intensity"),
    [
        ("happy", "happy", 1.5),
        ("sad:0", "sad", 0.0),
        ("Angry:normal", "angry", 1.0),
        ("fearful:strong", "fearful", 2.0),
        (" disgust:0.25 ", "disgust", 0.25),
    ],
)
def test_labels_are_read(text, name, intensity):
    assert EmotionLabel.parse(text) == EmotionLabel(name, intensity)
    assert EmotionLabel.parse(str(EmotionLabel.parse(text))) == EmotionLabel(name, intensity)


@pytest.mark.parametrize("text", ["happy:3", "happy:-1", "happy:", "happy:much", "happy:nan", "happy:1:2"])
def test_an_intensity_that_does_not_exist_is_refused(text):
    with pytest.raises(RequestError, match="expected an intensity from 0 to 2, or normal or strong, found"):
        EmotionLabel.parse(text)


def test_an_emotion_that_does_not_exist_is_refused_with_a_list_of_all():
    with pytest.raises(RequestError, match=r"expected an emotion among neutral, calm, happy.*found 'bored'"):
        EmotionLabel.parse("bored:1")


@pytest.mark.parametrize("intensity", [0.0, 0.3, 1.0, 1.5, 2.0])
def test_a_label_lies_beyond_the_prototypes_between_its_intensities(intensity):
    prototypes = tiny_prototypes().numpy()
    features = SteadyEmotion(prototypes, EmotionLabel("happy", intensity)).steps(10, 17)
    happy = prototypes[EMOTIONS.index("happy")]
    mean = np.array([np.interp(intensity, [0, 1, 2], happy[:, channel]) for channel in range(happy.shape[1])])
    emphasised = happy[0] + EMPHASIS * (mean - happy[0])
    assert features.shape == (7, TINY.emotion.feature_dim)
    np.testing.assert_allclose(features, np.tile(emphasised, (7, 1)), atol=1e-5)
    if intensity == 0:
        np.testing.assert_allclose(features[0], prototypes[EMOTIONS.index("neutral"), 0], atol=1e-6)


def steps(source: EmotionSource, start: int, stop: int) -> torch.Tensor:
    return torch.from_numpy(np.array(source.steps(start, stop)))


def noisy_track(points: int) -> torch.Tensor:
    """Features with a slow change and a lot of fast ones, as real ones have."""
    generator = torch.Generator().manual_seed(0)
    slow = torch.linspace(-1, 1, points)[:, None] * torch.linspace(-1, 1, 6)
    return slow + torch.randn(points, 6, generator=generator)


def to_and_fro(track: torch.Tensor, moment: float) -> torch.Tensor:
    """The reference at a moment (in points), mirrored at its ends."""
    position = int(np.floor(moment)) % (2 * len(track))
    return track[position] if position < len(track) else track[2 * len(track) - 1 - position]


@pytest.mark.parametrize("points", [7, 40, 100, 333])
def test_a_reference_equals_a_running_mean_of_it_played_to_and_fro(points):
    track, n_steps = noisy_track(points), 500
    source = ReferenceEmotion(track.numpy(), n_steps)
    rate = max(points / (n_steps / 5), 0.5)
    half = max(rate, 1.0) * 2.5  # a quarter second on either side, in points
    features = steps(source, 0, n_steps)
    for step in (0, 1, 77, 250, 499):
        middle = (step + 0.5) / 5 * rate
        moments = middle - half + (np.arange(4000) + 0.5) / 4000 * 2 * half
        by_sum = torch.stack([to_and_fro(track, moment) for moment in moments]).mean(dim=0)
        torch.testing.assert_close(features[step], by_sum, atol=0.02, rtol=0)


@pytest.mark.parametrize("reference_seconds", [0.1, 1.0, 4.0, 7.0, 10.0, 26.0, 60.0])
def test_a_reference_of_any_length_has_no_seams(reference_seconds):
    """Where it turns, the features change no faster than elsewhere, and never fast."""
    track = noisy_track(max(1, round(10 * reference_seconds)))
    features = steps(ReferenceEmotion(track.numpy(), 500), 0, 500)  # 10 s
    jumps = features.diff(dim=0).norm(dim=1)
    turns = np.arange(1, 10) * 2 * reference_seconds * 50  # the moments when it is played the other way
    near = np.zeros(len(jumps), bool)
    for turn in turns[turns < len(jumps)]:
        near[max(0, int(turn) - 2) : int(turn) + 3] = True
    assert features.shape == (500, 6) and features.isfinite().all()
    looped = track[torch.arange(500) // 5 % len(track)]  # what the published code does, at its seams
    assert jumps.max() < 0.25 * max(looped.diff(dim=0).norm(dim=1).max(), 0.1)
    if near.any() and not near.all():
        assert jumps[near].max() <= 1.2 * jumps[~near].max()


def test_windows_of_a_reference_equal_the_whole():
    source = ReferenceEmotion(noisy_track(33).numpy(), 500)
    parts = torch.cat([steps(source, a, b) for a, b in ((0, 120), (120, 333), (333, 500))])
    torch.testing.assert_close(parts, steps(source, 0, 500))


def test_a_steady_reference_stays_steady():
    source = ReferenceEmotion(np.ones((17, 6), np.float32), 500)
    torch.testing.assert_close(steps(source, 0, 500), torch.ones(500, 6))


def test_a_track_holds_the_means_of_five_steps():
    features = np.arange(12, dtype=np.float32)[:, None]
    np.testing.assert_allclose(to_track(features), [[2.0], [7.0], [10.5]])


def test_a_mix_lies_between_its_labels_and_lacking_weight_is_neutral():
    prototypes = tiny_prototypes().numpy()
    weights = np.zeros((3, len(EMOTIONS)), np.float32)
    weights[1, EMOTIONS.index("happy")] = 1
    weights[2, [EMOTIONS.index("happy"), EMOTIONS.index("sad")]] = 1  # too much by half
    source = MixedEmotion(prototypes, EmotionTrack(weights, np.ones(3, np.float32), rate=1.0))
    features = steps(source, 0, 150)
    labels = (SteadyEmotion(prototypes, EmotionLabel(name, 1.0)) for name in ("happy", "sad"))
    happy, sad = (steps(label, 0, 1)[0] for label in labels)
    neutral = torch.from_numpy(prototypes[0, 0])
    torch.testing.assert_close(features[25], torch.lerp(neutral, happy, 0.51))  # between points 0 and 1
    torch.testing.assert_close(features[149], (happy + sad) / 2)  # the last point holds
    parts = torch.cat([steps(source, a, b) for a, b in ((0, 40), (40, 150))])
    torch.testing.assert_close(parts, features)


def test_named_emotions_give_way_to_each_other_smoothly():
    track = EmotionTrack.parse("neutral@0 angry:2@2, sad:1@4")
    angry, sad = EMOTIONS.index("angry"), EMOTIONS.index("sad")
    assert track.weights.shape == (41, len(EMOTIONS)) and track.rate == 10
    np.testing.assert_allclose(track.weights.sum(axis=1), 1, atol=1e-6)
    assert track.weights[14, angry] < 0.01 < track.weights[17, angry] < 0.9
    assert track.weights[20, angry] == track.weights[33, angry] == track.weights[40, sad] == 1
    assert track.intensity[20] == 2 and track.intensity[40] == 1
    assert np.abs(np.diff(track.weights, axis=0)).max() < 0.3


@pytest.mark.parametrize(
    ("text", "found"),
    [("happy@", "'happy@'"), ("happy@-1", "'happy@-1'"), ("happy@0 sad", "'sad'"),
     ("happy@1 sad@1", "two at"),
     (" , ", "none"), ("bored@0", "'bored'"), ("happy@0 sad@nan", "'sad@nan'")],
)  # fmt: skip
def test_a_track_that_cannot_be_read_is_refused(text, found):
    with pytest.raises(RequestError, match=f"found {found}"):
        EmotionTrack.parse(text)


def test_a_track_of_other_shapes_or_numbers_is_refused():
    good = np.zeros((4, len(EMOTIONS)), np.float32)
    for weights, intensity in (
        (good[:, :3], np.ones(4)), (good, np.ones(3)), (good - 1, np.ones(4)), (good, np.full(4, np.nan)),
        (good[:0], np.ones(0)),
    ):  # fmt: skip
        with pytest.raises(RequestError, match="expected"):
            EmotionTrack(weights, intensity.astype(np.float32))


def test_a_face_goes_to_the_generator_as_the_label_like_its_prototype_and_between_two_as_both():
    speech, faces = tiny_prototypes().numpy(), tiny_prototypes(seed=2).numpy()
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    seen = np.stack([faces[happy, 2], faces[0, 0], faces[happy, 2] + faces[sad, 1]])
    heard = visual_to_audio(seen, faces, speech)
    label = SteadyEmotion(speech, EmotionLabel("happy", 2.0)).features[0]
    assert np.linalg.norm(heard[0] - label) < 0.05 * np.linalg.norm(label - speech[0, 0])
    assert np.linalg.norm(heard[1] - speech[0, 0]) < 0.1
    away = speech - speech[0, 0]
    assert all(heard[2] @ away[emotion, level] > 0 for emotion, level in ((happy, 2), (sad, 1)))


def test_a_track_may_begin_later_than_the_sound():
    prototypes, weights = tiny_prototypes().numpy(), np.zeros((4, len(EMOTIONS)), np.float32)
    weights[:, 2], weights[2:, 2], weights[2:, 4] = 1, 0, 1
    intensity = np.array([1, 2, 1, 0.5], np.float32)
    plain, later = (
        MixedEmotion(prototypes, EmotionTrack(weights, intensity, 10.0, first)) for first in (0.0, 0.1)
    )
    torch.testing.assert_close(steps(later, 5, 45), steps(plain, 0, 40))  # 0.1 s are five steps
    torch.testing.assert_close(steps(later, 0, 5), steps(later, 0, 1).expand(5, -1))


def test_likeness_mixes_labels_as_prototypes_do():
    speech = tiny_prototypes().numpy()
    sure = np.full((1, 15), -50, np.float32)
    sure[0, 2 * EMOTIONS.index("sad")] = 50.0
    label = SteadyEmotion(speech, EmotionLabel("sad", 2.0)).features
    np.testing.assert_allclose(mixed_labels(sure, speech), label, atol=1e-5)
