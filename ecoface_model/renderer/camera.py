"""The camera before a face, and the light on a grey one: numbers that both rasterisers share."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecoface_model.arrays import NDArray

GREY_SIZE = 128  # pixels, edge of the faces the visual encoder sees
GREY_FOCAL = 4754.98 / 2  # pixels (numbers of the published code)
GREY_DISTANCE = 2.9  # metres from the head's origin
GREY_HEIGHT = -0.02  # metres, of the camera before FLAME's head (published code)
LIGHT_ANGLE = 30.0  # degrees off the viewing axis, of four of the five lights


@dataclass(frozen=True)
class Pinhole:
    """A pinhole camera that looks along -z, as FLAME's faces look along +z."""

    focal: float
    """In pixels."""
    centre: tuple[float, float]
    """Pixel (x, y) that the viewing axis meets."""
    position: tuple[float, float, float]
    """In metres, in the head's frame."""

    def on_screen(self, x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
        """Screen coordinates and distance of points in the head's frame, of numpy or of PyTorch."""
        distance = self.position[2] - z
        scale = self.focal / distance
        screen_x = self.centre[0] + scale * (x - self.position[0])
        return screen_x, self.centre[1] - scale * (y - self.position[1]), distance


def grey_view(
    height: float = GREY_HEIGHT, size: int = GREY_SIZE
) -> tuple[float, tuple[float, float], tuple[float, float, float]]:
    """Focal length, centre and position of the camera of the faces that the visual encoder sees.

    Args:
        height: metres; the published -0.02 suits FLAME, half way from chin to brows suits any head.
    """
    return GREY_FOCAL * size / GREY_SIZE, (size / 2, size / 2), (0.0, height, GREY_DISTANCE)


def grey_lights() -> NDArray[np.float32]:
    """Directions (5, 3) to the lights: one from the camera, four LIGHT_ANGLE to each side, above, below."""
    sides = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    tilt = sides * math.radians(LIGHT_ANGLE)
    lights = np.concatenate([np.sin(tilt), np.cos(tilt).prod(axis=1, keepdims=True)], axis=1)
    directions: NDArray[np.float32] = lights.astype(np.float32)
    return directions
