"""The encoder of a voice's emotion, alone and relative to how the voice usually sounds."""

import pytest
import torch
from tiny_model import TINY, TINY_HUBERT, tiny_networks, voice

from ecoface_model.config import EcoFaceConfig, EmotionConfig
from ecoface_model.content import WhisperContent
from ecoface_model.emotion import WhisperEmotion, build_emotion
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE


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
