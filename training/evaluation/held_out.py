"""Held-out clips for the evaluations: which are taken, how a model speaks them, what its eyes see of them."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from ecoface_model.core.constants import SAMPLES_PER_FRAME
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.flame import FlameHead
from ecoface_model.pipeline import EcoFace
from ecoface_model.renderer.grey import GreyFaces
from training.data.clips import Clip, ClipRow, CorpusError, read_clip, read_manifest
from training.data.utterance import Phone
from training.evaluation.lip_metrics import LipClip

LOOKED_AT = 16
"""Frames of a clip that are rendered for the visual encoder: those around its middle, in speech."""
Motion = Float32[NDArray[Any], "_ 53"]
"""One clip's frames; motions side by side may differ in length."""


@dataclass(frozen=True)
class HeldOut:
    """One clip, whose motion and kind of emotion are known."""

    row: ClipRow
    waveform: Float32[NDArray[Any], " samples"]
    phones: tuple[Phone, ...]
    """None where a real data set has none."""
    motion: Motion

    @property
    def kind(self) -> tuple[str, int]:
        """Emotion and intensity level."""
        return self.row.emotion, self.row.intensity_level


def held_out(corpus: Path, rows: Sequence[ClipRow]) -> list[HeldOut]:
    """Read clips with their motions.

    Raises:
        CorpusError: if a clip is missing or damaged, or has no motion.
    """
    clips = []
    for row in rows:
        clip = read_clip(corpus, row)
        if clip.motion is None:
            raise CorpusError(
                f"expected a motion for clip {row.id}, found none; "
                f"run `python -m training.synthetic.perform {corpus}` first"
            )
        n = min(len(clip.motion), clip.n_frames)
        clips.append(HeldOut(row, clip.waveform, phones_of(clip), clip.motion[:n]))
    return clips


def phones_of(clip: Clip) -> tuple[Phone, ...]:
    """A clip's phones with their times."""
    times = zip(clip.phone_name, clip.phone_start, clip.phone_end, strict=True)
    return tuple(Phone(name, float(start), float(end)) for name, start, end in times)


def rows_of(corpus: Path, split: str, *, labelled: bool) -> list[ClipRow]:
    """A split's clips; `labelled`: only those of a known emotion.

    Raises:
        CorpusError: if there is no corpus, or none of its clips can be used.
    """
    rows = [
        row for row in read_manifest(corpus) if row.split == split and (row.emotion_is_known or not labelled)
    ]
    if not rows:
        wanted = "clips of known emotion" if labelled else "clips"
        raise CorpusError(f"expected {wanted} in split {split!r} of {corpus}, found none; take another split")
    return rows


def balanced(
    rows: Sequence[ClipRow], n: int, group: Callable[[ClipRow], Hashable], seed: int
) -> list[ClipRow]:
    """At most n rows, shuffled, taken from every group in turn."""
    rng = np.random.default_rng(seed)
    groups: dict[Hashable, list[ClipRow]] = defaultdict(list)
    for index in rng.permutation(len(rows)):
        groups[group(rows[index])].append(rows[index])
    taken: list[ClipRow] = []
    while len(taken) < min(n, len(rows)):
        for members in list(groups.values()):
            if members and len(taken) < n:
                taken.append(members.pop())
    return taken


class Stage:
    """A model and its head, asked to speak and looked at."""

    def __init__(self, ecoface: EcoFace, file: FlameFile) -> None:
        self.ecoface = ecoface
        self.file = file
        self.head = FlameHead.from_file(file)
        self.rest = self.head.rest_lip_gap()
        size = ecoface.networks.config.visual.image_size
        self.faces = GreyFaces(self.head, size).to(ecoface.device)
        masks = file.masks
        self.lips = masks["lips"]
        self.upper = np.union1d(masks["forehead"], masks["eye_region"])

    @classmethod
    def open(cls, model: Path | None, device: str | None) -> "Stage":
        """A model file, the default one if not given, on the reference head.

        Raises:
            ModelFileError, RequestError: if there is no such file or device.
        """
        return cls(EcoFace.load(model, device, "torch"), read_head())

    def speak(self, clip: HeldOut, **how: Any) -> Motion:
        """The clip as the model speaks it; `how` as in `EcoFace.generate`."""
        motion = self.ecoface.generate(clip.waveform, **how).motion
        n = len(clip.motion)
        out: Motion = np.concatenate([motion, motion[-1:].repeat(max(0, n - len(motion)), axis=0)])[:n]
        return out

    def performance(self, motion: Motion) -> FlameMotion:
        """A motion as a reference that is seen."""
        return FlameMotion(motion, metadata={"head": self.file.name})

    @torch.inference_mode()
    def landmarks(self, motion: Motion) -> Float[NDArray[Any], "frames 68 3"]:
        """Metres."""
        return np.asarray(self.head.landmarks(torch.from_numpy(motion)).numpy())

    @torch.inference_mode()
    def vertices(self, motion: Motion) -> Float[NDArray[Any], "frames vertices 3"]:
        """Metres."""
        return np.asarray(self.head.vertices(torch.from_numpy(motion)).numpy())

    def lip_clip(self, clip: HeldOut, motion: Motion) -> LipClip:
        """A motion of the clip, to be judged by `lip_metrics`."""
        return LipClip(self.landmarks(motion), self.rest, clip.phones)

    @torch.inference_mode()
    def look(self, motion: Motion) -> Float[NDArray[Any], "steps feature"]:
        """What the model's visual encoder sees around the middle of a motion, at 50 Hz."""
        start = max(0, (len(motion) - LOOKED_AT) // 2)
        seen = torch.from_numpy(motion[start : start + LOOKED_AT]).to(self.ecoface.device)
        features = self.ecoface.networks.visual(self.faces(seen[None]))[0]  # (2T, F)
        return np.asarray(features.float().cpu().numpy())

    @torch.inference_mode()
    def content(self, clip: HeldOut) -> Float32[NDArray[Any], "steps feature"]:
        """What the model's content encoder hears of the clip, 2T steps."""
        n_samples = len(clip.motion) * SAMPLES_PER_FRAME
        sound = np.pad(clip.waveform, (0, max(0, n_samples - len(clip.waveform))))[:n_samples]
        waveform = torch.from_numpy(sound)[None].to(self.ecoface.device)
        content = self.ecoface.networks.content
        return np.asarray(content(waveform, content.measure(waveform))[0].float().cpu().numpy())
