"""Does the face stay alive over a minute? `python -m training.evaluate alive`: blinks, brows, jitter."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.emotion_label import EmotionLabel
from training.data.clips import CorpusError
from training.data.phones import PAUSE
from training.data.real_speech import read_recordings
from training.data.utterance import Phone
from training.evaluation import lip_metrics
from training.evaluation.held_out import Motion, Stage, balanced, held_out, rows_of
from training.evaluation.lip_metrics import LipClip
from training.evaluation.metrics import count_blinks, repetition, share_above
from training.evaluation.report import markdown_table, write_report
from training.synthetic.animator.performance import Feeling, perform
from training.synthetic.animator.styles import STYLES

SHORTEST_LOOP = 2.0  # s
MOST_REPETITION = 0.5  # autocorrelation of the upper face at lags beyond SHORTEST_LOOP
LEAST_BROWS = 0.5  # of the animator's
BLINKS = (10.0, 20.0)  # a minute
JITTER = 8.0  # Hz
_BROWS, _UPPER = slice(17, 27), slice(17, 48)


@dataclass(frozen=True, kw_only=True)
class Alive:
    """A minute or more of speech, joined from clips, and how the upper face moves in it."""

    model: Path | None = None
    """Model file; the default model if not given."""
    corpus: Path = Path("work/corpus")
    split: str = "test"
    real_speech: bool = False
    """Take the five LibriVox recordings instead, again and again in another order."""
    seconds: float = 180.0
    """Blinks and brows differ from one minute to the next by half."""
    style: str | None = None
    """The model's default one if not given; the animator takes the same where it knows it."""
    emotion: str = "neutral"
    """LABEL[:INTENSITY], asked of the model and of the animator alike."""
    out: Path = Path("work/evaluation")
    """Folder for alive.md and alive.json."""
    seed: int = 0
    device: str | None = None


Part = tuple[Float32[NDArray[Any], "_"], tuple[Phone, ...]]
"""Sound and phones of one clip."""


def parts_of(config: Alive) -> list[Part]:
    """Clips to be joined, in an order drawn by the seed, no two recordings twice in a row.

    Raises:
        CorpusError: if the corpus has no clips with phones.
        SoundError: if the real recordings are not installed.
    """
    rng = np.random.default_rng(config.seed)
    if config.real_speech:
        recordings = read_recordings()
        rounds = [rng.permutation(len(recordings)) for _ in range(100)]
        order = [index for one in rounds for index in one]
        return [(recordings[i].waveform, recordings[i].phones) for i in order]
    rows = rows_of(config.corpus, config.split, labelled=False)
    n = int(config.seconds)  # clips are longer than a second
    clips = held_out(config.corpus, balanced(rows, n, lambda row: (row.emotion, row.speaker), config.seed))
    if not all(clip.phones for clip in clips):
        raise CorpusError(
            f"expected clips with phones in {config.corpus}, which the animator needs, found some without; "
            "take a synthetic corpus, or --real-speech"
        )
    return [(clip.waveform, clip.phones) for clip in clips]


def joined(parts: Sequence[Part], seconds: float, rng: np.random.Generator) -> Part:
    """Clips one after the other with pauses of 0.2 to 0.8 s, until there are so many seconds."""
    sounds: list[NDArray[Any]] = []
    phones: list[Phone] = []
    samples = 0
    for waveform, spoken in parts:
        start = samples / SAMPLE_RATE
        phones += [Phone(phone.name, phone.start + start, phone.end + start) for phone in spoken]
        silence = SAMPLES_PER_FRAME * int(rng.integers(5, 21))
        padding = -len(waveform) % SAMPLES_PER_FRAME + silence
        sounds.append(np.pad(waveform, (0, padding)))
        samples += len(sounds[-1])
        phones.append(Phone(PAUSE, phones[-1].end, samples / SAMPLE_RATE))
        if samples >= seconds * SAMPLE_RATE:
            break
    return np.concatenate(sounds).astype(np.float32), tuple(phones)


def measured(stage: Stage, motion: Motion, phones: tuple[Phone, ...]) -> dict[str, float]:
    """What is looked at in a long motion."""
    landmarks = stage.landmarks(motion)
    brows = 1000 * landmarks[:, _BROWS, 1]
    upper = 1000 * landmarks[:, _UPPER, 1]
    minutes = len(motion) / FRAME_RATE / 60
    return {
        "blinks a minute": count_blinks(landmarks) / minutes,
        "brows' standard deviation (mm)": float(brows.std(axis=0).mean()),
        "repetition beyond 2 s": repetition(upper, SHORTEST_LOOP),
        "jitter, brows": share_above(brows, JITTER),
        "jitter, lips": lip_metrics.jitter([LipClip(landmarks, stage.rest, phones)]).value,
    }


def wanted(animator: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Lowest and highest number allowed of each measure."""
    return {
        "blinks a minute": BLINKS,
        "brows' standard deviation (mm)": (LEAST_BROWS * animator["brows' standard deviation (mm)"], np.inf),
        "repetition beyond 2 s": (-1.0, MOST_REPETITION),
        "jitter, brows": (0.0, animator["jitter, brows"]),
        "jitter, lips": (0.0, animator["jitter, lips"]),
    }


def alive(config: Alive) -> None:
    """Measure, print and write."""
    stage = Stage.open(config.model, config.device)
    waveform, phones = joined(parts_of(config), config.seconds, np.random.default_rng(config.seed))
    ecoface, label = stage.ecoface, EmotionLabel.parse(config.emotion)
    made = ecoface.generate(waveform, style=config.style, emotion=config.emotion, seed=config.seed)
    model = measured(stage, made.motion, phones)
    acted = perform(
        phones,
        waveform,
        feeling=Feeling(label.name, label.intensity),
        style=STYLES.get(made.metadata["style"], STYLES["natural"]),
        seed=config.seed,
    )
    animator = measured(stage, acted, phones)
    rows: list[list[object]] = []
    for name, (low, high) in wanted(animator).items():
        verdict = "pass" if low <= model[name] <= high else "FAIL"
        rows.append([name, model[name], animator[name], _range(low, high), verdict])
    what = "recorded speech" if config.real_speech else "synthetic speech"
    text = "\n\n".join(
        [
            "# Alive",
            f"{made.seconds:.0f} s of {what}, {label}, style {made.metadata['style']}; beside the model the "
            "rule-based animator on the same phones.",
            markdown_table(["measure", "model", "animator", "wanted", ""], rows),
            "Repetition: highest autocorrelation of the heights of brows, nose and eyes at lags of 2 s to "
            "half the speech. Jitter: share of energy above 8 Hz.",
        ]
    )
    write_report(config.out, "alive", text, {"model": model, "animator": animator, "emotion": str(label)})
    print(text)


def _range(low: float, high: float) -> str:
    if not np.isfinite(high):
        return f"at least {low:.2g}"
    return f"{low:g} to {high:g}" if low > 0 else f"at most {high:.2g}"
