"""What is ready of a line already plays, while the engine computes the rest: Live Preview.

An action of its own holds the keys so far; the take comes in its place when all is there, and what was played
before comes back where the line is given up. Only names are held meanwhile.
"""

from contextlib import suppress

import bpy
import numpy as np

from ..animation import actions
from ..animation.adjust import Settings
from ..channels import Channel
from ..core.constants import EXPRESSION_DIM, FRAME_RATE, GAZE_DIM, HEAD_DIM, MOTION_DIM
from ..errors import EcoFaceBlenderError
from ..heads import face_kinds
from ..request import GenerationRequest
from ..sound import sequencer
from ..worker import protocol
from . import curves, evaluated, stored, takes, turns
from .playback import Playback

NAME = "EcoFace Live Preview"
MARK = "ecoface_live_preview"
"""Custom property of its action, by which a file's own action of that name is never meant."""
WIDTHS = {"motion": MOTION_DIM, "head": HEAD_DIM, "gaze": GAZE_DIM}
GROWTH = 1.5  # keys are written anew when there are so many times as many frames: long lines cost no more


class LivePreview:
    """The line that is being made, as far as it is ready."""

    def __init__(self, request: GenerationRequest, extend: bool = False):
        """`extend` lets a scene that ends too early go on meanwhile."""
        self._request = request
        self._playback = Playback(request, extend)
        self._parts: list[dict[str, np.ndarray]] = []
        """Motion (n, 53), head (n, 3) and gaze (n, 2); these two may be empty."""
        self._ready = self._written = 0  # frames
        self._before: list[tuple[str, str] | None] = []
        """Of each data-block that the face animates: the action that it played and the slot, by name."""
        self._values: list[tuple[int, str, int, float]] = []
        """What the preview moves, as it stood: the data-block's number, path and index, and the value."""

    def add(self, part: protocol.Frames) -> None:
        """More of it is ready."""
        numbers = protocol.unpacked(part)
        found = {
            name: np.frombuffer(numbers[name], "<f4").reshape(-1, width) for name, width in WIDTHS.items()
        }
        if part.first < self._ready:  # the engine was started again
            self._parts, self._ready = [], 0
        self._parts.append(found)
        self._ready += len(found["motion"])

    def show(self) -> None:
        """Keys of all that is ready; a face that cannot be previewed now is left as it is."""
        if not self._parts or self._ready < GROWTH * self._written:
            return
        with suppress(EcoFaceBlenderError):  # which the take's own keys will say
            whole = {name: np.concatenate([part[name] for part in self._parts]) for name in WIDTHS}
            last_frame = self._write(**whole)
            self._written = self._ready
            self._playback.show(last_frame)

    def keep(self) -> None:
        """The take is there in its place: Blender plays on."""
        self._playback.keep()

    def end(self) -> None:
        """Take it away again, and give back what was played before, and how the scene was."""
        self.clear()
        self._playback.end()

    def clear(self) -> None:
        """Take its keys away, and give back what was played before."""
        if not self._written:
            return
        self._written = 0
        with suppress(EcoFaceBlenderError):  # scene or head are gone, and with them what to give back
            _scene, speaker = takes.stage(self._request)
            owners = face_kinds.known_rig(speaker).owners
            for number, path, index, value in self._values:
                with suppress(IndexError, KeyError, ValueError, AttributeError):  # gone meanwhile
                    evaluated.set_value(Channel(owners[number], path, index, np.zeros(0)), value)
            for owner, before in zip(owners, self._before, strict=False):
                if owner.animation_data and _is_preview(owner.animation_data.action):
                    owner.animation_data.action = None
                    _give_back(owner, *(before or ("", "")))
        for action in [each for each in bpy.data.actions if _is_preview(each)]:
            bpy.data.actions.remove(action)

    def _write(self, motion: np.ndarray, head: np.ndarray, gaze: np.ndarray) -> float:
        """Keys of all that is ready, in place of those before; gives the frame of the last.

        Raises:
            EcoFaceBlenderError: if scene or head are no more what they were, or the face plays edits.
        """
        scene, speaker = takes.stage(self._request)
        if takes.edited(speaker) is not None:
            raise EcoFaceBlenderError("A face that plays edits shows a new take when it is whole.")
        rig = face_kinds.known_rig(speaker)
        rig.make_editable()
        playing = [owner.animation_data and owner.animation_data.action for owner in rig.owners]
        if not self._written:
            self._before = [
                (action.name, owner.animation_data.action_slot.identifier)
                if action and owner.animation_data.action_slot
                else None
                for owner, action in zip(rig.owners, playing, strict=True)
            ]
        story = {
            "first_frame": self._request.first_frame,
            "scene_rate": sequencer.scene_rate(scene),
            "emotion": self._request.emotion or "neutral",
        }
        upper = np.zeros((EXPRESSION_DIM, EXPRESSION_DIM), np.float32)  # nothing is turned up or down
        beside = {
            stored.HEAD: head if len(head) else None,
            stored.GAZE: gaze if len(gaze) else None,
            stored.PHONES: None,
        }
        aim = turns.still_aim(scene, rig, len(motion))
        frames, channels = curves.shown(
            rig, story, motion, float(FRAME_RATE), beside, upper, None, Settings(), aim
        )
        if not self._written:
            self._values = [
                (rig.owners.index(each.id_data), each.path, each.index, evaluated.value_of(each))
                for each in channels
                if each.id_data in rig.owners
            ]
        actions.open_sliders(channels)
        action = actions.write_channels(channels, frames, NAME, story)
        action[MARK] = True
        action.use_fake_user = False
        for old in {each.name: each for each in playing if _is_preview(each)}.values():
            bpy.data.actions.remove(old)
        action.name = NAME
        return float(frames[-1])


def _is_preview(action: bpy.types.Action | None) -> bool:
    return action is not None and MARK in action


def _give_back(owner: bpy.types.ID, name: str, identifier: str) -> None:
    """Let a data-block play an action again, if it is still there."""
    action = bpy.data.actions.get(name)
    for slot in action.slots if action else ():
        if slot.identifier == identifier:
            actions.assign(owner, action, slot)
