"""Which data set `training.prepare` is to prepare, and how: one class per command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from training.data.voice_corpora import VOICES


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Which recordings, and where their clips go."""

    source: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """The folder into which the data set's archives were unpacked."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """The corpus folder."""
    longest: float = 16.0
    """Seconds; longer recordings (HDTF's) are cut at their pauses. Ours."""
    workers: int = 2
    """Processes; with 1, no other than this."""


@dataclass(frozen=True, kw_only=True)
class FacesConfig(PrepareConfig):
    """Clips of faces."""

    dataset: ClassVar[str]
    split_by: Literal["clip", "speaker", "sentence"] = "clip"
    """What validation and test must not share with training: recordings (the paper's way), or speakers, or
    sentences."""
    seed: int = 0
    """Of the 80/10/10 split."""


@dataclass(frozen=True, kw_only=True)
class TrackedConfig(FacesConfig):
    """Clips of videos that a face tracker has watched."""

    trackers: Path
    """The tracker's output, one folder or .npz per recording, under the recordings' own paths or names."""
    tracker_fps: float | None = None
    """Frames per second of the tracker's output, if the videos were converted before they were tracked."""


@dataclass(frozen=True, kw_only=True)
class Ravdess(TrackedConfig):
    """RAVDESS: Actor_01 .. Actor_24, audio-video speech."""

    dataset = "ravdess"


@dataclass(frozen=True, kw_only=True)
class Hdtf(TrackedConfig):
    """HDTF: cropped clips, of no labelled emotion."""

    dataset = "hdtf"


@dataclass(frozen=True, kw_only=True)
class Mead(TrackedConfig):
    """MEAD: front views; contempt has no place among the eight emotions."""

    dataset = "mead"


@dataclass(frozen=True, kw_only=True)
class Vocaset(FacesConfig):
    """VOCASET: 60 Hz meshes, fitted by FLAME."""

    dataset = "vocaset"
    head: Path
    """The FLAME file (generic_model.pkl) whose coefficients are wanted."""


@dataclass(frozen=True, kw_only=True)
class VoicesConfig(PrepareConfig):
    """Acted voices without faces, in folders or in .tar archives; split by actor."""

    of: ClassVar[tuple[str, ...]]
    """The corpora that are wanted."""


@dataclass(frozen=True, kw_only=True)
class VotedConfig(VoicesConfig):
    """With what listeners said."""

    votes: Path | None = None
    """CREMA-D's summaryTable.csv, if it is not below SOURCE."""


@dataclass(frozen=True, kw_only=True)
class Voices(VotedConfig):
    """Every corpus of acted voices below SOURCE, in folders or in .tar archives; split by actor."""

    of = tuple(VOICES)


@dataclass(frozen=True, kw_only=True)
class CremaD(VotedConfig):
    """CREMA-D: AudioWAV/1001_DFA_ANG_XX.wav, and what listeners called each clip."""

    of = ("crema-d",)


@dataclass(frozen=True, kw_only=True)
class Emodb(VoicesConfig):
    """EmoDB: wav/03a01Fa.wav; boredom has no place among the eight emotions."""

    of = ("emodb",)


@dataclass(frozen=True, kw_only=True)
class RavdessVoices(VoicesConfig):
    """RAVDESS, sound alone: Actor_01/03-01-...wav."""

    of = ("ravdess-voices",)


@dataclass(frozen=True, kw_only=True)
class Tess(VoicesConfig):
    """TESS: OAF_back_angry.wav."""

    of = ("tess",)


@dataclass(frozen=True, kw_only=True)
class Savee(VoicesConfig):
    """SAVEE: DC/a01.wav or DC_a01.wav."""

    of = ("savee",)


@dataclass(frozen=True, kw_only=True)
class Nemo(VoicesConfig):
    """nEMO: samples/EB0_anger_1.wav."""

    of = ("nemo",)


@dataclass(frozen=True, kw_only=True)
class Esd(VoicesConfig):
    """ESD: 0011/Angry/0011_000351.wav."""

    of = ("esd",)


@dataclass(frozen=True, kw_only=True)
class MeadVoices(VoicesConfig):
    """MEAD, sound alone: M003/audio/angry/level_1/001.m4a."""

    of = ("mead-voices",)


Config = (
    Annotated[Ravdess, tyro.conf.subcommand("ravdess")]
    | Annotated[Hdtf, tyro.conf.subcommand("hdtf")]
    | Annotated[Vocaset, tyro.conf.subcommand("vocaset")]
    | Annotated[Mead, tyro.conf.subcommand("mead")]
    | Annotated[Voices, tyro.conf.subcommand("voices")]
    | Annotated[CremaD, tyro.conf.subcommand("crema-d")]
    | Annotated[Emodb, tyro.conf.subcommand("emodb")]
    | Annotated[RavdessVoices, tyro.conf.subcommand("ravdess-voices")]
    | Annotated[Tess, tyro.conf.subcommand("tess")]
    | Annotated[Savee, tyro.conf.subcommand("savee")]
    | Annotated[Nemo, tyro.conf.subcommand("nemo")]
    | Annotated[Esd, tyro.conf.subcommand("esd")]
    | Annotated[MeadVoices, tyro.conf.subcommand("mead-voices")]
)
