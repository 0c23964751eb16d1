"""What every voice gives: one spoken text with the times of its phones."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLE_RATE
from ecoface_model.core.phones import SILENCE

SHORTEST_PHONE = 0.005  # seconds; anything shorter is a slip of the source's clock


class Phone(NamedTuple):
    """One ARPAbet phone (or SIL), seconds from the start of the sound."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """Sound at 16 kHz with phones that touch one another and cover all of it."""

    waveform: Float32[NDArray[np.float32], " samples"]
    phones: tuple[Phone, ...]

    @property
    def seconds(self) -> float:
        return len(self.waveform) / SAMPLE_RATE


def covering(phones: Iterable[Phone], seconds: float) -> tuple[Phone, ...]:
    """Phones made to touch one another and to cover 0..seconds: gaps become SIL, neighbouring SIL one."""
    covered: list[Phone] = []
    position = 0.0
    for phone in phones:
        start, end = max(phone.start, position), min(phone.end, seconds)
        if end - start < SHORTEST_PHONE:
            continue
        if start - position >= SHORTEST_PHONE:
            covered.append(Phone(SILENCE, position, start))
        else:
            start = position
        covered.append(Phone(phone.name, start, end))
        position = end
    if seconds - position > 0:
        covered.append(Phone(SILENCE, position, seconds))
    return _merge_silences(covered)


def _merge_silences(phones: list[Phone]) -> tuple[Phone, ...]:
    merged: list[Phone] = []
    for phone in phones:
        if merged and phone.name == merged[-1].name == SILENCE:
            merged[-1] = Phone(SILENCE, merged[-1].start, phone.end)
        else:
            merged.append(phone)
    return tuple(merged)


def trimmed(utterance: Utterance, margin: float = 0.03) -> Utterance:
    """Without the silence before the first phone and after the last, but for a margin in seconds."""
    spoken = [phone for phone in utterance.phones if phone.name != SILENCE]
    assert spoken, "an utterance has at least one phone"
    first = max(0, math.floor((spoken[0].start - margin) * SAMPLE_RATE))
    last = min(len(utterance.waveform), math.ceil((spoken[-1].end + margin) * SAMPLE_RATE))
    offset = first / SAMPLE_RATE
    moved = [Phone(name, start - offset, end - offset) for name, start, end in utterance.phones]
    kept = [Phone(name, max(start, 0.0), end) for name, start, end in moved if end > 0]
    return Utterance(
        waveform=utterance.waveform[first:last], phones=covering(kept, (last - first) / SAMPLE_RATE)
    )


def joined(utterances: Sequence[Utterance], pauses: Sequence[float]) -> Utterance:
    """One after the other, with pauses[i] seconds before utterance i and the last entry after them all."""
    assert len(pauses) == len(utterances) + 1
    parts, phones, position = [_silence(pauses[0])], list[Phone](), pauses[0]
    for utterance, pause in zip(utterances, pauses[1:], strict=True):
        position = sum(map(len, parts)) / SAMPLE_RATE
        phones += [Phone(name, start + position, end + position) for name, start, end in utterance.phones]
        parts += [utterance.waveform, _silence(pause)]
    waveform = np.concatenate(parts)
    return Utterance(waveform=waveform, phones=covering(phones, len(waveform) / SAMPLE_RATE))


def _silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def speech_level(utterance: Utterance) -> float:
    """Level of the speech itself, pauses left out: dB of the root mean square, full scale 0."""
    speaking = np.zeros(len(utterance.waveform), bool)
    for name, start, end in utterance.phones:
        if name != SILENCE:
            speaking[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] = True
    power = float(np.mean(np.square(utterance.waveform[speaking], dtype=np.float64)))
    return 10 * math.log10(power + 1e-12)


def at_level(utterance: Utterance, level: float) -> Utterance:
    """The same speech at a level in dB (see `speech_level`)."""
    gain = 10 ** ((level - speech_level(utterance)) / 20)
    return Utterance(waveform=(utterance.waveform * gain).astype(np.float32), phones=utterance.phones)
