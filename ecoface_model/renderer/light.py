"""The studio of the previews: its lights, how much of each reaches a vertex, how colours reach the screen."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from ecoface_model.renderer.raster import depth_buffer, vertex_normals

SHADOW_SIZE = 128  # pixels of a shadow map's edge
SHADOW_BIAS = 0.0025  # metres
SMOOTHING = 3  # rounds over neighbours, of light that was sampled


@dataclass(frozen=True)
class Light:
    """A soft lamp far away; directions point from the head to the lamp."""

    direction: tuple[float, float, float]
    colour: tuple[float, float, float]
    spread: float
    """Radians, half the angle under which the lamp is seen: how soft its shadows are."""

    def towards(self, like: Tensor) -> Float[Tensor, "3"]:
        """The unit vector to the lamp."""
        return functional.normalize(like.new_tensor(self.direction), dim=0)


KEY = Light((-0.62, 0.52, 0.72), (1.42, 1.31, 1.18), 0.22)
FILL = Light((0.80, 0.12, 0.75), (0.17, 0.20, 0.245), 0.45)
RIM = Light((0.85, 0.45, -0.55), (0.80, 0.86, 0.95), 0.25)
BACK = Light((-0.85, 0.30, -0.75), (0.40, 0.43, 0.47), 0.25)
LIGHTS = (KEY, FILL, RIM, BACK)
SKY, GROUND = (0.27, 0.29, 0.325), (0.17, 0.135, 0.115)
WRAP = (0.34, 0.20, 0.14)
"""How far light reaches round the terminator of skin, by colour: red light travels furthest inside."""


def irradiance(
    normals: Float[Tensor, "batch vertices 3"], reach: Float[Tensor, "vertices lights"]
) -> Float[Tensor, "batch vertices 3"]:
    """Diffuse light at every vertex; the last column of `reach` is the share of the sky that it sees."""
    wrap = normals.new_tensor(WRAP)
    up = normals[..., 1:2] * 0.5 + 0.5
    sky, ground = normals.new_tensor(SKY), normals.new_tensor(GROUND)
    # light that bounces inside folds of skin comes out redder
    open_sky = reach[:, -1:] ** normals.new_tensor((0.80, 1.0, 1.08))
    total = (ground + (sky - ground) * up) * open_sky
    for index, light in enumerate(LIGHTS):
        facing = (normals @ light.towards(normals))[..., None]
        soft = ((facing + wrap) / (1 + wrap)).clamp(min=0)
        total = total + soft * soft.sqrt() * normals.new_tensor(light.colour) * reach[:, index : index + 1]
    return total


@torch.no_grad()
def light_reach(
    vertices: Float[Tensor, "vertices 3"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "vertices lights"]:
    """Share 0..1 of each lamp, and lastly of the sky, that a vertex sees past the rest of the head."""
    normals = vertex_normals(vertices[None], faces)[0]
    bundles = [_cone(light.towards(vertices), light.spread, 9 if light is KEY else 5) for light in LIGHTS]
    bundles.append(_sphere(vertices, 40))
    seen = torch.split(_sees(vertices, normals, faces, torch.cat(bundles)), [len(b) for b in bundles])
    columns = [part.mean(0) for part in seen[:-1]]
    facing = (bundles[-1] @ normals.mT).clamp(min=0)  # (directions, V)
    columns.append((seen[-1] * facing).sum(0) / facing.sum(0).clamp(min=1e-6))
    return _smooth(torch.stack(columns, dim=1), faces)


def _cone(direction: Float[Tensor, "3"], spread: float, count: int) -> Float[Tensor, "count 3"]:
    """Directions spread evenly over a lamp."""
    golden = math.pi * (3 - math.sqrt(5))
    order = torch.arange(count, dtype=direction.dtype, device=direction.device)
    radius = math.tan(spread) * ((order + 0.5) / count).sqrt()
    side = functional.normalize(torch.linalg.cross(direction, direction.new_tensor((0.0, 1.0, 0.0))), dim=0)
    up = torch.linalg.cross(side, direction)
    turn = golden * order
    offset = (radius * turn.cos())[:, None] * side + (radius * turn.sin())[:, None] * up
    return functional.normalize(direction + offset, dim=-1)


def _sphere(like: Tensor, count: int) -> Float[Tensor, "count 3"]:
    """Directions spread evenly over the whole sphere (Fibonacci)."""
    golden = math.pi * (3 - math.sqrt(5))
    order = torch.arange(count, dtype=like.dtype, device=like.device)
    y = 1 - (2 * order + 1) / count
    ring = (1 - y * y).sqrt()
    return torch.stack([ring * (golden * order).cos(), y, ring * (golden * order).sin()], dim=-1)


def _sees(
    vertices: Float[Tensor, "vertices 3"],
    normals: Float[Tensor, "vertices 3"],
    faces: Int[Tensor, "faces 3"],
    directions: Float[Tensor, "directions 3"],
) -> Float[Tensor, "directions vertices"]:
    """1 where nothing stands between a vertex and a far point in a direction, by shadow maps."""
    centre = (vertices.amax(0) + vertices.amin(0)) / 2
    radius = (vertices - centre).norm(dim=-1).max() * 1.02
    scale = SHADOW_SIZE / (2 * radius)
    upright = directions[:, 1:2].abs() > 0.95
    up = torch.where(upright, directions.new_tensor((1.0, 0, 0)), directions.new_tensor((0, 1.0, 0)))
    x = functional.normalize(torch.linalg.cross(up, directions), dim=-1)
    axes = torch.stack([x, -torch.linalg.cross(directions, x), -directions], dim=1)  # (D, 3, 3)

    def view(points: Tensor) -> Tensor:
        local = (points - centre) @ axes.mT  # (D, V, 3)
        screen = local[..., :2] * scale + SHADOW_SIZE / 2
        return torch.cat([screen, 1 + local[..., 2:]], dim=-1)  # 1 m off, so that depth stays positive

    seen = []
    for first in range(0, len(directions), 8):
        part = slice(first, first + 8)
        nearest = depth_buffer(view(vertices)[part], faces, (SHADOW_SIZE, SHADOW_SIZE)).flatten(1)
        points = view(vertices + normals * SHADOW_BIAS)[part]
        column, row = (points[..., k].long().clamp(0, SHADOW_SIZE - 1) for k in (0, 1))
        blocker = 1 / nearest.gather(1, row * SHADOW_SIZE + column).clamp(min=1e-3)
        seen.append((points[..., 2] < blocker + SHADOW_BIAS).to(vertices.dtype))
    return torch.cat(seen)


def _smooth(
    values: Float[Tensor, "vertices n"], faces: Int[Tensor, "faces 3"]
) -> Float[Tensor, "vertices n"]:
    """Means over neighbours: takes the grain out of sampled light."""
    ones = torch.ones_like(values[:, :1])
    for _ in range(SMOOTHING):
        total = torch.cat([values, ones], dim=1)
        around = total * 2
        for k in range(3):
            for j in (1, 2):
                around = around.index_add(0, faces[:, k], total[faces[:, (k + j) % 3]])
        values = around[:, :-1] / around[:, -1:]
    return values


def rolled_off(linear: Float[Tensor, "*pixels 3"]) -> Float[Tensor, "*pixels 3"]:
    """Linear light as the screen shall show it, 0..1: highlights rolled off instead of clipped."""
    white = 2.2
    return (linear * (1 + linear / white**2) / (1 + linear) * 1.18).clamp(0, 1)


def to_srgb(shown: Float[Tensor, "*pixels 3"]) -> Float[Tensor, "*pixels 3"]:
    """Linear 0..1 -> sRGB 0..255."""
    high = 1.055 * shown.clamp(min=1e-6) ** (1 / 2.4) - 0.055
    return torch.where(shown < 0.0031308, shown * 12.92, high) * 255
