"""Speech as it comes: which frames are given when, and that they are those of the whole clip."""

from itertools import pairwise

import numpy as np
import pytest
from tiny_model import voice

from ecoface_model.core.errors import RequestError, SoundError
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.noise import LatentNoise, normal_noise, slowed
from ecoface_model.streaming import speech_stream
from ecoface_model.streaming.speech_stream import LATENCY, SpeechStream, StreamedFrames


def streamed(stream: SpeechStream, sound: np.ndarray, chunk: int = 4_000) -> list[StreamedFrames]:
    parts = [stream.feed(sound[begin : begin + chunk]) for begin in range(0, len(sound), chunk)]
    return [*parts, stream.finish()]


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.04, 0.5, 1.3, 9.01, 21.0])
@pytest.mark.parametrize("chunk", [1_000, 160_000])
def test_every_frame_is_given_once_and_in_order(tiny_ecoface, seconds, chunk):
    sound = voice(seconds) if seconds else np.empty(0, np.float32)
    parts = streamed(tiny_ecoface.stream(emotion="happy"), sound, chunk)
    for before, after in pairwise(parts):
        assert after.first == before.first + len(before.motion)
    motion = np.concatenate([part.motion for part in parts])
    assert motion.shape == (round(25 * len(sound) / 16_000), 53) and np.isfinite(motion).all()
    assert all(len(part.phones) == len(part.motion) for part in parts if part.phones is not None)


def test_frames_come_as_late_as_is_said_and_no_later(tiny_ecoface):
    stream, sound, given = tiny_ecoface.stream(), voice(12.0), 0
    for heard in range(640, len(sound), 640):
        given += len(stream.feed(sound[heard - 640 : heard]).motion)
        assert heard / 16_000 - LATENCY - 0.04 < given / 25 <= max(0, heard / 16_000 - 0.8) + 1e-9
    assert LATENCY <= 1.2


@pytest.mark.parametrize("emotion", [None, "angry:2", "calm@0 happy@9"])
def test_a_stream_that_waits_for_the_end_gives_the_motion_of_the_whole_clip(
    tiny_ecoface, emotion, monkeypatch
):
    """So what a stream lacks is the future alone: windows, noise, level, emotion and lips are the same."""
    monkeypatch.setattr(speech_stream, "LEAST_AHEAD", 10_000)
    sound = np.concatenate([np.zeros(8_000, np.float32), 0.1 * voice(13.0), voice(6.3, seed=2)])
    parts = streamed(tiny_ecoface.stream(emotion=emotion, seed=3, gaze=0.0), sound)
    assert [len(part.motion) for part in parts[:-1]] == [0] * (len(parts) - 1)
    whole = tiny_ecoface.generate(sound, emotion=emotion, seed=3, gaze=0.0)
    np.testing.assert_allclose(parts[-1].motion, whole.motion, atol=2e-4)
    assert np.abs(parts[-1].phones.astype(int) - whole.phones).max() <= 1


def test_a_stream_differs_little_from_the_whole_clip(tiny_ecoface):
    sound = voice(14.0)
    parts = streamed(tiny_ecoface.stream(emotion="sad", gaze=0.0), sound)
    motion = np.concatenate([part.motion for part in parts])
    whole = tiny_ecoface.generate(sound, emotion="sad", gaze=0.0).motion
    assert np.abs(motion - whole).mean() < 0.2 * whole.std()
    jumps, usual = (np.abs(np.diff(m, axis=0)).mean(axis=1) for m in (motion, whole))
    assert jumps.max() < 1.5 * usual.max(), "steps are not seen"


def test_another_clips_emotion_is_played_at_its_own_pace(tiny_ecoface):
    parts = streamed(tiny_ecoface.stream(emotion_from=voice(3.0, seed=5)), voice(4.0))
    assert sum(len(part.motion) for part in parts) == 100


def test_what_a_stream_keeps_does_not_grow(tiny_ecoface):
    stream, sizes = tiny_ecoface.stream(), []
    for minute in range(3):
        stream.feed(voice(25.0, seed=minute))
        arrays = [stream._sound.samples, stream._channels, stream._latents, stream._source._evidence]
        sizes.append(sum(array.nbytes for array in arrays))
    assert sizes[2] < 1.1 * sizes[1]


def test_silence_before_speech_is_animated_as_in_a_whole_clip(tiny_ecoface):
    sound = np.concatenate([np.zeros(64_000, np.float32), voice(3.0)])
    motion = np.concatenate([part.motion for part in streamed(tiny_ecoface.stream(gaze=0.0), sound)])
    whole = tiny_ecoface.generate(sound, gaze=0.0).motion
    assert np.abs(motion[:60] - whole[:60]).mean() < 0.1 * np.abs(whole[:60] - whole[-60:]).mean()


def test_what_is_no_sound_is_refused_and_the_stream_goes_on(tiny_ecoface):
    stream = tiny_ecoface.stream()
    with pytest.raises(SoundError, match=r"found shape \(10, 2\)"):
        stream.feed(np.zeros((10, 2), np.float32))
    with pytest.raises(SoundError, match="found NaN or infinity"):
        stream.feed(np.full(10, np.nan, np.float32))
    assert len(stream.feed(voice(2.0)).motion) > 0
    stream.finish()
    for ask in (stream.finish, lambda: stream.feed(voice(1.0))):
        with pytest.raises(SoundError, match="begin another"):
            ask()


@pytest.mark.parametrize(
    "wrong", [{"style": "nobody"}, {"emotion": "bored"}, {"seed": -1}, {"temperature": -1.0}, {"gaze": 3.0}]
)
def test_a_stream_refuses_what_generate_refuses(tiny_ecoface, wrong):
    with pytest.raises(RequestError):
        tiny_ecoface.stream(**wrong)


@pytest.mark.parametrize("latent", [16, 6])
def test_noise_without_an_end_is_the_noise_of_a_clip(latent):
    whole = slowed(normal_noise(80 * latent, 7).reshape(80, latent), latent // 2, 0.9)
    noise = LatentNoise(7, latent, latent // 2, 0.9)
    parts = np.concatenate([noise.next(n) for n in (1, 0, 30, 2, 47)])
    np.testing.assert_allclose(parts, whole, atol=1e-6)


@pytest.mark.parametrize("seconds", [2.0, 8.3, 25.0])
def test_a_clip_is_told_part_by_part_while_it_is_made(tiny_ecoface, seconds):
    parts: list[tuple[int, FlameMotion]] = []
    sound = voice(seconds)

    def told(first, motion):
        parts.append((first, motion))

    whole = tiny_ecoface.generate(sound, head_motion=0.0, gaze=0.0, on_part=told).motion
    lengths = [part.n_frames for _, part in parts]
    assert [first for first, _ in parts] == list(np.cumsum([0, *lengths])[:-1])
    np.testing.assert_allclose(np.concatenate([part.motion for _, part in parts]), whole, atol=1e-4)
    assert len(parts) == len(tiny_ecoface.plan.windows(-(-len(whole) // 4) * 4))
    assert all(part.head is None and part.gaze is None for _, part in parts)


def test_parts_of_a_clip_have_the_head_and_gaze_of_the_whole_where_the_level_tells_its_pauses(tiny_ecoface):
    parts: list[FlameMotion] = []
    sound = np.concatenate([voice(9.0), np.zeros(16_000, np.float32), voice(12.0, seed=1)])
    whole = tiny_ecoface.generate(sound, emotion="sad", on_part=lambda _, part: parts.append(part))
    head, gaze = (np.concatenate([getattr(part, name) for part in parts]) for name in ("head", "gaze"))
    assert len(parts) > 1 and head.shape == whole.head.shape and gaze.shape == whole.gaze.shape
    assert np.abs(np.diff(head, axis=0)).max() < 1.2 * np.abs(np.diff(whole.head, axis=0)).max()
    for made, usual in ((head, whole.head), (gaze, whole.gaze)):
        np.testing.assert_allclose(made.std(axis=0), usual.std(axis=0), rtol=0.3)
