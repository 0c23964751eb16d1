"""What the synthetic corpus will hold: sentences, voices, emotions and styles, fixed by hours and a seed."""

import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from training.data.clips import SPLITS
from training.synthetic.animator.styles import GUESTS, STYLES
from training.synthetic.voices import flite
from training.synthetic.voices.espeak import ACCENTS, VARIANTS
from training.synthetic.voices.prosody import Speaker
from training.synthetic.voices.sentences import Sentence, sentences

ESPEAK = "espeak"
SYSTEM_SHARES = {"hibari": 0.42, "flite": 0.30, ESPEAK: 0.28}
"""Of the English sentences; other languages are espeak's."""
SPLIT_SHARES = (0.8, 0.1, 0.1)
TEST = SPLITS[2]
NEUTRAL_IN_JOB = 0.8
"""Share of the sentences that are also said without emotion."""
NATURAL_SHARE = 0.6
"""Of the neutral clips: the voice's own sound, not re-synthesised."""
EMOTIONAL_PER_JOB = (1, 2)
PLAIN_SPEAKER_SHARE = 0.4
"""Of the sentences: the voice as it is, not made into another speaker."""
MEAN_SECONDS = 4.2
"""Of a clip with its pauses: only for planning."""

SPEAKER_RANGES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "hibari": ((0.84, 1.18), (-10.0, 5.0)),
    "slt": ((0.87, 1.14), (-8.0, 4.5)),
    "rms": ((0.93, 1.18), (-2.0, 11.0)),
    "awb": ((0.93, 1.2), (-2.0, 12.0)),
    "espeak": ((0.93, 1.16), (-2.0, 5.0)),
}
"""Factors on the formants and semitones that go with them: men made of the women's voices, women and children
of the men's."""
N_SPEAKERS = 20
"""Made of each voice, at even distances."""
PITCH_SPREAD = 1.5
"""Semitones by which those of one throat differ."""
HELD_OUT = 5
"""Every fifth of these speakers, and of espeak's variants, is heard in the test split and nowhere else."""

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


def plan(hours: float, seed: int, systems: Collection[str] = tuple(SYSTEM_SHARES)) -> list[Job]:
    """Jobs for about `hours` of sound, fixed by the numbers and the systems that may speak.

    Every emotion comes at every intensity in every style before any comes again. The test split's sentences
    and voices, and half of its styles, are in no other. Without espeak all sentences are English.
    """
    rng = np.random.default_rng(seed)
    clips_per_job = NEUTRAL_IN_JOB + sum(EMOTIONAL_PER_JOB) / 2
    n_jobs = max(len(EMOTIONS), round(hours * 3600 / MEAN_SECONDS / clips_per_job))
    spoken = sentences(n_jobs, seed)
    if ESPEAK not in systems:
        spoken = [sentence for sentence in sentences(2 * n_jobs, seed) if sentence.language == "en"][:n_jobs]
    splits = _splits(n_jobs, rng)
    decks = {split: _Deck(split, rng) for split in SPLITS}
    jobs = []
    for index, (sentence, split) in enumerate(zip(spoken, splits, strict=True)):
        system, voice = _voice(sentence.language, split, systems, rng)
        speaker = _speaker(system, voice, split, rng)
        job = Job(
            seed=seed * 1_000_003 + index,
            sentence=sentence,
            split=split,
            system=system,
            voice=voice,
            speaker=speaker,
            pace=float(rng.uniform(0.87, 1.2)),
            clips=_clips(sentence, decks[split], rng, unchanged=split != TEST or system == "espeak"),
        )
        jobs.append(job)
    return jobs


class _Deck:
    """What a split's clips show, in turn: emotions at their intensities, in styles."""

    def __init__(self, split: str, rng: np.random.Generator) -> None:
        styles = [*STYLES, *(tuple(GUESTS) * (len(STYLES) // len(GUESTS)) if split == TEST else ())]
        self.acted = _endless([(*act, style) for act in _acted() for style in styles], rng)
        self.neutral = _endless(styles, rng)


def _clips(
    sentence: Sentence, deck: _Deck, rng: np.random.Generator, *, unchanged: bool
) -> tuple[ClipPlan, ...]:
    """`unchanged`: whether a neutral clip may be the voice's own sound."""
    chosen = [next(deck.acted) for _ in range(rng.integers(EMOTIONAL_PER_JOB[0], EMOTIONAL_PER_JOB[1] + 1))]
    if rng.random() < NEUTRAL_IN_JOB:
        chosen.append((EMOTIONS[0], INTENSITIES[0], next(deck.neutral)))
    return tuple(
        ClipPlan(
            id=f"{sentence.id}-{emotion}-{intensity}",
            style=style,
            emotion=emotion,
            intensity=intensity,
            natural=unchanged and emotion == EMOTIONS[0] and bool(rng.random() < NATURAL_SHARE),
        )
        for (emotion, intensity), style in {act[:2]: act[2] for act in chosen}.items()
    )


def speakers(voice: str) -> tuple[Speaker, ...]:
    """The speakers made of a voice; every `HELD_OUT`-th is the test split's own."""
    (smallest, largest), (lowest, highest) = SPEAKER_RANGES[voice]
    rng = np.random.default_rng(zlib.crc32(voice.encode()))
    places = np.linspace(0, 1, N_SPEAKERS)
    pitches = lowest + places * (highest - lowest) + PITCH_SPREAD * rng.standard_normal(N_SPEAKERS)
    formants = smallest + places * (largest - smallest)
    return tuple(
        Speaker(formants=round(float(f), 3), pitch=round(float(p), 1))
        for f, p in zip(formants, pitches, strict=True)
    )


def _of_split(members: Sequence[T], split: str) -> list[T]:
    """Those that a split may use."""
    held_out = [place % HELD_OUT == HELD_OUT // 2 for place in range(len(members))]
    return [member for member, held in zip(members, held_out, strict=True) if held == (split == TEST)]


def _speaker(system: str, voice: str, split: str, rng: np.random.Generator) -> Speaker:
    plain = rng.random() < PLAIN_SPEAKER_SHARE and (split != TEST or system == "espeak")
    others = _of_split(speakers(voice if system == "flite" else system), split)
    other = others[rng.integers(len(others))]
    return Speaker() if plain else other


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


def _voice(language: str, split: str, systems: Collection[str], rng: np.random.Generator) -> tuple[str, str]:
    shares = {system: share for system, share in SYSTEM_SHARES.items() if system in systems}
    chances = np.array(list(shares.values())) / sum(shares.values())
    system = ESPEAK if language != "en" else list(shares)[int(rng.choice(len(shares), p=chances))]
    if system == "hibari":
        return system, "heart"
    if system == "flite":
        return system, str(rng.choice(flite.VOICES))
    accent = str(rng.choice(ACCENTS)) if language == "en" else language
    return system, f"{accent}+{rng.choice(_of_split(VARIANTS, split))}"
