"""What is finer than the mesh, painted sample by sample: round irises, brows of hairs, cropped hair."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

WINDOW = (-0.26, 0.30, 1.0)
"""Direction of the window seen in the eyes."""
WINDOW_SIZE = (0.17, 0.22)  # half its width and height as a slope
PUPIL = 0.40  # of the iris's angle
CORNEA = 0.55  # how much more the cornea curves than the eyeball

SCLERA, VEINS = (0.70, 0.66, 0.62), (0.56, 0.34, 0.30)
IRIS_INNER, IRIS_OUTER, LIMBUS = (0.235, 0.200, 0.130), (0.085, 0.150, 0.190), (0.018, 0.026, 0.034)
BROW_COLOUR, BROW_COVER = (0.066, 0.036, 0.023), 0.92
GRAIN, N_GRAINS = 0.24, 16  # depth of the speckle of cropped hair, and waves it is made of
PUPIL_COLOUR = (0.004, 0.004, 0.005)


def eye_colour(
    light: Float[Tensor, "samples 3"],
    normals: Float[Tensor, "samples 3"],
    gaze: Float[Tensor, "samples 3"],
    reach: Float[Tensor, "samples lights"],
    iris_angle: float,
) -> Float[Tensor, "samples 3"]:
    """Linear colour of samples on an eyeball.

    Args:
        light: diffuse light that arrives.
        gaze: direction from the eye's centre, where the eye at rest looks along +z.
        reach: share of each lamp, and lastly of the sky, that gets past the lids.
        iris_angle: radians from the axis to the iris's rim.
    """
    gaze = functional.normalize(gaze, dim=-1)
    off_axis = torch.atan2(gaze[:, :2].norm(dim=-1), gaze[:, 2]) / iris_angle  # 1 on the iris's rim
    around = torch.atan2(gaze[:, 1], gaze[:, 0])
    albedo = _albedo(off_axis, around)
    # light gathers on the side of the iris away from the window
    caustic = (-(gaze[:, 0] * WINDOW[0] + gaze[:, 1] * WINDOW[1]) / iris_angle).clamp(-1, 1)
    within = 1 - _step(off_axis, 0.93, 1.0)
    colour = albedo * light * (1 + 0.9 * caustic * within * (off_axis > PUPIL))[:, None]
    shine = _window(normals, gaze, within) * (0.25 + 0.75 * reach[:, -1:])
    edge = (1 - normals[:, 2:].clamp(0, 1)) ** 3
    return colour + 0.85 * shine + 0.02 * edge


def _albedo(
    off_axis: Float[Tensor, "samples"], around: Float[Tensor, "samples"]
) -> Float[Tensor, "samples 3"]:
    """Colour by distance from the axis in iris radii, and angle."""
    fibres = _waves(around, ((17.0, 0.0), (29.0, 1.3), (41.0, 2.1), (67.0, 0.7)))
    ring = _step(off_axis + 0.06 * fibres, PUPIL * 1.05, 0.80)
    iris = _mix(IRIS_INNER, IRIS_OUTER, ring) * (1 + 0.35 * fibres)[:, None]
    iris = _mix(iris, LIMBUS, _step(off_axis, 0.76, 0.98))
    pupil = 1 - _step(off_axis, PUPIL * 0.94, PUPIL * 1.06)
    white = _mix(SCLERA, VEINS, 0.75 * _step(off_axis, 1.5, 3.1))
    return _mix(_mix(iris, PUPIL_COLOUR, pupil), white, _step(off_axis, 0.95, 1.07))


def _window(
    normals: Float[Tensor, "samples 3"], gaze: Float[Tensor, "samples 3"], within: Float[Tensor, "samples"]
) -> Float[Tensor, "samples 1"]:
    """How much of the window an eye mirrors towards the viewer."""
    bulge = torch.cat([gaze[:, :2], torch.zeros_like(gaze[:, 2:])], dim=-1)
    normals = functional.normalize(normals + CORNEA * within[:, None] * bulge, dim=-1)
    mirrored = 2 * normals[:, 2:] * normals - normals.new_tensor((0.0, 0.0, 1.0))
    slope = mirrored[:, :2] / mirrored[:, 2:].clamp(min=0.05)
    distance = (slope - normals.new_tensor(WINDOW[:2])).abs() - normals.new_tensor(WINDOW_SIZE)
    pane = (1 - _step(distance, -0.05, 0.05)).prod(-1, keepdim=True)
    return pane * (mirrored[:, 2:] > 0.1)


def brow_colour(
    light: Float[Tensor, "samples 3"], strokes: Float[Tensor, "samples 2"], skin: Float[Tensor, "3"]
) -> Float[Tensor, "samples 3"]:
    """Linear colour of samples on a brow; `strokes` run along it from the inner end and across it, 0..1."""
    along, across = strokes[:, 0], strokes[:, 1]
    # hairs stand upright at the inner end and lie down towards the tail
    lean = across * (0.5 + 3.0 * along)
    hairs = _waves(9 * along - lean, ((6.1, 0.0), (9.7, 1.9), (15.3, 4.0)))
    middle = 1 - (2 * across - 1).abs()
    rim = _step(middle + 0.20 * hairs, 0.0, 0.60)
    ends = _step(along + 0.05 * hairs, 0.0, 0.16) * (1 - _step(along, 0.72, 1.0) * 0.75)
    cover = (BROW_COVER * rim * ends * (1 + 0.16 * hairs)).clamp(0, 1)
    hair = light.new_tensor(BROW_COLOUR) * (1 + 0.3 * hairs)[:, None]
    return light * _mix(skin, hair, cover)


def hair_grain(rest: Float[Tensor, "samples 3"]) -> Float[Tensor, "samples 1"]:
    """Factor of the colour of cropped hair at points of the head at rest (m): a millimetre's speckle."""
    order = torch.arange(N_GRAINS, dtype=rest.dtype, device=rest.device)
    height, turn = 1 - (2 * order + 1) / N_GRAINS, 2.39996 * order  # evenly over the sphere
    ring = (1 - height * height).sqrt()
    direction = torch.stack([ring * turn.cos(), height, ring * turn.sin()], dim=-1)  # (waves, 3)
    frequency = 1800 + 2600 * (order * 0.61803 % 1)  # radians per metre
    waves = torch.sin(rest @ (direction * frequency[:, None]).mT + 4 * order)
    return 0.86 * torch.exp(GRAIN * math.sqrt(2 / N_GRAINS) * waves.sum(-1, keepdim=True))


def _waves(x: Tensor, waves: tuple[tuple[float, float], ...]) -> Tensor:
    """Mean of sines of (frequency, phase): a grain -1..1 without a texture."""
    return torch.stack([torch.sin(frequency * x + phase) for frequency, phase in waves]).mean(0)


def _step(x: Tensor, low: float, high: float) -> Tensor:
    """0 below low, 1 above high, smooth between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def _mix(
    a: Tensor | tuple[float, ...], b: Tensor | tuple[float, ...], share: Float[Tensor, "samples"]
) -> Float[Tensor, "samples 3"]:
    """From a (share 0) to b (share 1)."""
    first, second = (c if isinstance(c, Tensor) else share.new_tensor(c) for c in (a, b))
    return first + (second - first) * share[:, None]
