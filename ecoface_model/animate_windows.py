"""A clip's windows heard, animated and joined, several of them side by side (Fig. 1a)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.backends.protocol import Measured, Sound
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.idle import steps_of
from ecoface_model.reference_emotion.sources import EmotionSource
from ecoface_model.reference_emotion.speech_source import Heard, SpeechSource
from ecoface_model.window_animator import WindowAnimator
from ecoface_model.windowed_encoder import Progress, WindowedEncoder
from ecoface_model.windows import join, made_steps

STAGE = "Animating"
OnJoined = Callable[[Float32[NDArray[np.float32], "frames channels"], int], None]
"""Called with all channels so far, and how many frames of them are final."""


def animate_windows(
    encoder: WindowedEncoder,
    waveform: NDArray[np.float32],
    animator: WindowAnimator,
    noise: Float32[NDArray[np.float32], "steps latent"],
    source: EmotionSource | SpeechSource,
    shown: Float32[NDArray[np.float32], " whole_frames"] | None = None,
    progress: Progress | None = None,
    on_joined: Sequence[OnJoined] = (),
    pool: Executor | None = None,
) -> Float32[NDArray[np.float32], "frames channels"]:
    """Motion, closure and phones of all windows, joined, up to a multiple of the stride.

    Nothing else grows with the length, but for emotion features at 10 Hz.

    Args:
        shown: how much of the emotion each frame shows, all if not given.
        on_joined: are told of each window that was joined.
        pool: of the encoder; without it one window is computed after another.
    """
    stride, plan = encoder.backend.facts.config.generator.stride, encoder.plan
    frames = len(noise) * stride

    def animate(heard: Heard) -> tuple[range, range, NDArray[np.float32]]:
        window, content, emotion = heard
        made = plan.made(window, is_last=window.stop == frames)
        steps = made_steps(window, made)
        content, emotion = content[steps], emotion[steps]
        if shown is not None:
            emotion = animator.neutral + steps_of(shown, made)[:, None] * (emotion - animator.neutral)
        latents = noise[made.start // stride : made.stop // stride]
        return window, made, animator.animate(content, emotion, latents)

    motion, previous = None, None
    heard = _heard(encoder, waveform, source, progress, pool)
    for window, made, part in encoder.side_by_side(animate, heard, pool):
        if motion is None:
            motion = np.zeros((frames, part.shape[1]), np.float32)
        join(motion, part, made, previous)
        previous = made
        for told in on_joined:
            told(motion[: made.stop], plan.final(window, frames))
    assert motion is not None, "a plan has windows"
    return motion


def _heard(
    encoder: WindowedEncoder,
    waveform: NDArray[np.float32],
    source: EmotionSource | SpeechSource,
    progress: Progress | None,
    pool: Executor | None,
) -> Iterator[Heard]:
    """Each window's content features, and its emotion's."""
    if isinstance(source, SpeechSource):
        yield from source.windows(STAGE, progress, pool)
        return
    given = source

    def heard(window: tuple[range, Sound, Measured]) -> Heard:
        steps = FEATURES_PER_FRAME * window[0].start, FEATURES_PER_FRAME * window[0].stop
        return window[0], encoder.backend.content(window[1], window[2]), given.steps(*steps)

    windows = encoder.windows(waveform, STAGE, progress)
    yield from encoder.side_by_side(heard, windows, pool)
