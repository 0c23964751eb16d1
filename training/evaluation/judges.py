"""Who judges a motion in the evaluation's table: vertices, our own networks, the user's foreign judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from ecoface_model.core.errors import ModelFileError
from ecoface_model.renderer.portrait import Portrait
from training.evaluation import metrics
from training.evaluation.held_out import HeldOut, Motion, Stage
from training.evaluation.judge_networks import FACE_SIZE, FRAMES, FrameAttention, SyncNet, read_judge
from training.evaluation.mfcc import mfcc
from training.objectives.sync_expert import MAX_SHIFT, SyncExpert, sync_confidence

SQUARED_UNIT = 1e-5  # m^2, in which the paper prints LVE
ERRORS = (
    "LVE (1e-5 m²)", "LVE root (mm)", "lips (mm)", "upper face (mm)", "EVE (1e-5 m²)", "EVE root (mm)",
)  # fmt: skip
OUR_SYNC = ("sync distance (ours)", "sync confidence (ours)")
LSE = ("LSE-D", "LSE-C")
VISUAL, MOTION, VE_FID = "Frechet (our visual encoder)", "Frechet (landmarks)", "VE-FID"
_STEPS_PER_FRAME = 4  # of SyncNet's cepstra
_STEPS = 20  # of them heard at once
_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True)
class Judges:
    """Those there are; every one of them gives columns of the table."""

    stage: Stage
    sync: SyncExpert | None = None
    syncnet: SyncNet | None = None
    attention: FrameAttention | None = None
    portrait: Portrait | None = None
    """Draws the faces that foreign judges see."""

    @classmethod
    def read(cls, stage: Stage, sync: Path | None, syncnet: Path | None, attention: Path | None) -> "Judges":
        """Judges from their files; those without a file do not judge.

        Raises:
            ModelFileError, JudgeFileError: if a file is missing or holds something else.
        """
        expert = SyncExpert.load(sync) if sync else None
        heard = stage.ecoface.networks.config.content.feature_dim
        if expert and expert.config.content_dim != heard:
            raise ModelFileError(
                f"expected a sync-expert for the model's {heard} content features in {sync}, found one for "
                f"{expert.config.content_dim}; train it with the same content encoder"
            )
        return cls(
            stage,
            expert,
            read_judge(syncnet, SyncNet()) if syncnet else None,
            read_judge(attention, FrameAttention()) if attention else None,
            Portrait(stage.file, (FACE_SIZE, FACE_SIZE)) if syncnet or attention else None,
        )

    @property
    def error_columns(self) -> tuple[str, ...]:
        """What `errors` gives."""
        return (*ERRORS, *(OUR_SYNC if self.sync else ()), *(LSE if self.syncnet else ()))

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """What `features` gives."""
        return (VISUAL, MOTION, *((VE_FID,) if self.attention else ()))

    def errors(self, clip: HeldOut, motions: Sequence[Motion]) -> list[dict[str, float]]:
        """Numbers of motions of one clip, against the clip's own motion and its sound.

        The clip's own motion itself has no vertex errors.
        """
        long_enough = len(clip.motion) >= FRAMES + MAX_SHIFT
        content = torch.from_numpy(self.stage.content(clip))
        true = self.stage.vertices(clip.motion)
        rows = []
        for motion in motions:
            found = {} if motion is clip.motion else self._vertex_errors(true, self.stage.vertices(motion))
            if self.sync and long_enough:
                landmarks = torch.from_numpy(self.stage.landmarks(motion))
                found |= dict(zip(OUR_SYNC, sync_confidence(self.sync, landmarks, content), strict=True))
            if self.syncnet and long_enough:
                distances = syncnet_distances(self.syncnet, self._pictures(motion), clip.waveform)
                scores = metrics.sync_distance(distances), metrics.sync_confidence(distances)
                found |= dict(zip(LSE, scores, strict=True))
            rows.append({name: found.get(name, float("nan")) for name in self.error_columns})
        return rows

    def features(self, motion: Motion) -> dict[str, NDArray[Any]]:
        """Rows of features of one motion, by the Frechet distance that they enter."""
        found = {VISUAL: self.stage.look(motion), MOTION: motion_features(self.stage.landmarks(motion))}
        if self.attention:
            seen = torch.from_numpy(self._pictures(motion)).float() / 255
            with torch.inference_mode():
                found[VE_FID] = self.attention(seen)[None].numpy()
        return found

    def _vertex_errors(
        self, true: Float[NDArray[Any], "frames vertices 3"], found: Float[NDArray[Any], "frames vertices 3"]
    ) -> dict[str, float]:
        lips, upper = self.stage.lips, self.stage.upper
        values = (
            metrics.vertex_error_squared(true[:, lips], found[:, lips]) / SQUARED_UNIT,
            metrics.vertex_error_root_mm(true[:, lips], found[:, lips]),
            metrics.mean_vertex_error_mm(true[:, lips], found[:, lips]),
            metrics.mean_vertex_error_mm(true[:, upper], found[:, upper]),
            metrics.vertex_error_squared(true[:, upper], found[:, upper]) / SQUARED_UNIT,
            metrics.vertex_error_root_mm(true[:, upper], found[:, upper]),
        )
        return dict(zip(ERRORS, values, strict=True))

    def _pictures(self, motion: Motion) -> UInt8[NDArray[Any], "frames 224 224 3"]:
        assert self.portrait is not None, "foreign judges look at portraits"
        with torch.inference_mode():
            vertices = self.stage.head.vertices(torch.from_numpy(motion))
            return np.asarray(self.portrait.render(vertices).cpu().numpy())


def motion_features(landmarks: Float[NDArray[Any], "frames 68 3"]) -> Float[NDArray[Any], "frames 306"]:
    """Of every frame the places of the landmarks off the jaw line, and their change since the last, mm."""
    places = 1000 * landmarks[:, 17:].reshape(len(landmarks), -1).astype(np.float64)
    return np.concatenate([places, np.diff(places, axis=0, prepend=places[:1])], axis=1)


@torch.inference_mode()
def syncnet_distances(
    syncnet: SyncNet,
    pictures: UInt8[NDArray[Any], "frames 224 224 3"],
    waveform: Float[NDArray[Any], " samples"],
) -> Float[NDArray[Any], "windows 31"]:
    """Distances of SyncNet's windows of five pictures to the sound of each shift."""
    heard = torch.from_numpy(mfcc(waveform)).float()
    n = min(len(pictures) - FRAMES + 1, (len(heard) - _STEPS) // _STEPS_PER_FRAME + 1)
    faces = torch.from_numpy(np.ascontiguousarray(pictures[..., ::-1]))  # blue, green, red
    seen, spoken = [], []
    for start in range(0, n, _WINDOWS_AT_ONCE):
        window = range(start, min(start + _WINDOWS_AT_ONCE, n))
        seen.append(syncnet.see(torch.stack([faces[i : i + FRAMES] for i in window]).float()))
        steps = [_STEPS_PER_FRAME * i for i in window]
        spoken.append(syncnet.hear(torch.stack([heard[i : i + _STEPS] for i in steps])))
    return metrics.shifted_distances(torch.cat(seen).numpy(), torch.cat(spoken).numpy())


def weighted_means(rows: list[tuple[int, Mapping[str, float]]]) -> dict[str, float]:
    """Means over clips, each weighted by its frames; clips without a number are left out of it."""
    out = {}
    for name in rows[0][1] if rows else ():
        known = [(n, values[name]) for n, values in rows if np.isfinite(values[name])]
        total = sum(n for n, _ in known)
        out[name] = sum(n * value for n, value in known) / total if total else float("nan")
    return out
