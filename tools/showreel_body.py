"""What carries the two heads of the showreel: shoulders that breathe and go with the head's turns, later."""

from collections.abc import Sequence
from math import radians

import bpy
import numpy as np
from mathutils import Vector

from ecoface_blender.heads.head_turn import rotation_vectors
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.head_pose import head_angles
from ecoface_model.head_motion.draws import unrest
from ecoface_model.head_motion.head import BREATHS, DRAWN, drawn_breaths

HIP = 0.34  # metres below the head's joint about which a torso leans
FOLLOWS = np.array([0.3, 0.4, 0.3])  # of yaw, pitch and roll of the head about their means
LATER, WIDTH = 0.12, 0.28  # seconds by which a torso is later than the head, and over which it follows
SWAY, SLOW = np.array([0.6, 0.8, 0.6]), (0.05, 0.3)  # degrees of yaw, pitch, roll, standard deviations; Hz
BREATH = 0.3, 0.0015  # degrees back, and metres up of the shoulders, with a breath
DRAWN_UP = 0.003  # metres of the breath that is drawn before a line

Phrases = Sequence[tuple[float, float]]
"""Seconds from and to."""


def turns(rotated: np.ndarray, phrases: Phrases, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Yaw, pitch and roll of a torso (T, 3), in radians, and how far its shoulders are up (T,), in metres.

    Args:
        rotated: (T, 3, 3) of the head on it.
        phrases: what it says.
    """
    seconds, random = np.arange(len(rotated)) / FRAME_RATE, np.random.RandomState(seed)
    angles = head_angles(rotation_vectors(rotated))
    swayed = np.radians(SWAY) * np.stack([unrest(random, seconds, *SLOW) for _ in range(3)], axis=1)
    breath = np.sin(2 * np.pi * BREATHS * seconds + random.uniform(0, 6))
    drawn = drawn_breaths(phrases, seconds) / DRAWN
    turned = FOLLOWS * _later(angles - angles.mean(axis=0)) + swayed
    turned[:, 1] += radians(BREATH[0]) * (breath + drawn)
    return turned, BREATH[1] * breath + DRAWN_UP * drawn


def put_on(head: bpy.types.Object, cloth: bpy.types.Object, turned: np.ndarray, up: np.ndarray) -> None:
    """Let a head and its clothes go with a torso, of every frame from 1 on."""
    torso = bpy.data.objects.new(f"{head.name} Torso", None)
    bpy.context.collection.objects.link(torso)
    torso.location = head.location - Vector((0, 0, HIP))
    torso.rotation_euler = head.rotation_euler
    bpy.context.view_layer.update()
    for item in (head, cloth):
        item.parent, item.matrix_parent_inverse = torso, torso.matrix_world.inverted()
    yaw, pitch, roll = turned.T
    _animate(torso, "rotation_euler", np.stack([-pitch, -roll, head.rotation_euler.z + yaw]))
    _animate(cloth, "location", cloth.location[2] + up[None], first=2)


def _animate(item: bpy.types.Object, path: str, values: np.ndarray, first: int = 0) -> None:
    """Curves of a property's components (n, T) from one on, a key in every frame from 1 on."""
    action = bpy.data.actions.new(f"{item.name} Moves")
    item.animation_data_create().action = action
    frames = np.arange(1.0, values.shape[1] + 1)
    for index, curve in enumerate(values, start=first):
        points = action.fcurve_ensure_for_datablock(item, path, index=index).keyframe_points
        points.add(len(frames))
        points.foreach_set("co", np.column_stack([frames, curve]).astype(np.float32).ravel())


def _later(angles: np.ndarray) -> np.ndarray:
    """A Gaussian mean over time (T, n), some frames later; beyond the ends they hold."""
    width, later = WIDTH * FRAME_RATE, round(LATER * FRAME_RATE)
    reach = int(np.ceil(3 * width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    padded = np.pad(angles, ((reach + later, reach), (0, 0)), mode="edge")[: len(angles) + 2 * reach]
    return np.stack([np.convolve(each, weights / weights.sum(), "valid") for each in padded.T], axis=1)
