"""What the synthetic corpus will hold: sentences, voices, emotions and styles, fixed by hours and a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ecoface_model.config import EMOTIONS, INTENSITIES
from training.clips import SPLITS
from training.synthetic import flite
from training.synthetic.espeak import ACCENTS, VARIANTS
from training.synthetic.prosody import Speaker
from training.synthetic.sentences import Sentence, sentences
from training.synthetic.styles import STYLES

SYSTEM_SHARES = {"hibari": 0.42, "flite": 0.30, "espeak": 0.28}
"""Of the English sentences; other languages are espeak's."""
SPLIT_SHARES = (0.8, 0.1, 0.1)
NEUTRAL_IN_JOB = 0.8
"""Share of the sentences that are also said without emotion."""
NATURAL_SHARE = 0.6
"""Of the neutral clips: the voice's own sound, not re-synthesised."""
EMOTIONAL_PER_JOB = (1, 2)
PLAIN_SPEAKER_SHARE = 0.4
"""Of the sentences: the voice as it is, not made into another speaker."""
MEAN_SECONDS = 4.2
"""Of a clip with its pauses: only for planning."""

OTHER_SPEAKERS: dict[str, tuple[tuple[float, float], ...]] = {
    "hibari": (
        (0.84, -9.5),
        (0.88, -8.0),
        (0.86, -11.0),
        (0.91, -6.0),
        (0.95, -2.0),
        (1.05, 1.5),
        (1.12, 3.0),
        (1.18, 5.0),
    ),
    "slt": ((0.87, -8.0), (0.95, -3.0), (1.12, 4.0)),
    "rms": ((0.94, -2.0), (1.08, 5.0), (1.17, 11.0)),
    "awb": ((0.93, -2.0), (1.1, 6.0), (1.2, 12.0)),
    "espeak": ((0.93, -1.0), (1.07, 2.0), (1.15, 5.0)),
}
"""Factor on the formants and semitones: men made of the women's voices, women and children of the men's."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ClipPlan:
    """One clip to make of a spoken sentence."""

    id: str
    style: str
    emotion: str
    intensity: str
    natural: bool


@dataclass(frozen=True, kw_only=True)
class Job:
    """One sentence spoken once, and the clips made of it."""

    seed: int
    sentence: Sentence
    split: str
    system: str
    voice: str
    speaker: Speaker
    pace: float
    """Factor on the voice's own speed."""
    clips: tuple[ClipPlan, ...]

    def voice_name(self, clip: ClipPlan) -> str:
        """Such as "flite-rms", or with a change of speaker "flite-rms*1.08+5"."""
        name = f"{self.system}-{self.voice}"
        changed = self.speaker != Speaker() and not clip.natural
        return f"{name}*{self.speaker.formants:g}{self.speaker.pitch:+g}" if changed else name


def plan(hours: float, seed: int) -> list[Job]:
    """Jobs for about `hours` of sound, fixed by the two numbers; emotions and styles are balanced."""
    rng = np.random.default_rng(seed)
    clips_per_job = NEUTRAL_IN_JOB + sum(EMOTIONAL_PER_JOB) / 2
    n_jobs = max(len(EMOTIONS), round(hours * 3600 / MEAN_SECONDS / clips_per_job))
    spoken = sentences(n_jobs, seed)
    splits = _splits(n_jobs, rng)
    emotions, styles = _endless(_acted(), rng), _endless(list(STYLES), rng)
    jobs = []
    for index, (sentence, split) in enumerate(zip(spoken, splits, strict=True)):
        system, voice = _voice(sentence.language, rng)
        job = Job(
            seed=seed * 1_000_003 + index,
            sentence=sentence,
            split=split,
            system=system,
            voice=voice,
            speaker=_speaker(system, voice, rng),
            pace=float(rng.uniform(0.87, 1.2)),
            clips=_clips(sentence, emotions, styles, rng),
        )
        jobs.append(job)
    return jobs


def _clips(
    sentence: Sentence, emotions: Iterator[tuple[str, str]], styles: Iterator[str], rng: np.random.Generator
) -> tuple[ClipPlan, ...]:
    chosen = [next(emotions) for _ in range(rng.integers(EMOTIONAL_PER_JOB[0], EMOTIONAL_PER_JOB[1] + 1))]
    if rng.random() < NEUTRAL_IN_JOB:
        chosen.append((EMOTIONS[0], INTENSITIES[0]))
    return tuple(
        ClipPlan(
            id=f"{sentence.id}-{emotion}-{intensity}",
            style=next(styles),
            emotion=emotion,
            intensity=intensity,
            natural=emotion == EMOTIONS[0] and bool(rng.random() < NATURAL_SHARE),
        )
        for emotion, intensity in dict.fromkeys(chosen)
    )


def _speaker(system: str, voice: str, rng: np.random.Generator) -> Speaker:
    others = OTHER_SPEAKERS[voice if system == "flite" else system]
    formants, pitch = others[rng.integers(len(others))]
    return Speaker() if rng.random() < PLAIN_SPEAKER_SHARE else Speaker(formants=formants, pitch=pitch)


def _splits(n_sentences: int, rng: np.random.Generator) -> list[str]:
    counts = np.round(np.cumsum(SPLIT_SHARES) * n_sentences).astype(int)
    order = rng.permutation(n_sentences)
    return [SPLITS[int(np.searchsorted(counts, place, side="right"))] for place in order]


def _acted() -> list[tuple[str, str]]:
    return [(emotion, intensity) for emotion in EMOTIONS[1:] for intensity in INTENSITIES]


def _endless(cards: list[T], rng: np.random.Generator) -> Iterator[T]:
    """The cards in a random order, all of them before any comes again."""
    while True:
        for index in rng.permutation(len(cards)):
            yield cards[index]


def _voice(language: str, rng: np.random.Generator) -> tuple[str, str]:
    systems, shares = list(SYSTEM_SHARES), list(SYSTEM_SHARES.values())
    system = "espeak" if language != "en" else systems[int(rng.choice(len(systems), p=shares))]
    if system == "hibari":
        return system, "heart"
    if system == "flite":
        return system, str(rng.choice(flite.VOICES))
    accent = str(rng.choice(ACCENTS)) if language == "en" else language
    return system, f"{accent}+{rng.choice(VARIANTS)}"
