"""Emotion encoders, and the emotions that take the place of the speech's own."""

import numpy as np
import pytest
import torch
from tiny_model import TINY, TINY_HUBERT, tiny_networks, tiny_prototypes, voice

from ecoface_model.config import EcoFaceConfig, EmotionConfig, VisualConfig, paper_config
from ecoface_model.content import WhisperContent
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.emotion_label import EmotionLabel, EmotionTrack
from ecoface_model.core.errors import RequestError
from ecoface_model.emotion import WhisperEmotion, build_emotion
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
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from ecoface_model.visual import VisualEmotion


def speech(seconds: float = 2.0, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(voice(seconds, seed))[None]


def tiny_encoder() -> WhisperEmotion:
    """Without Whisper's positions: random weights, unlike trained ones, cannot look past them."""
    encoder = tiny_networks().emotion
    encoder.front.positions.zero_()
    return encoder


@pytest.mark.parametrize("config", [TINY, TINY_HUBERT], ids=["whisper", "hubert"])
@pytest.mark.parametrize("frames", [1, 7, 50])
def test_a_clip_of_t_frames_gives_exactly_2t_steps(config, frames):
    encoder = tiny_networks(config).emotion
    features = encoder(speech(frames / 25))
    assert features.shape == (1, 2 * frames, config.emotion.feature_dim)
    torch.testing.assert_close(encoder.of_front(encoder.front_rows(speech(frames / 25))), features)


def test_loudness_is_no_part_of_the_emotion():
    encoder, waveform = tiny_encoder(), speech()
    torch.testing.assert_close(encoder(0.1 * waveform), encoder(waveform), atol=1e-2, rtol=0)


def test_what_was_measured_of_the_whole_clip_is_used():
    encoder, waveform = tiny_encoder(), torch.cat([speech(2.0), 0.05 * speech(2.0, seed=1)], dim=1)
    measured, quiet = encoder.measure(waveform), waveform[:, 32_000:]
    rows = encoder.front_rows(quiet, measured)
    torch.testing.assert_close(encoder(quiet, measured), encoder.of_front(rows))
    assert (encoder(quiet, measured) - encoder(quiet)).abs().max() > 0.01


def test_rows_are_the_front_s_states_side_by_side_means_of_two_steps():
    encoder, waveform = tiny_encoder(), speech(1.0)
    states, rows = encoder.front.hidden_states(waveform), encoder.front_rows(waveform)
    assert rows.shape == (1, 25, 3 * 32)
    for frame, state in ((0, 0), (7, 1), (24, 2)):
        mean = (states[0, state, 2 * frame] + states[0, state, 2 * frame + 1]) / 2
        torch.testing.assert_close(rows[0, frame, 32 * state : 32 * state + 32], mean)
    torch.testing.assert_close(states[:, -1], encoder.front(waveform))


def test_steps_between_two_frames_are_linear_mixes_of_what_is_heard():
    features = tiny_encoder()(speech(1.0))[0]
    from_before = (3 * features[4:9:2] - features[3:8:2]) / 2  # frames 2..4 from the steps before and at them
    from_after = (3 * features[5:10:2] - features[6:11:2]) / 2
    torch.testing.assert_close(from_before, from_after, atol=1e-4, rtol=1e-4)


def test_a_sentence_sounds_the_same_alone_and_within_a_long_recording():
    """Given what the front hears: two layers of 1 s reach and a convolution see 2.3 s to either side."""
    encoder = tiny_encoder()
    rows = encoder.front_rows(torch.cat([speech(6.0, seed=1), speech(8.0), speech(6.0, seed=2)], dim=1))
    alone = encoder.of_front(rows[:, 150:350])
    within = encoder.of_front(rows)[:, 300:700]
    torch.testing.assert_close(within[:, 120:-120], alone[:, 120:-120], atol=1e-4, rtol=1e-3)
    assert not torch.allclose(within[:, :50], alone[:, :50], atol=1e-3)


def test_features_have_one_size_whatever_is_heard():
    encoder = tiny_encoder()
    for waveform in (speech(), torch.zeros(1, 16_000), 10 * torch.randn(1, 16_000)):
        size = encoder(waveform)[:, ::49].square().mean(dim=-1)  # the first and the last step are no mixes
        torch.testing.assert_close(size, torch.ones_like(size), atol=0.02, rtol=0)


def test_what_is_added_to_a_voice_and_to_its_baseline_cancels():
    """A microphone that adds a constant to the front's states is not heard, once the baseline knows it."""
    encoder = tiny_encoder()
    rows = encoder.front_rows(speech())
    usual, microphone = rows.mean(dim=1), torch.randn(1, rows.shape[2])
    for kind in (1, 2):
        kinds = torch.tensor([kind])
        known = encoder.of_front(rows, usual, kinds)
        torch.testing.assert_close(
            encoder.of_front(rows + microphone, usual + microphone, kinds), known, atol=1e-4, rtol=1e-3
        )
        assert (encoder.of_front(rows + microphone) - encoder.of_front(rows)).abs().max() > 0.1
        assert (known - encoder.of_front(rows)).abs().max() > 0.01
    no_kind = torch.tensor([NO_BASELINE])
    torch.testing.assert_close(encoder.of_front(rows, usual, no_kind), encoder.of_front(rows))


def test_clips_of_a_batch_have_baselines_of_their_own():
    encoder = tiny_encoder()
    rows = encoder.front_rows(torch.cat([speech(), speech(seed=1), speech(seed=2)]))
    usual, kinds = rows.mean(dim=1), torch.tensor([2, NO_BASELINE, 1])
    together = encoder.of_front(rows, usual, kinds)
    for i in range(3):
        alone = encoder.of_front(rows[i : i + 1], usual[i : i + 1], kinds[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("config", [TINY, TINY_HUBERT], ids=["whisper", "hubert"])
def test_what_is_trained_is_kept_without_the_front(config):
    first, second = tiny_networks(config, seed=0).emotion, tiny_networks(config, seed=1).emotion
    own = first.own_state()
    assert own and not any(name.startswith("front") for name in own)
    front = {name: value.clone() for name, value in second.state_dict().items() if name.startswith("front")}
    second.load_own_state(own)
    for name, value in second.state_dict().items():
        assert torch.equal(value, front[name] if name in front else own[name]), name
    own.popitem()
    with pytest.raises(RuntimeError, match="Missing key"):
        second.load_own_state(own)


def test_an_encoder_of_unknown_kind_cannot_be_asked_for():
    with pytest.raises(ValueError, match="expected an emotion encoder 'whisper' or 'hubert', found 'cnn'"):
        EmotionConfig(kind="cnn")


def test_both_encoders_stand_on_one_front():
    with pytest.raises(ValueError, match="on one front, found 'whisper' and 'hubert'"):
        EcoFaceConfig(emotion=EmotionConfig(kind="hubert"))
    encoder = build_emotion(TINY.emotion)
    assert isinstance(encoder.front, WhisperContent)
    assert not any(parameter.requires_grad for parameter in encoder.front.parameters())
    assert all(p.requires_grad for name, p in encoder.named_parameters() if not name.startswith("front"))


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


def test_the_visual_encoder_sees_25_frames_and_gives_50_steps():
    torch.manual_seed(0)
    encoder = VisualEmotion(paper_config().visual).eval()
    with torch.no_grad():
        features = encoder(torch.rand(1, 4, 1, 128, 128))
        assert features.shape == (1, 8, 1024)
        still = encoder(torch.rand(1, 1, 1, 128, 128).expand(1, 9, -1, -1, -1))
    torch.testing.assert_close(
        still[0, 8], still[0, 9], atol=1e-4, rtol=1e-4
    )  # amid a still picture, no change
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(11.7e6, rel=0.01)


def test_steps_between_two_frames_are_their_linear_mixes():
    torch.manual_seed(0)
    encoder = VisualEmotion(TINY.visual).eval()
    pictures = torch.rand(1, 6, 1, 32, 32)
    with torch.no_grad():
        features = encoder(pictures)[0]  # (12, F): steps 2k and 2k + 1 stand a quarter frame around frame k
    from_before = (3 * features[4:9:2] - features[3:8:2]) / 2  # frames 2..4 from the steps before and at them
    from_after = (3 * features[5:10:2] - features[6:11:2]) / 2
    torch.testing.assert_close(from_before, from_after, atol=1e-5, rtol=1e-4)


def test_default_widths_are_a_sixteenth_of_resnet_18_and_see_64_pixels():
    config = VisualConfig()
    encoder = VisualEmotion(config).eval()
    with torch.no_grad():
        assert encoder(torch.rand(2, 3, 1, config.image_size, config.image_size)).shape == (2, 6, 192)
    assert sum(p.numel() for p in encoder.parameters()) == pytest.approx(11.2e6 / 16, rel=0.05)


def test_pooling_frame_by_frame_equals_the_pooling_in_space_and_time_of_the_paper():
    torch.manual_seed(0)
    encoder = VisualEmotion(TINY.visual).eval()
    in_space_and_time = torch.nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
    x = torch.randn(2, 4, 5, 16, 16)  # (B, width, T, height, width)
    by_frame = encoder.pool(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (2, 5)).transpose(1, 2)
    assert torch.equal(by_frame, in_space_and_time(x))


def test_visual_features_have_the_audio_s_size_whatever_is_seen():
    encoder = VisualEmotion(TINY.visual).eval()
    for pictures in (torch.rand(1, 5, 1, 32, 32), torch.zeros(1, 5, 1, 32, 32)):
        size = encoder(pictures)[:, ::9].square().mean(dim=-1)  # the first and the last step are no mixes
        torch.testing.assert_close(size, torch.ones_like(size), atol=0.02, rtol=0)


def test_audio_and_visual_features_must_be_of_one_width():
    with pytest.raises(ValueError, match="expected visual features as wide as the audio's, 192, found 16"):
        EcoFaceConfig(visual=TINY.visual)


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
