"""Eyes, teeth, tongue and the mouth's inside as nodes."""

from collections.abc import Mapping

import numpy as np

from .looks import Look
from .node_tree import Nodes, Socket
from .regions import REST

UV_RADIUS = 0.45  # of an eyeball in its UVs, around their middle
CORNEA = 0.0011  # metres that it stands out
COLOURS = "Color"
GUM, TONGUE = (0.40, 0.130, 0.115), (0.40, 0.095, 0.090)
CHEEK, ENAMEL = (0.075, 0.018, 0.016), (0.47, 0.42, 0.34)
SHADED_ENAMEL, SHADED_TONGUE = (0.07, 0.055, 0.043), (0.10, 0.026, 0.024)
"""Of the mouth's inside where Solid view shows one colour for all of a part: of what is seen of it.

Lower teeth and tongue lie in the shade of the lips, which that view does not draw."""
METAL_IN_SOLID = {"mouth": 1.0, "tongue": 0.7}
"""Metals mirror in their own colour: with less of it cheeks and throat shine as pale as a tongue in Solid
view, and a tongue as pale as lips."""
N_TEETH = 12  # in an arch's UVs
GUM_EDGE, GUM_ARC = 0.395, 0.13
"""Where gums end between two teeth in the arch's UVs (0.14 the neck of a crown, 0.71 its edge), and how much
higher over the middle of each."""
TEARS = 0.45  # share of light that the water mirrors


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
    white = nodes.mix(far, (0.56, 0.535, 0.505), (0.46, 0.33, 0.29))
    return nodes.mix(nodes.times(nodes.times(veins, far), 0.35), white, (0.52, 0.16, 0.13))


def paint_teeth(nodes: Nodes, _look: Look) -> None:
    """Enamel, darker between teeth as the head's own colours have it, and gums in arcs over each tooth.

    UVs run from the gum over the edge to the tongue's side, and along the arch, N_TEETH in it.
    """
    split = nodes.node("ShaderNodeSeparateXYZ", nodes.uv())
    down, along = split.outputs[0], split.outputs[1]
    phase = nodes.times(nodes.math("FRACT", nodes.times(along, N_TEETH)), np.pi)
    arc = nodes.math("SINE", phase)  # 0 between two teeth, 1 in the middle of one
    edge = nodes.add(nodes.times(arc, -GUM_ARC), GUM_EDGE)
    past = nodes.math("SUBTRACT", down, edge)
    gum = nodes.math("MAXIMUM", nodes.ramp(past, 0.010, -0.010), nodes.ramp(down, 0.90, 0.97))
    place = nodes.attribute(REST, "Vector")
    depth = nodes.node("ShaderNodeSeparateXYZ", place).outputs[2]
    enamel = nodes.node("ShaderNodeVertexColor", layer_name=COLOURS).outputs["Color"]
    root = nodes.ramp(past, 0.10, 0.0)  # enamel is thinner and warmer at the gum
    enamel = nodes.mix(nodes.times(root, 0.45), enamel, (1.0, 0.86, 0.68), blend="MULTIPLY")
    flesh = nodes.mix(nodes.ramp(nodes.noise(place, 420.0, 3.0), 0.35, 0.7), GUM, (0.46, 0.17, 0.15))
    flesh = nodes.mix(nodes.ramp(depth, 0.055, 0.090), (0.03, 0.006, 0.005), flesh)
    raised = nodes.add(
        nodes.times(gum, 0.0004), nodes.times(nodes.noise(place, 1500.0), nodes.times(gum, 0.0001))
    )
    nodes.set(
        base_color=nodes.mix(gum, enamel, flesh),
        roughness=nodes.add(nodes.times(gum, 0.12), 0.22),
        specular_ior_level=0.5,
        subsurface_weight=0.2,
        subsurface_radius=(1.0, 0.7, 0.5),
        subsurface_scale=0.0012,
        coat_weight=0.25,
        coat_roughness=0.06,
        normal=nodes.bump(raised, 1.0),
    )


def paint_tongue(nodes: Nodes, _look: Look) -> None:
    """Papillae, a groove along the middle, wet; darker towards the throat."""
    place = nodes.attribute(REST, "Vector")
    split = nodes.node("ShaderNodeSeparateXYZ", place).outputs
    colour = nodes.mix(nodes.ramp(split[2], 0.030, 0.082), (0.06, 0.012, 0.011), TONGUE)
    rough = nodes.cells(place, 1100.0)
    coated = nodes.ramp(nodes.noise(place, 300.0, 3.0), 0.35, 0.75)
    colour = nodes.mix(nodes.times(coated, 0.35), colour, (0.44, 0.22, 0.20))
    groove = nodes.ramp(nodes.math("ABSOLUTE", split[0]), 0.0028, 0.0)
    height = nodes.add(nodes.times(rough, 0.00018), nodes.times(groove, -0.0008))
    nodes.set(
        base_color=nodes.mix(nodes.times(groove, 0.35), colour, (0.12, 0.018, 0.018)),
        roughness=0.40,
        subsurface_weight=0.3,
        subsurface_radius=(1.0, 0.3, 0.2),
        subsurface_scale=0.002,
        coat_weight=0.45,
        coat_roughness=0.14,
        normal=nodes.bump(height, 1.0),
    )


def paint_mouth(nodes: Nodes, _look: Look) -> None:
    """Wet; red behind the lips, dark towards the throat."""
    place = nodes.attribute(REST, "Vector")
    depth = nodes.node("ShaderNodeSeparateXYZ", place).outputs[2]
    flesh = nodes.mix(nodes.noise(place, 160.0, 3.0), (0.26, 0.062, 0.055), (0.38, 0.110, 0.098))
    nodes.set(
        base_color=nodes.mix(nodes.ramp(depth, 0.010, 0.074), (0.012, 0.0025, 0.002), flesh),
        roughness=0.38,
        specular_ior_level=0.3,
        coat_weight=0.25,
        coat_roughness=0.15,
    )


def paint_tears(nodes: Nodes) -> None:
    """The film of water along a lower lid: it mirrors, and all else shows through it."""
    glossy = nodes.node("ShaderNodeBsdfGlossy", (1.0, 1.0, 1.0))
    glossy.inputs["Roughness"].default_value = 0.22  # as round as its surface is: light from anywhere shows
    clear = nodes.node("ShaderNodeBsdfTransparent").outputs[0]
    nodes.show(nodes.node("ShaderNodeMixShader", TEARS, clear, glossy.outputs[0]).outputs[0])
