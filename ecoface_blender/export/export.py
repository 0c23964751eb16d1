"""Out of the scene: one door for all kinds of files. What is seen is what is written; the scene stays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..atomic_write import written_beside
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds, head_arrays
from ..heads.rig import Rig
from ..takes import evaluated
from . import scene_files, text_files


@dataclass(frozen=True, kw_only=True)
class Options:
    """What of the head is written, and how."""

    start: int | None = None
    """First and last frame; all that is animated without."""
    end: int | None = None
    keys: str = "SAFE"
    """SAFE: each key as two of 0..1, as engines take them. RAW: as they are. ARKIT: the 52 of ARKit."""
    jaw_bone: bool = False
    """The jaw as a bone rather than as keys: exact skinning."""
    target: str = "UNREAL"
    """For whom an FBX is: a name in `scene_files.TARGETS`."""
    animation_only: bool = False
    """An FBX carries the curves of the keys and of the jaw's bone, and of each mesh only a triangle."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of file."""

    label: str
    what: str
    suffix: str
    write: Callable[..., None]
    has_keys: bool
    """Whether the file holds a mesh with keys, so that `Options.keys` and `jaw_bone` say something."""
    most_bytes: Callable[[bpy.types.Context, Rig, int], int] = lambda *_: 0
    """How much room to see to first, where the exporter does not survive a full disk."""


KINDS = {
    "FBX": Kind(
        label="FBX",
        what="Shape keys and their animation, for game engines and Maya",
        suffix=".fbx",
        write=scene_files.write_fbx,
        has_keys=True,
    ),
    "GLTF": Kind(
        label="glTF",
        what="Morph targets and their animation, for the web and engines",
        suffix=".glb",
        write=scene_files.write_gltf,
        has_keys=True,
    ),
    "USD": Kind(
        label="USD",
        what="Blend shapes and their animation, for pipelines",
        suffix=".usdc",
        write=scene_files.write_usd,
        has_keys=True,
        most_bytes=scene_files.usd_bytes,
    ),
    "ALEMBIC": Kind(
        label="Alembic",
        what="Where every vertex is in every frame, modifiers applied",
        suffix=".abc",
        write=scene_files.write_alembic,
        has_keys=False,
        most_bytes=scene_files.alembic_bytes,
    ),
    "LIVE_LINK": Kind(
        label="Live Link Face",
        what="ARKit's 52 curves in a table, as the app Live Link Face records",
        suffix=".csv",
        write=text_files.write_csv,
        has_keys=False,
    ),
    "JSON": Kind(
        label="JSON",
        what="All curves as plain numbers, for scripts of your own",
        suffix=".json",
        write=text_files.write_json,
        has_keys=False,
    ),
}


def write(
    context: bpy.types.Context,
    speaker: bpy.types.Object | None,
    path: str | Path,
    options: Options | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    settings: EngineSettings | None = None,
) -> Path:
    """Write what the speaker does to a file of the kind that the suffix says; the scene stays as it is.

    `arrays` are those of the speaker's head, as `own_head.load_head` gives them; by default they are fetched
    where they are needed (ARKit's curves, a jaw bone), those of a FLAME head by the engine's settings.

    Raises:
        EcoFaceBlenderError: if this is no head, nothing moves it, or the file cannot be written; there is no
            new file then.
    """
    path, options = Path(path), options or Options()
    kind = next((kind for kind in KINDS.values() if kind.suffix == path.suffix.lower()), None)
    if kind is None:
        known = ", ".join(each.suffix for each in KINDS.values())
        raise EcoFaceBlenderError(f"Expected a name ending in {known}, found '{path.name}'; change its end.")
    if context.mode != "OBJECT":
        active = context.view_layer.objects.active
        raise EcoFaceBlenderError(f"'{active.name}' is being edited; go back to Object Mode first.")
    rig = face_kinds.known_rig(speaker)
    frames = evaluated.frames_asked(context, rig, options.start, options.end)

    def fetch() -> Mapping[str, np.ndarray]:
        return (
            arrays if arrays is not None else head_arrays.of_head(rig.speaker, settings or EngineSettings())
        )

    with written_beside(path, kind.most_bytes(context, rig, len(frames))) as beside:
        kind.write(context, rig, beside, frames, options, fetch)
    return path
