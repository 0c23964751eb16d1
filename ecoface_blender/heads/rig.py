"""What a chosen character is, which of its parts move with it, and which curves a motion becomes on them."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..channels import Channel
from ..core.jaw_skinning import rotations
from ..core.motion_file import FlameMotion
from ..engine import engine
from ..engine.settings import EngineSettings
from ..errors import EcoFaceBlenderError, refusals_of_core
from . import jaw_bone, look_keys, own_head, shape_keys, source_curves, speech
from .feelings import KeyEffect, beside_speech
from .head_bones import HeadBones
from .head_turn import HeadTurn
from .key_effects import key_effects
from .mapping import Row
from .recognition import ARKIT_KIND as ARKIT
from .retarget import follow
from .speech import Speech

OWN, MAPPED, FLAME = "EcoFace", "mapping", "FLAME"
SPOKEN = frozenset(speech.NAMES)
"""Sources of curves that come from speech."""


@dataclass(frozen=True)
class Rig:
    """A speaker that can be animated, found once by `face_kinds.rig_of`, and what a motion becomes on it."""

    kind: str
    speaker: bpy.types.Object
    parts: tuple[bpy.types.Object, ...]
    """Meshes that move, the speaker first."""
    rows: tuple[tuple[bpy.types.Object, Row], ...]
    """Which curve moves what on which part; for bones, of which armature. None on our own head."""
    jaw: str | None
    """The bone that takes the jaw's rotation, of the speaker's armature."""
    bones: HeadBones | None = None
    """Those that turn head and eyes, where there are any."""

    def make_editable(self) -> None:
        """Let the shape keys of an overridden character be animated here: its meshes are overridden, too."""
        for part in self.parts:
            if part.override_library and part.data.library:
                part.data.override_create(remap_local_usages=True)

    def coefficients(self, settings: EngineSettings) -> str:
        """Name of the head whose coefficients a motion for this speaker must be, by the engine's settings.

        Raises:
            EcoFaceBlenderError: if it is a FLAME head while neither model nor file are of FLAME.
        """
        if self.kind == OWN:
            return own_head.head_name(self.speaker)
        if self.kind != FLAME:
            return source_curves.reference_name()
        if settings.flame:
            return f"FLAME ({Path(settings.flame).stem})"
        spoken = engine.model_head(settings.model)
        if spoken in ("", source_curves.reference_name()):
            raise EcoFaceBlenderError(
                f"'{self.speaker.name}' is a FLAME head, which the model does not speak by itself; "
                "choose your FLAME file in the preferences of EcoFace."
            )
        return spoken

    def channels(
        self, motion: np.ndarray, said: Speech | None = None, turn: HeadTurn | None = None
    ) -> list[Channel]:
        """The curves of a motion (T, 53) on this speaker and its parts.

        `said` is what it says and feels, `turn` how head and eyes turn; without that they have no curves.

        Raises:
            EcoFaceBlenderError: if the motion is not (T, 53) finite numbers.
        """
        if self.kind == OWN:
            return own_head.channels(self.speaker, motion) + self.turned(turn)
        with refusals_of_core():
            FlameMotion(motion)
        wanted = {row.source for _, row in self.rows}
        looks = turn if wanted & look_keys.UNITS else None  # by keys, which take the lids along themselves
        curves = source_curves.curves(motion, wanted, said, looks.gaze if looks else None)
        if looks:
            curves |= look_keys.curves(looks, wanted)
        if self.kind == ARKIT:
            curves |= self._on_this_head(curves, motion)
        if effects := self._effects():
            said = said or source_curves.speech_of_shape(motion)
            lips = (said.said.closed, said.said.speaking, said.closed_slowly, said.speaking_slowly)
            curves = beside_speech(curves, effects, *lips)
        out = [each for owner, row in self.rows for each in _row_channels(owner, row, curves[row.source])]
        armature = jaw_bone.armature_of(self.speaker)
        if self.jaw and armature:
            jaw = jaw_bone.jaw_of(motion)
            out += jaw_bone.rotation_channels(armature, self.jaw, jaw, list(self.parts))
        return out + self.turned(turn)

    def turned(self, turn: HeadTurn | None) -> list[Channel]:
        """The curves of the bones of head and eyes; none of the eyes' where keys turn the eyes themselves."""
        if self.bones is None or turn is None:
            return []
        return self.bones.channels(turn, eyes=not look_keys.turn_eyes(self.bones, self.rows))

    @property
    def has_reference_lids(self) -> bool:
        """Whether a motion for this speaker is of the reference head, whose lids are known."""
        own = self.kind == OWN
        return (
            own_head.head_name(self.speaker) == source_curves.reference_name() if own else self.kind != FLAME
        )

    @property
    def speaks(self) -> bool:
        """Whether what is said and felt moves this speaker, and not only the shape of the motion."""
        return any(row.source in SPOKEN for _, row in self.rows)

    @property
    def owners(self) -> list[bpy.types.ID]:
        """The data-blocks that a take of this speaker moves; its own shape keys first."""
        moved = {owner for owner, row in self.rows if row.kind == "KEY"}
        parts = [part for part in self.parts if part in moved or self.kind == OWN]
        out: list[bpy.types.ID] = [part.data.shape_keys for part in parts]
        out += [owner for owner, row in self.rows if row.kind == "BONE"]
        if self.jaw:
            out.append(jaw_bone.armature_of(self.speaker))
        if self.bones:
            out.append(self.bones.armature)
        return list(dict.fromkeys(out))

    @property
    def moved_keys(self) -> tuple[str, ...]:
        """Those of the speaker's own shape keys that a take moves."""
        if self.kind == OWN:
            return own_head.key_names(self.speaker)
        return tuple(row.target for owner, row in self.rows if owner == self.speaker and row.kind == "KEY")

    def _on_this_head(self, curves: dict[str, np.ndarray], motion: np.ndarray) -> dict[str, np.ndarray]:
        """ARKit's curves of a motion, changed so that this head's lips and lids follow the reference's."""
        moved: dict[bpy.types.Object, dict[str, list[tuple[str, float]]]] = {part: {} for part in self.parts}
        for part, row in self.rows:
            moved[part].setdefault(row.source, []).append((row.target, row.gain))
        heads = [shape_keys.retarget_of(part, keys, self.jaw) for part, keys in moved.items()]
        turns = rotations(jaw_bone.jaw_of(motion)) if self.jaw else None
        return follow(
            [each for each in heads if each], curves, source_curves.reference_mouth().measure(motion), turns
        )

    def _effects(self) -> dict[str, KeyEffect]:
        """What the emotion keys of a face do to lips and lids, as read off its speaker's mesh."""
        own = {
            row.source: row.target for part, row in self.rows if part == self.speaker and row.kind == "KEY"
        }
        return key_effects(self.speaker, own)


def _row_channels(owner: bpy.types.Object, row: Row, curve: np.ndarray) -> list[Channel]:
    values = row.values(curve)
    if row.kind == "BONE":
        return jaw_bone.axis_channel(owner, row.target, row.axis, values)
    keys = owner.data.shape_keys
    return [Channel(keys, keys.key_blocks[row.target].path_from_id("value"), -1, values)]
