"""Performances whose mood is to be seen: a face tracker's coefficients, or what another head does now."""

import json
from pathlib import Path

import bpy
import numpy as np

from ..animation import actions, adjust
from ..errors import EcoFaceBlenderError
from ..heads import own_head, rigs
from ..sound import sequencer
from ..takes import evaluated, stored

USUAL_RATE = 25.0
"""Frames a second of a tracker's file that does not say."""
JAW_IN_POSE = {6: slice(3, 6), 15: slice(6, 9)}
"""Where the jaw lies in a pose: EMOCA's and DECA's global + jaw; FLAME's global + neck + jaw + eyes."""
EXPECTED = "expected arrays `exp` and `pose`, or `expression` and `jaw`"


def from_file(path: Path, flame: str, folder: str) -> Path:
    """A performance that the engine can read: an .npz of EcoFace as it is, a tracker's written into `folder`.

    A tracker's coefficients are those of `flame`, the FLAME head of the preferences.

    Raises:
        EcoFaceBlenderError: if the file is missing or holds no performance, or there is no FLAME head.
    """
    if not path.is_file():
        raise EcoFaceBlenderError(f"Expected a performance at '{path}', found none; choose another file.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise EcoFaceBlenderError(
            f"Expected arrays in '{path.name}', found a damaged file or pickled objects; export it again."
        ) from error
    if {"motion", "fps", "metadata"} <= arrays.keys():
        return path
    motion = _tracked(arrays, path)
    if not flame:
        raise EcoFaceBlenderError(
            f"The coefficients in '{path.name}' are FLAME's; choose your FLAME head in the preferences of "
            "EcoFace, which gives them their meaning."
        )
    rate = arrays.get("fps", np.array(USUAL_RATE))
    if rate.size != 1 or not 1 <= float(rate.item()) <= 1000:
        raise EcoFaceBlenderError(
            f"Expected frames a second as `fps` in '{path.name}', found {rate}; correct it."
        )
    return write(motion, float(rate.item()), _name_of(Path(flame)), folder)


def of_head(context: bpy.types.Context, performer: bpy.types.Object, flame: str, folder: str) -> Path:
    """What a head does now, written into `folder`: the motion of the take that it plays, else its keys.

    `flame` is the FLAME head of the preferences.

    Raises:
        EcoFaceBlenderError: if nothing moves it, or its keys cannot be read as coefficients.
    """
    from ..takes import takes

    take = takes.played(performer)
    if found := take and stored.motion_of(take):
        upper = np.frombuffer(take[stored.UPPER], "<f4").reshape(own_head.N_EXPRESSIONS, -1)
        motion = adjust.adjusted(*found, upper, takes.settings_of(take))
        name = actions.read_metadata(take).get("head") or rigs.coefficients(performer, flame)
        return write(motion, found[1], str(name), folder)
    if reason := _why_not_readable(performer):
        raise EcoFaceBlenderError(reason)
    frames = evaluated.frames_asked(context, performer, None, None)
    motion = evaluated.motion_of(performer, evaluated.key_values(context, performer, frames))
    return write(motion, sequencer.scene_rate(context.scene), own_head.head_name(performer), folder)


def write(motion: np.ndarray, rate: float, name: str, folder: str) -> Path:
    """A motion (T, 53) of the named head as an .npz that the engine reads."""
    path = Path(folder) / "performance.npz"
    np.savez(path, motion=motion.astype(np.float32), fps=rate, metadata=np.array(json.dumps({"head": name})))
    return path


def _why_not_readable(performer: bpy.types.Object) -> str | None:
    """Why a head without a take cannot be a reference."""
    keys = performer.data.shape_keys if performer.type == "MESH" else None
    blocks = keys.key_blocks if keys else {}
    if any(name not in blocks for name in (*own_head.EXPRESSION_KEYS, *evaluated.PLAIN_KEYS)):
        return (
            f"'{performer.name}' plays no take, and its keys are not EcoFace's; generate a take on it, "
            "or choose a head that Add Head made."
        )
    animation = keys.animation_data
    if animation is None or not (animation.action or animation.nla_tracks or animation.drivers):
        return f"Nothing moves '{performer.name}' yet; generate or key a performance, or choose another head."
    return None


def _tracked(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray:
    """The motion (T, 53) of a tracker's arrays, under either of their names."""
    if "motion" in arrays:
        return _rows(arrays["motion"], own_head.N_EXPRESSIONS + 3, "motion", path)
    if {"expression", "jaw"} <= arrays.keys():
        expression, jaw = arrays["expression"], _rows(arrays["jaw"], 3, "jaw", path)
    elif {"exp", "pose"} <= arrays.keys():
        pose = arrays["pose"]
        width = pose.shape[-1] if pose.ndim else 0
        if width not in JAW_IN_POSE:
            raise EcoFaceBlenderError(
                f"Expected poses of 6 or 15 numbers a frame in '{path.name}', found {pose.shape}; "
                "choose the tracker's own file."
            )
        expression, jaw = arrays["exp"], _rows(pose, width, "pose", path)[:, JAW_IN_POSE[width]]
    else:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise EcoFaceBlenderError(f"In '{path.name}' {EXPECTED}, found {found}; choose another file.")
    expression = _rows(expression, own_head.N_EXPRESSIONS, "expressions", path)
    if len(expression) != len(jaw):
        raise EcoFaceBlenderError(
            f"Expected as many jaws as expressions in '{path.name}', found {len(jaw)} and "
            f"{len(expression)}; run the tracker again."
        )
    return np.hstack([expression, jaw])


def _rows(array: np.ndarray, width: int, name: str, path: Path) -> np.ndarray:
    """(T, width) finite numbers; further expressions than ours are left out."""
    found = array.shape[1] if array.ndim == 2 else 0
    fits = found == width or (name == "expressions" and found > width)
    if not fits or not len(array) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise EcoFaceBlenderError(
            f"Expected {name} of {width} finite numbers a frame in '{path.name}', found {array.shape} "
            f"of {array.dtype}; run the tracker again."
        )
    return array[:, :width].astype(np.float64)


def _name_of(flame: Path) -> str:
    """How the engine names a head by its file."""
    if flame.suffix.lower() != ".npz":
        return f"FLAME ({flame.stem})"
    return str(own_head.load_head(flame)["name"])
