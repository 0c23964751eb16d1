"""What a stage was trained on: data sets, their licences, how many clips; written beside the weights."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import EMOTIONS
from training.data.clips import ClipRow
from training.data.voice_corpora import VOICES

SOURCES = "sources.json"
SYNTHETIC = "synthetic"
"""The data set of clips that we made ourselves."""
MADE = (
    "synthetic voices (espeak-ng, flite, hibari-tts; emotion by WORLD re-synthesis) and on the performances "
    "of a rule-based animator"
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """One data set's share."""

    dataset: str
    title: str
    licence: str
    """Empty where nobody said."""
    n_clips: int
    n_voices: int
    hours: float
    emotions: tuple[str, ...]

    @property
    def recorded(self) -> bool:
        """Whether its voices are people's."""
        return self.dataset != SYNTHETIC

    def describe(self) -> str:
        """A part of a sentence: trained on ..."""
        if not self.recorded:
            return MADE
        licence = self.licence or "licence not stated"
        return f"{self.n_clips:,} recordings of {self.n_voices} people from {self.title} ({licence})"


def sources_of(rows: Sequence[ClipRow]) -> list[Source]:
    """The data sets of clips, in the order in which they first appear."""
    found = []
    for dataset in dict.fromkeys(row.dataset for row in rows):
        own = [row for row in rows if row.dataset == dataset]
        found.append(
            Source(
                dataset=dataset,
                title=VOICES[dataset].title if dataset in VOICES else dataset,
                licence=", ".join(sorted({row.licence for row in own} - {""})),
                n_clips=len(own),
                n_voices=len({row.voice for row in own}),
                hours=round(sum(row.seconds for row in own) / 3600, 3),
                emotions=tuple(name for name in EMOTIONS if any(row.emotion == name for row in own)),
            )
        )
    return found


def write_sources(folder: Path, rows: Sequence[ClipRow]) -> None:
    """Beside what a stage has learned."""
    with atomic_write(folder / SOURCES) as temporary:
        temporary.write_text(json.dumps([asdict(source) for source in sources_of(rows)], indent=1))


def read_sources(path: Path) -> list[Source]:
    """What `write_sources` wrote.

    Raises:
        OSError, KeyError, TypeError, ValueError: if the file is missing or another.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, list) or not found:
        raise ValueError("no list of data sets")
    return [Source(**values | {"emotions": tuple(values["emotions"])}) for values in found]


def training_sentence(sources: Sequence[Source]) -> str:
    """How a model was made, as its file says it."""
    parts = [source.describe() for source in sources]
    people = any(source.recorded for source in sources)
    end = "." if people else "; no recording of a person was used."
    return f"Trained on {'; and on '.join(parts)}{end}"


def licence_sentences(sources: Sequence[Source]) -> tuple[str, ...]:
    """A sentence for each data set that others made."""
    return tuple(
        f"Recordings that it learned from: {source.title}, {source.licence or 'licence not stated'}."
        for source in sources
        if source.recorded
    )
