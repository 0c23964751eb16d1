"""What a head does as it is seen, frame by frame: after actions, NLA tracks, drivers and edits by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import bpy
import numpy as np

from .errors import EcoFaceBlenderError
from .head import EXPRESSION_KEYS, why_not_a_head
from .jaw_keys import PLAIN_KEYS
from .keyframes import animated_frames


def frames_asked(
    context: bpy.types.Context, head: bpy.types.Object | None, start: int | None, end: int | None
) -> np.ndarray:
    """The whole frames asked for; by default those that the head is animated in.

    Raises:
        EcoFaceBlenderError: if this is no head, nothing moves it, or the frames are not in order.
    """
    if reason := why_not_a_head(head):
        raise EcoFaceBlenderError(reason)
    if start is None or end is None:
        first, last = animated_frames(head.data.shape_keys, context.scene)
        start, end = first if start is None else start, last if end is None else end
    if end < start:
        raise EcoFaceBlenderError(f"Expected frames in order, found {start} to {end}; swap them.")
    return np.arange(start, end + 1, dtype=np.float64)


def key_values(context: bpy.types.Context, head: bpy.types.Object, frames: np.ndarray) -> np.ndarray:
    """Values (frames, keys) of all keys but the basis; a muted key is 0."""
    return key_values_and_places(context, head, frames)[0]


def key_values_and_places(
    context: bpy.types.Context, head: bpy.types.Object, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values (frames, keys) as `key_values`, and where the head is in the world, (frames, 4, 4)."""
    keys = head.data.shape_keys
    muted = np.array([block.mute for block in keys.key_blocks[1:]], dtype=bool)
    values = np.empty((len(frames), len(keys.key_blocks)), dtype=np.float32)
    places = np.empty((len(frames), 4, 4))
    with time_kept(context.scene, keys):
        for row, frame in enumerate(frames):
            context.scene.frame_set(int(frame))
            depsgraph = context.evaluated_depsgraph_get()
            keys.evaluated_get(depsgraph).key_blocks.foreach_get("value", values[row])
            places[row] = head.evaluated_get(depsgraph).matrix_world
    values = values[:, 1:]
    values[:, muted] = 0
    return values, places


def motion_of(head: bpy.types.Object, values: np.ndarray) -> np.ndarray:
    """The motion (frames, 53) that a head's key values (frames, keys) show, edits by hand included.

    The three plain jaw keys are proportional to the axis of the jaw's rotation times the sine of its angle.
    """
    column = {block.name: index for index, block in enumerate(head.data.shape_keys.key_blocks[1:])}
    sines = np.zeros((len(values), 3))
    for name, (axis, degrees) in PLAIN_KEYS.items():
        sines[:, axis] = values[:, column[name]] * np.sin(np.radians(degrees))
    sine = np.linalg.norm(sines, axis=1, keepdims=True)
    angle = np.arcsin(sine.clip(max=1))
    jaw = sines * np.divide(angle, sine, out=np.ones_like(sine), where=sine > 1e-9)
    return np.hstack([values[:, [column[name] for name in EXPRESSION_KEYS]], jaw])


def offsets(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) from the key it is relative to."""
    return coordinates(block) - coordinates(block.relative_key)


def coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    """(V, 3) of one key, in the object's space."""
    out = np.empty(len(block.data) * 3, dtype=np.float32)
    block.data.foreach_get("co", out)
    return out.reshape(-1, 3)


@contextmanager
def frame_range(scene: bpy.types.Scene, frames: np.ndarray, keys: bpy.types.Key) -> Iterator[None]:
    """The scene runs from the first to the last of these frames for a while."""
    before = scene.frame_start, scene.frame_end
    with time_kept(scene, keys):
        scene.frame_start, scene.frame_end = int(frames[0]), int(frames[-1])
        try:
            yield
        finally:
            scene.frame_start, scene.frame_end = before


@contextmanager
def time_kept(scene: bpy.types.Scene, keys: bpy.types.Key) -> Iterator[None]:
    """Afterwards the scene is back in its frame, with sliders moved but not keyed there where they were."""
    frame, subframe = scene.frame_current, scene.frame_subframe
    values = np.empty(len(keys.key_blocks), dtype=np.float32)
    keys.key_blocks.foreach_get("value", values)
    try:
        yield
    finally:
        scene.frame_set(frame, subframe=subframe)
        keys.key_blocks.foreach_set("value", values)
