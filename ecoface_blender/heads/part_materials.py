"""Eyes, teeth, tongue and the mouth's inside as nodes."""

from collections.abc import Mapping

import numpy as np

from .looks import Look
from .node_tree import Nodes, Socket
from .regions import REST

UV_RADIUS = 0.45  # of an eyeball in its UVs, around their middle
CORNEA = 0.0011  # metres that it stands out
COLOURS = "Color"
GUM = (0.36, 0.105, 0.090)


def iris_and_pupil(arrays: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Their rims' distances from the middle of an eye's UVs."""
    names = [str(name) for name in arrays["material_names"]]
    radii = []
    for name in ("iris", "pupil"):
        uv = arrays["uv"][arrays["uv_faces"][arrays["material"] == names.index(name)]]
        radii.append(float(np.linalg.norm(uv - 0.5, axis=-1).max()))
    return radii[0], radii[1]


def paint_eye(nodes: Nodes, look: Look, iris: float, pupil: float) -> None:
    """An eyeball: fibres in the iris, a dark rim, veins in the white, a cornea that mirrors."""
    split = nodes.node("ShaderNodeSeparateXYZ", nodes.uv())
    x, y = nodes.add(split.outputs[0], -0.5), nodes.add(split.outputs[1], -0.5)
    off = nodes.math("SQRT", nodes.add(nodes.times(x, x), nodes.times(y, y)))
    off = nodes.times(off, 1 / iris)  # 1 on the iris's rim
    around = nodes.math("ARCTAN2", y, x)
    ring = nodes.node(
        "ShaderNodeCombineXYZ", nodes.math("COSINE", around), nodes.math("SINE", around)
    ).outputs[0]
    colour = nodes.mix(_rim(nodes, off, 0.94, 1.06), _iris(nodes, look, ring, off), _white(nodes, off))
    colour = nodes.mix(
        _rim(nodes, off, pupil / iris * 1.04, pupil / iris * 0.95), colour, (0.002, 0.002, 0.002)
    )
    dome = nodes.math("SUBTRACT", 1.0, nodes.math("MINIMUM", nodes.times(off, off), 1.35))
    nodes.set(
        base_color=colour,
        roughness=0.22,
        specular_ior_level=0.3,
        subsurface_weight=0.0,
        coat_weight=1.0,
        coat_roughness=0.02,
        coat_normal=nodes.bump(dome, CORNEA),
    )


def _rim(nodes: Nodes, off: Socket, low: float, high: float) -> Socket:
    return nodes.ramp(off, low, high)


def _iris(nodes: Nodes, look: Look, ring: Socket, off: Socket) -> Socket:
    fibres = nodes.node("ShaderNodeVectorMath", ring, (1, 1, 1), operation="MULTIPLY").outputs[0]
    depth = nodes.node("ShaderNodeCombineXYZ", 0.0, 0.0, nodes.times(off, 0.35)).outputs[0]
    place = nodes.node("ShaderNodeVectorMath", fibres, depth, operation="ADD").outputs[0]
    threads = nodes.noise(place, 9.0, 4.0)
    inner = nodes.ramp(nodes.add(off, nodes.times(threads, 0.5)), 0.95, 0.55)
    colour = nodes.mix(inner, look.iris, look.iris_inner)
    light = nodes.ramp(threads, 0.35, 0.68)
    dark = tuple(0.42 * value for value in look.iris)
    colour = nodes.mix(light, dark, colour)
    limbus = tuple(0.12 * value for value in look.iris)
    return nodes.mix(nodes.ramp(off, 0.74, 0.99), colour, limbus)


def _white(nodes: Nodes, off: Socket) -> Socket:
    uv = nodes.uv()
    bent = nodes.noise(uv, 9.0, 3.0)
    veins = nodes.ramp(nodes.math("ABSOLUTE", nodes.add(bent, -0.5)), 0.018, 0.0)
    far = nodes.ramp(off, 1.15, 2.3)
    white = nodes.mix(far, (0.62, 0.595, 0.56), (0.54, 0.42, 0.38))
    return nodes.mix(nodes.times(nodes.times(veins, far), 0.35), white, (0.52, 0.16, 0.13))


def paint_teeth(nodes: Nodes, _look: Look) -> None:
    """Enamel and gum; the head's own colours tell them apart and darken the back."""
    colour = nodes.node("ShaderNodeVertexColor", layer_name=COLOURS).outputs["Color"]
    nodes.set(
        base_color=colour,
        roughness=0.20,
        specular_ior_level=0.5,
        subsurface_weight=0.15,
        subsurface_radius=(1.0, 0.8, 0.6),
        subsurface_scale=0.001,
        coat_weight=0.25,
        coat_roughness=0.06,
    )


def paint_tongue(nodes: Nodes, _look: Look) -> None:
    """Papillae, a groove along the middle, wet."""
    place = nodes.attribute(REST, "Vector")
    colour = nodes.node("ShaderNodeVertexColor", layer_name=COLOURS).outputs["Color"]
    rough = nodes.cells(place, 1100.0)
    coated = nodes.ramp(nodes.noise(place, 300.0, 3.0), 0.35, 0.75)
    colour = nodes.mix(nodes.times(coated, 0.35), colour, (0.42, 0.20, 0.19))
    x = nodes.node("ShaderNodeSeparateXYZ", place).outputs[0]
    groove = nodes.ramp(nodes.math("ABSOLUTE", x), 0.0028, 0.0)
    height = nodes.add(nodes.times(rough, 0.00025), nodes.times(groove, -0.0008))
    nodes.set(
        base_color=nodes.mix(nodes.times(groove, 0.35), colour, (0.12, 0.018, 0.018)),
        roughness=0.42,
        subsurface_weight=0.3,
        subsurface_radius=(1.0, 0.3, 0.2),
        subsurface_scale=0.002,
        coat_weight=0.35,
        coat_roughness=0.18,
        normal=nodes.bump(height, 1.0),
    )


def paint_mouth(nodes: Nodes, _look: Look) -> None:
    """Wet, and dark towards the throat by the head's own colours."""
    colour = nodes.node("ShaderNodeVertexColor", layer_name=COLOURS).outputs["Color"]
    nodes.set(base_color=colour, roughness=0.45, specular_ior_level=0.2, coat_weight=0.15, coat_roughness=0.2)
