"""A shot of a speaking head in one click: camera, light, frames and playback."""

from . import operators

CLASSES = (*operators.CLASSES,)
