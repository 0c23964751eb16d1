"""A curve of a data-block over time: what a motion becomes on a head, before anything is written."""

from dataclasses import dataclass

import bpy
import numpy as np


@dataclass(frozen=True)
class Channel:
    """One curve of a data-block over time."""

    id_data: bpy.types.ID
    """Shape keys (a Key) or an Object."""
    path: str
    """RNA path from the data-block, such as 'key_blocks["Jaw Open"].value'."""
    index: int
    """Into an array property; -1 for a single number."""
    values: np.ndarray
    """(T,), one for each frame."""


def key_channels(keys: bpy.types.Key, names: tuple[str, ...], values: np.ndarray) -> list[Channel]:
    """Values (frames, keys) of the named key blocks as channels."""
    paths = [keys.key_blocks[each].path_from_id("value") for each in names]
    return [Channel(keys, path, -1, column) for path, column in zip(paths, values.T, strict=True)]
