"""Performances whose mood is to be seen: a face tracker's coefficients, or what another head does now."""

from pathlib import Path

import bpy
import numpy as np

from ..animation import actions, adjust
from ..core.constants import FRAME_RATE
from ..core.motion_file import FlameMotion
from ..core.npz import read_npz
from ..core.tracker import sequence_of
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError, refusals_of_core
from ..heads import own_head
from ..heads.jaw_shape_keys import PLAIN_KEYS
from ..heads.rig import Rig
from ..sound import sequencer
from ..takes import curves, evaluated, stored, takes


def from_file(path: Path, flame: str, folder: str) -> Path:
    """A performance that the engine can read: an .npz of EcoFace as it is, a tracker's written into `folder`.

    A tracker's coefficients are those of `flame`, the FLAME head of the preferences.

    Raises:
        EcoFaceBlenderError: if the file is missing or holds no performance, or there is no FLAME head.
    """
    if not path.is_file():
        raise EcoFaceBlenderError(f"Expected a performance at '{path}', found none; choose another file.")
    with refusals_of_core():
        arrays = read_npz(path)
    if {"motion", "fps", "metadata"} <= arrays.keys():
        return path
    with refusals_of_core():
        seen = sequence_of(arrays, path, cut=True)
    if not flame:
        raise EcoFaceBlenderError(
            f"The coefficients in '{path.name}' are FLAME's; choose your FLAME head in the preferences of "
            "EcoFace, which gives them their meaning."
        )
    motion = np.hstack([seen.expression, seen.jaw])
    return write(motion, seen.fps or FRAME_RATE, _name_of(Path(flame)), folder)


def of_head(context: bpy.types.Context, rig: Rig, settings: EngineSettings, folder: str) -> Path:
    """What a head does now, written into `folder`: the motion of the take that it plays, else its keys.

    Raises:
        EcoFaceBlenderError: if nothing moves it, or its keys cannot be read as coefficients.
    """
    performer = rig.speaker
    take = takes.played(performer)
    if found := take and stored.motion_of(take):
        upper = stored.upper_of(take)
        assert upper is not None, "of a whole take"
        motion = adjust.adjusted(*found, upper, curves.settings_of(take))
        name = actions.read_metadata(take).get("head") or rig.coefficients(settings)
        return write(motion, found[1], str(name), folder)
    if reason := _why_not_readable(performer):
        raise EcoFaceBlenderError(reason)
    frames = evaluated.frames_asked(context, rig, None, None)
    motion = evaluated.motion_of(performer, evaluated.key_values(context, rig, frames))
    return write(motion, sequencer.scene_rate(context.scene), own_head.head_name(performer), folder)


def write(motion: np.ndarray, rate: float, name: str, folder: str) -> Path:
    """A motion (T, 53) of the named head as an .npz that the engine reads."""
    path = Path(folder) / "performance.npz"
    with refusals_of_core():
        FlameMotion(motion.astype(np.float32), rate, {"head": name}).write(path)
    return path


def _why_not_readable(performer: bpy.types.Object) -> str | None:
    """Why a head without a take cannot be a reference."""
    keys = performer.data.shape_keys if performer.type == "MESH" else None
    blocks = keys.key_blocks if keys else {}
    if keys is None or any(name not in blocks for name in (*own_head.EXPRESSION_KEYS, *PLAIN_KEYS)):
        return (
            f"'{performer.name}' plays no take, and its keys are not EcoFace's; generate a take on it, "
            "or choose a head that Add Head made."
        )
    animation = keys.animation_data
    if animation is None or not (animation.action or animation.nla_tracks or animation.drivers):
        return f"Nothing moves '{performer.name}' yet; generate or key a performance, or choose another head."
    return None


def _name_of(flame: Path) -> str:
    """How the engine names a head by its file."""
    if flame.suffix.lower() != ".npz":
        return f"FLAME ({flame.stem})"
    return str(own_head.load_head(flame)["name"])
