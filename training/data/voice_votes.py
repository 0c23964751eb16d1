"""What listeners called CREMA-D's clips, and how strong: its summaryTable.csv."""

import csv
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from training.data.clips import UNKNOWN, CorpusError

TABLES = ("summaryTable.csv", "crema-d-summaryTable.csv")
COLUMNS = {"VoiceVote": "VoiceLevel", "MultiModalVote": "MultiModalLevel", "FaceVote": "FaceLevel"}
"""Votes and levels: who only heard the clip first, then who heard and saw it, then who only saw it."""
NAMES = {"N": "NEU", "H": "HAP", "S": "SAD", "A": "ANG", "F": "FEA", "D": "DIS"}
LEVELS = {"LO": "normal", "MD": "normal", "HI": "strong"}
"""What the director asked for; of medium, as of MEAD's, we say normal."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """What was heard in one clip."""

    agreement: float
    """1 if the listeners' vote is the actor's intention, 0.5 if it is one of several in a tie, 0 if not."""
    level: float | None
    """0..1: how strong the intended emotion seemed to those who named it; None if nobody did."""


@dataclass(frozen=True)
class Votes:
    """Of a table's clips."""

    of_clip: dict[str, Vote]
    median_level: dict[str, float]
    """By emotion code: of the clips on which the listeners agreed with the actor."""

    def intensity(self, clip: str, emotion: str, asked: str) -> str:
        """Normal or strong as was asked; if nothing was, as strong as the listeners found it; else unknown.

        Without direction (XX), a clip is strong from the median level of its emotion's agreed clips on, and
        normal below. Where the listeners heard another emotion, or a tie, nobody can say.
        """
        if asked in LEVELS:
            return LEVELS[asked]
        vote = self.of_clip.get(clip)
        if vote is None or vote.level is None or vote.agreement < 1:
            return UNKNOWN
        return "strong" if vote.level >= self.median_level[emotion] else "normal"


def no_votes() -> Votes:
    """Where there is no table."""
    return Votes({}, {})


def find_table(source: Path) -> Path | None:
    """The table below a folder, if there is one."""
    found = sorted(path for name in TABLES for path in source.rglob(name))
    return found[0] if found else None


def read_votes(path: Path) -> Votes:
    """The votes on every clip of a table.

    Raises:
        CorpusError: if the file is missing or is another table.
    """
    if not path.is_file():
        raise CorpusError(f"expected CREMA-D's table of votes at {path}, found none; check the path")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file)
        wanted = {"FileName", *COLUMNS, *COLUMNS.values()}
        if absent := wanted - set(reader.fieldnames or ()):
            raise CorpusError(
                f"expected the columns of CREMA-D's summaryTable.csv in {path.name}, found none of"
                f" {', '.join(sorted(absent))}; use processedResults/summaryTable.csv"
            )
        rows = list(reader)
    try:
        votes = {row["FileName"]: _vote(row) for row in rows}
    except (ValueError, IndexError, TypeError, AttributeError) as error:
        raise CorpusError(
            f"expected letters and numbers joined by colons in {path.name}, found others ({error});"
            " get the file again"
        ) from error
    levels: dict[str, list[float]] = {}
    for name, vote in votes.items():
        if vote.agreement == 1 and vote.level is not None:
            levels.setdefault(_emotion(name), []).append(vote.level)
    return Votes(votes, {emotion: median(values) for emotion, values in levels.items()})


def _emotion(clip: str) -> str:
    """The intended emotion's code in a clip's name."""
    return clip.split("_")[2]


def _vote(row: dict[str, str]) -> Vote:
    """One line of the table."""
    intended = _emotion(row["FileName"])
    heard = [NAMES.get(letter, letter) for letter in row["VoiceVote"].split(":")]
    level = None
    for votes, levels in COLUMNS.items():
        named = dict(zip(row[votes].split(":"), row[levels].split(":"), strict=True))
        said = {NAMES.get(letter, letter): value for letter, value in named.items()}
        if intended in said:
            level = float(said[intended]) / 100
            break
    return Vote(agreement=float(intended in heard) / (1 if len(heard) == 1 else 2), level=level)
