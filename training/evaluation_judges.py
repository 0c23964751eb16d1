"""Who judges a motion in the evaluation's table: vertices, our own networks, the user's foreign judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray

from ecoface_model.config import EXPRESSION_DIM
from ecoface_model.errors import ModelFileError
from ecoface_model.renderer_portrait import Portrait
from training import metrics
from training.cepstra import cepstra
from training.evaluation_clips import HeldOut, Motion, Stage
from training.evaluation_networks import FACE_SIZE, FRAMES, FrameAttention, SyncNet, read_judge
from training.sync_expert import MAX_SHIFT, SyncExpert, sync_confidence

SQUARED_UNIT = 1e-5  # m^2, in which the paper prints LVE
ERRORS = (
    "LVE (1e-5 m²)", "LVE root (mm)", "lips (mm)", "upper face (mm)", "EVE (1e-5 m²)", "EVE root (mm)",
)  # fmt: skip
OUR_SYNC = ("sync distance (ours)", "sync confidence (ours)")
LSE = ("LSE-D", "LSE-C")
VISUAL, MOTION, VE_FID = "Frechet (our visual encoder)", "Frechet (motion)", "VE-FID"
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

    def errors(self, clip: HeldOut, motion: Motion) -> dict[str, float]:
        """Numbers of one motion of a clip, against the clip's own motion and its sound."""
        found = {}
        if motion is not clip.motion:
            found = self._vertex_errors(clip, motion)
        if self.sync and len(motion) >= FRAMES + MAX_SHIFT:
            landmarks = torch.from_numpy(self.stage.landmarks(motion))
            content = torch.from_numpy(self.stage.content(clip))
            found |= dict(zip(OUR_SYNC, sync_confidence(self.sync, landmarks, content), strict=True))
        if self.syncnet and len(motion) >= FRAMES + MAX_SHIFT:
            distances = syncnet_distances(self.syncnet, self._pictures(motion), clip.waveform)
            found |= {LSE[0]: metrics.sync_distance(distances), LSE[1]: metrics.sync_confidence(distances)}
        return {name: found.get(name, float("nan")) for name in self.error_columns}

    def features(self, motion: Motion) -> dict[str, NDArray[Any]]:
        """Rows of features of one motion, by the Frechet distance that they enter."""
        found = {VISUAL: self.stage.look(motion), MOTION: motion_features(motion)}
        if self.attention:
            seen = torch.from_numpy(self._pictures(motion)).float() / 255
            with torch.inference_mode():
                found[VE_FID] = self.attention(seen)[None].numpy()
        return found

    def _vertex_errors(self, clip: HeldOut, motion: Motion) -> dict[str, float]:
        true, found = self.stage.vertices(clip.motion), self.stage.vertices(motion)
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


def motion_features(motion: Motion) -> Float[NDArray[Any], "frames 106"]:
    """Coefficients and their change of every frame; the jaw in units of 0.06 rad, as large as the others."""
    scaled = motion.astype(np.float64)
    scaled[:, EXPRESSION_DIM:] /= 0.06
    return np.concatenate([scaled, np.diff(scaled, axis=0, prepend=scaled[:1])], axis=1)


@torch.inference_mode()
def syncnet_distances(
    syncnet: SyncNet,
    pictures: UInt8[NDArray[Any], "frames 224 224 3"],
    waveform: Float[NDArray[Any], " samples"],
) -> Float[NDArray[Any], "windows 31"]:
    """Distances of SyncNet's windows of five pictures to the sound of each shift."""
    heard = torch.from_numpy(cepstra(waveform)).float()
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
