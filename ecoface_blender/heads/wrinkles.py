"""Wrinkles of our own head: lines painted on the face from the front, deepened by its expressions.

Three channels of one picture, as wrinkle maps have: lines of a raised brow, of a frown or a wrinkled nose, of
a smile. Their depths are properties of the head object, driven by its expression keys: what landmarks of
brows, nose and mouth move is linear in the expression, so a weighted sum of keys tells it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import bpy
import numpy as np

from ..core.jaw_skinning import expression_directions
from . import own_head

LONGEST_EXPRESSION = 255  # characters of a driver
NAMES = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Channel:
    """One set of lines."""

    property: str
    """Of the head object, 0..1."""
    moved: tuple[tuple[tuple[int, ...], tuple[float, float], float], ...]
    """Landmarks (iBUG), direction (outwards, up), and by how many metres of it the lines are deepest."""
    lines: tuple[tuple[tuple[tuple[float, float], ...], float, float], ...]
    """Points (x, y) in mm of the left side, which the right mirrors; half width in mm; depth 0..1."""


_BROWS, _INNER = (17, 18, 19, 20, 21, 22, 23, 24, 25, 26), (20, 21, 22, 23)
CHANNELS = (
    Channel(
        "ecoface_brow_up",
        ((_BROWS, (0, 1), 0.0075),),
        (
            (((0, 67.5), (14, 69), (26, 70), (38, 66)), 0.75, 0.75),
            (((0, 75), (15, 76.5), (30, 77), (44, 72)), 0.80, 1.0),
            (((0, 83), (16, 84.5), (31, 84), (45, 79)), 0.85, 0.95),
            (((0, 91.5), (14, 92.5), (28, 91)), 0.80, 0.6),
        ),
    ),
    Channel(
        "ecoface_frown",
        ((_INNER, (0, -1), 0.0055), ((31, 32, 33, 34, 35), (0, 1), 0.0050)),
        (
            (((5.5, 46), (5.0, 54), (6.5, 61), (9, 67)), 0.80, 1.0),
            (((1.2, 50), (1.5, 60)), 0.60, 0.35),
            (((0, 39.5), (4, 39), (8, 36.5)), 0.75, 0.8),
            (((0, 35.5), (4, 35), (7, 33)), 0.65, 0.5),
            (((7, 31), (10.5, 28), (13, 24)), 0.70, 0.7),
            (((8.5, 35), (13, 31), (16, 26)), 0.70, 0.6),
            (((15, 11), (20, 5), (25, -5), (29, -15)), 1.90, 0.45),
        ),
    ),
    Channel(
        "ecoface_smile",
        (((48, 54), (0.6, 0.8), 0.0130), ((40, 41, 46, 47), (0, 1), 0.0045)),
        (
            (((44.5, 39.5), (50, 43), (55, 46.5)), 0.70, 0.40),
            (((45, 37), (51, 38), (57, 40.5)), 0.75, 0.55),
            (((44.5, 34.5), (50, 33), (56, 32.5)), 0.70, 0.45),
            (((43, 31.5), (47, 28.5), (52, 26.5)), 0.65, 0.25),
            (((19, 30), (27, 27), (36, 27.5), (43, 31)), 0.85, 0.35),
            (((15, 5), (21, 0), (28, -9), (33, -20), (34.5, -29)), 2.20, 0.55),
        ),
    ),
)


class _Picture:
    """The lines as an image of the face from the front, red, green and blue the three channels."""

    name = "EcoFace Wrinkles"
    size = 512
    low, high = np.array([-80.0, -60.0]), np.array([80.0, 110.0])  # mm, corners
    scale = (1000 / 160.0, 1000 / 170.0, 0.0)
    shift = (80 / 160.0, 60 / 170.0, 0.0)

    def image(self) -> bpy.types.Image:
        """The image in this file; painted once."""
        if found := bpy.data.images.get(self.name):
            return found
        image = bpy.data.images.new(self.name, self.size, self.size, is_data=True)
        pixels = np.ones((self.size, self.size, 4), dtype=np.float32)
        pixels[..., :3] = np.stack([self.painted(channel) for channel in CHANNELS], axis=-1)
        image.pixels.foreach_set(pixels.ravel())
        image.update()
        image.pack()
        return image

    def painted(self, channel: Channel) -> np.ndarray:
        """(size, size) depths 0..1, rows from below."""
        half = self.size // 2
        x = np.linspace(0, self.high[0], half, dtype=np.float32)[None]
        y = np.linspace(self.low[1], self.high[1], self.size, dtype=np.float32)[:, None]
        waver = 0.5 * np.sin(x / 3.1) * np.cos(y / 4.3)  # nothing on a face is drawn with a ruler
        depth = np.zeros((self.size, half), dtype=np.float32)
        for points, width, deepest in channel.lines:
            depth = np.maximum(depth, deepest * _valley(x, y + waver, np.array(points), width))
        return np.hstack([depth[:, ::-1], depth])


def _valley(x: np.ndarray, y: np.ndarray, points: np.ndarray, width: float) -> np.ndarray:
    """1 on a line of points (n, 2), fading to its sides and ends; one from the middle has one end."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    begun = np.concatenate([[0], np.cumsum(steps)])
    out = np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=np.float32)
    for (a, b), step, before in zip(pairwise(points), steps, begun, strict=False):
        share = (((x - a[0]) * (b[0] - a[0]) + (y - a[1]) * (b[1] - a[1])) / step**2).clip(0, 1)
        away = np.square(x - a[0] - share * (b[0] - a[0])) + np.square(y - a[1] - share * (b[1] - a[1]))
        along = (before + share * step) / begun[-1]
        start = np.ones_like(along) if points[0, 0] == 0 else (along / 0.25).clip(0, 1)
        taper = np.minimum(start, ((1 - along) / 0.35).clip(0, 1))
        out = np.maximum(out, taper * np.exp(-away / (2 * width**2)))
    return out


picture = _Picture()


def drive(head: bpy.types.Object, arrays: Mapping[str, np.ndarray]) -> None:
    """Let the head's expression keys deepen its wrinkles."""
    for channel in CHANNELS:
        weights = _weights(arrays, channel)
        head[channel.property] = 0.0
        head.id_properties_ui(channel.property).update(min=0.0, max=1.0, description="Depth of wrinkles")
        path = f'["{channel.property}"]'
        head.driver_remove(path)
        driver = head.driver_add(path).driver
        driver.type = "SCRIPTED"
        terms: list[str] = []
        for name, key in zip(NAMES, np.argsort(-np.abs(weights)), strict=False):
            term = f"{weights[key]:+.3f}*{name}".replace("0.", ".")
            if len("min(1,max(0,))") + sum(map(len, terms)) + len(term) > LONGEST_EXPRESSION:
                break
            terms.append(term)
            variable = driver.variables.new()
            variable.name = name
            variable.targets[0].id = head  # a copy of the head then follows its own keys
            block = own_head.EXPRESSION_KEYS[key]
            variable.targets[0].data_path = f'data.shape_keys.key_blocks["{block}"].value'
        driver.expression = f"min(1,max(0,{''.join(terms)}))"


def _weights(arrays: Mapping[str, np.ndarray], channel: Channel) -> np.ndarray:
    """(50,) depth by one unit of each expression coefficient."""
    corners = arrays["faces"][arrays["landmark_faces"]]  # (68, 3)
    shares = arrays["landmark_barycentric"]
    directions = expression_directions(arrays).astype(np.float64)
    out = np.zeros(directions.shape[-1])
    for landmarks, (outwards, up), deepest in channel.moved:
        for number in landmarks:
            moved = np.einsum("k,kxe->xe", shares[number], directions[corners[number]])  # (3, 50)
            side = np.sign(shares[number] @ arrays["v_template"][corners[number], 0])
            out += (outwards * side * moved[0] + up * moved[1]) / (deepest * len(landmarks))
    return out
