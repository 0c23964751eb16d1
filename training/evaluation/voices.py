"""Recorded voices as a model hears them: by themselves, relative to a voice baseline, in worse recordings.

All of it through `EcoFace.listen`, as users hear; only the frozen front remembers, so that a clip may be
heard relative to many baselines at the price of one.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from ecoface_model.config import ContentConfig
from ecoface_model.content import WhisperContent
from ecoface_model.core.constants import EMOTIONS, FEATURE_RATE
from ecoface_model.pipeline import EcoFace
from ecoface_model.reference_emotion.measure_voice import LEAST_SPEECH, UNIFORM
from ecoface_model.reference_emotion.speech_emotion import SpeechEmotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest
from training.evaluation.degraded_speech import in_a_room, in_noise, over_telephone
from training.evaluation.recall import NamedClips

Sound = NDArray[np.float32]
_WINDOWS_KEPT = 8
_FULL_SCALE = 32768  # of 16 bits


def at_gain(decibels: float) -> Callable[[Sound], Sound]:
    """The recording at another level, in the steps of a 16-bit file."""

    def louder(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
        return _as_file(waveform * np.float32(10 ** (decibels / 20)))

    return louder


def at_full_scale(waveform: Float32[Sound, " samples"]) -> Float32[Sound, " samples"]:
    """The recording so loud that its peak is at 0 dB of full scale."""
    return _as_file(waveform / np.float32(max(np.abs(waveform).max(initial=0), 1 / _FULL_SCALE)))


def _as_file(waveform: Sound) -> Sound:
    steps = np.clip(np.round(waveform * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    return np.asarray(steps / _FULL_SCALE, np.float32)


CONDITIONS: MappingProxyType[str, Callable[[NDArray[Any]], NDArray[Any]]] = MappingProxyType(
    {
        "35 dB quieter": at_gain(-35.0),
        "20 dB quieter": at_gain(-20.0),
        "10 dB quieter": at_gain(-10.0),
        "peak at 0 dB": at_full_scale,
        "telephone": over_telephone,
        "room": in_a_room,
        "noise at -10 dB": in_noise,
    }
)
"""By the name in the table."""


@dataclass(frozen=True)
class Way:
    """A voice baseline: of how many other lines of the voice, and of which."""

    kind: str
    """As in `EcoFace.voice_baseline`."""
    n_lines: int

    @property
    def name(self) -> str:
        """As the table has it."""
        neutral = "neutral " if self.kind == "neutral" else ""
        return f"{self.n_lines} {neutral}line{'s' if self.n_lines > 1 else ''}"


WAYS = (*(Way("lines", n) for n in (5, 10, 30)), *(Way("neutral", n) for n in (1, 2, 4)))


@dataclass(frozen=True)
class Line:
    """A recorded clip, and what is heard in it by itself."""

    row: ClipRow
    heard: SpeechEmotion
    states: Float32[NDArray[np.float32], "states width"] | None
    """The front's, mean over its speech; None where there is too little, or the model knows no baselines."""


@dataclass(frozen=True)
class Relative:
    """Clips named relative to a voice baseline of one way."""

    chosen: list[int]
    """Of the lines: those whose voice has lines enough."""
    named: NamedClips
    n_refused: int
    """Clips for whose voice the lines drawn were too uniform, so that they were named by themselves."""


def recorded_rows(corpus: Path, datasets: Sequence[str], split: str) -> dict[str, list[ClipRow]]:
    """Labelled recordings by data set, of one split or of all; nothing synthetic.

    Raises:
        CorpusError: if there is no corpus, or a data set has no such recordings in it.
    """
    labelled = [row for row in read_manifest(corpus) if row.dataset != "synthetic" and row.emotion_is_known]
    by_set: dict[str, list[ClipRow]] = {
        name: [] for name in datasets or sorted({r.dataset for r in labelled})
    }
    if not by_set:
        raise CorpusError(
            f"expected recorded voices with an emotion in {corpus}, found none; "
            "prepare some with `python -m training.prepare voices`"
        )
    for row in labelled:
        if row.dataset in by_set and split in (row.split, "all"):
            by_set[row.dataset].append(row)
    for name, rows in by_set.items():
        if not rows:
            known = ", ".join(sorted({row.dataset for row in labelled})) or "none"
            where = "any split" if split == "all" else f"split {split!r}"
            raise CorpusError(
                f"expected recordings of {name} in {where} of {corpus}, found none; its data sets are {known}"
            )
    return by_set


class RememberingFront(WhisperContent):
    """A frozen front that keeps what it gave for the last few windows."""

    def __init__(self, front: WhisperContent, config: ContentConfig) -> None:
        super().__init__(config)
        self.load_state_dict(front.state_dict())
        self.known: dict[tuple[bytes, bytes], Tensor] = {}

    def hidden_states(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 1"] | None = None
    ) -> Float[Tensor, "batch states steps feature"]:
        """As the front gives them; the same sound again costs nothing."""
        measured = self.measure(waveform) if measured is None else measured
        key = (waveform.cpu().numpy().tobytes(), measured.cpu().numpy().tobytes())
        if key not in self.known:
            if len(self.known) >= _WINDOWS_KEPT:
                self.known.clear()
            self.known[key] = super().hidden_states(waveform, measured)
        return self.known[key]


def knows_baselines(ecoface: EcoFace) -> bool:
    """Whether voice baselines are for this model."""
    return isinstance(ecoface.networks.content, WhisperContent)


def remember(ecoface: EcoFace) -> None:
    """Let the model's front keep what it heard last."""
    front = ecoface.networks.content
    if isinstance(front, WhisperContent):
        own = RememberingFront(front, ecoface.networks.config.content)
        ecoface.networks.content = own.requires_grad_(False).to(ecoface.device).eval()


def hear(ecoface: EcoFace, corpus: Path, rows: Sequence[ClipRow]) -> list[Line]:
    """Every clip by itself.

    Raises:
        CorpusError: if a clip is missing or damaged.
    """
    lines = []
    for row in tqdm(rows, desc=f"{rows[0].dataset}, by itself", mininterval=5):
        waveform = read_clip(corpus, row).waveform
        heard, states = ecoface.listen(waveform), None
        if knows_baselines(ecoface):
            total, n_steps = ecoface.encoder.states_of_speech(waveform, None)
            if n_steps >= LEAST_SPEECH * FEATURE_RATE:
                states = total / np.float32(n_steps)
        lines.append(Line(row, heard, states))
    return lines


def named(lines: Sequence[Line], heard: Sequence[SpeechEmotion] | None = None) -> NamedClips:
    """Lines with what was heard in them, by themselves if nothing else is given."""
    return NamedClips(
        np.array([EMOTIONS.index(line.row.emotion) for line in lines], np.int64),
        np.stack([each.overall for each in heard or [line.heard for line in lines]]),
        np.array([line.row.speaker for line in lines]),
    )


def baseline_of(lines: Sequence[Line], kind: str) -> VoiceBaseline | None:
    """What `EcoFace.voice_baseline` makes of lines that speak long enough; None if they are too uniform."""
    moods = np.mean([line.heard.overall for line in lines], axis=0)
    if kind == "lines" and moods.max() > UNIFORM:
        return None
    states = [line.states for line in lines if line.states is not None]
    assert len(states) == len(lines) > 0, "only lines with enough speech are drawn"
    return VoiceBaseline(np.mean(states, axis=0, dtype=np.float32), kind, len(lines))


def others_of(lines: Sequence[Line], kind: str, seed: int) -> list[list[Line]]:
    """For every line the other lines of its voice that a baseline may be of, in an order drawn by the seed.

    The first five are among the first ten.
    """
    by_voice: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        spoken = line.states is not None and line.heard.speech_seconds >= LEAST_SPEECH
        if spoken and (kind == "lines" or line.row.emotion == "neutral"):
            by_voice[line.row.voice].append(line)
    drawn = []
    for line in lines:
        others = [other for other in by_voice[line.row.voice] if other is not line]
        rng = np.random.default_rng([seed, zlib.crc32(line.row.id.encode())])
        drawn.append([others[place] for place in rng.permutation(len(others))])
    return drawn


def relative(
    ecoface: EcoFace, corpus: Path, lines: Sequence[Line], seed: int, ways: Sequence[Way] = WAYS
) -> dict[Way, Relative]:
    """Every clip relative to other lines of its voice; ways without clips are absent."""
    others = {kind: others_of(lines, kind, seed) for kind in {way.kind for way in ways}}
    chosen: dict[Way, list[int]] = {way: [] for way in ways}
    heard: dict[Way, list[SpeechEmotion]] = {way: [] for way in ways}
    refused = dict.fromkeys(ways, 0)
    for number, line in enumerate(tqdm(lines, desc="relative to its voice", mininterval=5)):
        waveform = read_clip(corpus, line.row).waveform
        for way in ways:
            of = others[way.kind][number][: way.n_lines]
            if len(of) < way.n_lines:
                continue
            baseline = baseline_of(of, way.kind)
            refused[way] += baseline is None
            chosen[way].append(number)
            heard[way].append(ecoface.listen(waveform, baseline=baseline) if baseline else line.heard)
    return {
        way: Relative(chosen[way], named([lines[n] for n in chosen[way]], heard[way]), refused[way])
        for way in ways
        if chosen[way]
    }


def degraded(
    ecoface: EcoFace, corpus: Path, lines: Sequence[Line], conditions: Mapping[str, Callable[[Sound], Sound]]
) -> dict[str, NamedClips]:
    """The same clips as worse recordings would give them, each by itself."""
    heard: dict[str, list[SpeechEmotion]] = {name: [] for name in conditions}
    for line in tqdm(lines, desc="in worse recordings", mininterval=5):
        waveform = read_clip(corpus, line.row).waveform
        for name, condition in conditions.items():
            heard[name].append(ecoface.listen(np.asarray(condition(waveform), np.float32)))
    return {name: named(lines, each) for name, each in heard.items()}
