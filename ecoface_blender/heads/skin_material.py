"""Skin as nodes: blood, pigment, pores, a shaved beard, lips, the scalp, wrinkles that come and go."""

import bpy

from .looks import SHAVED, Colour, Look
from .node_tree import Nodes, Socket
from .regions import BEARD, BLOOD, LIPS, OIL, REST, SCALP, SHADE
from .wrinkles import CHANNELS, picture

SCATTER, SCATTER_RADIUS, SCATTER_SCALE = 0.45, (1.0, 0.32, 0.16), 0.0035  # metres; red travels farthest
PORE, LINES, LIP_LINES = 0.00007, 0.00007, 0.00020  # metres deep
WRINKLE = 0.00065  # metres, the deepest


GROUP, OUTPUTS = "EcoFace Skin", {"Color": "Color", "Roughness": "Float", "Normal": "Vector", "Lips": "Float"}


def skin_group(look: Look) -> bpy.types.NodeTree:
    """What all skin is, lips and scalp included, by the mesh's attributes."""
    tree = bpy.data.node_groups.new(GROUP, "ShaderNodeTree")
    for name, kind in OUTPUTS.items():
        tree.interface.new_socket(name, in_out="OUTPUT", socket_type=f"NodeSocket{kind}")
    nodes = Nodes(tree)
    place = nodes.attribute(REST, "Vector")
    lips, scalp = nodes.attribute(LIPS), nodes.attribute(SCALP)
    colour = _skin_colour(nodes, look, place)
    colour = nodes.mix(lips, colour, _lip_colour(nodes, look, place))
    colour = nodes.mix(_scalp_cover(nodes, look, place, scalp), colour, _scaled(look.hair, 0.6, 0.6, 0.6))
    oily = nodes.times(nodes.attribute(OIL), -0.16)
    rough = nodes.add(nodes.times(nodes.noise(place, 260.0), 0.18), nodes.add(oily, 0.43))
    rough = nodes.add(
        nodes.add(rough, nodes.times(lips, -0.10)), nodes.times(scalp, 0.0 if look.cut == SHAVED else 0.18)
    )
    end = tree.nodes.new("NodeGroupOutput")
    for value, socket in zip(
        (colour, rough, _relief(nodes, look, place, lips), lips), end.inputs, strict=False
    ):
        tree.links.new(value, socket)
    return tree


def paint_skin(nodes: Nodes, look: Look, part: str, group: bpy.types.NodeTree) -> None:
    """The shader of "skin", "lips", "hair" (the scalp) and "brow" (the skin under its hairs)."""
    skin = nodes.group(group).outputs
    colour = skin["Color"] if part != "brow" else nodes.mix(_brow_cover(nodes), skin["Color"], look.brow)
    nodes.set(
        base_color=colour,
        roughness=skin["Roughness"],
        specular_ior_level={"brow": 0.08, "hair": 0.45 if look.cut == SHAVED else 0.25}.get(part, 0.45),
        subsurface_weight=SCATTER,
        subsurface_radius=SCATTER_RADIUS,
        subsurface_scale=SCATTER_SCALE,
        coat_weight=nodes.times(skin["Lips"], 0.12),
        coat_roughness=0.22,
        normal=skin["Normal"],
    )


def _skin_colour(nodes: Nodes, look: Look, place: Socket) -> Socket:
    skin = look.skin
    flush, pale = _scaled(skin, 0.93, 0.58, 0.52), _scaled(skin, 1.06, 1.05, 1.0)
    brown = _scaled(skin, 0.70, 0.58, 0.50)
    blood = nodes.times(nodes.attribute(BLOOD), min(0.75 * look.blood, 1.0))
    mottle = nodes.ramp(nodes.noise(place, 95.0, 4.0), 0.42, 0.72)
    colour = nodes.mix(nodes.ramp(nodes.noise(place, 38.0), 0.35, 0.65), pale, skin)
    colour = nodes.mix(nodes.times(mottle, 0.30 * look.mottle), colour, flush)
    colour = nodes.mix(blood, colour, flush)
    pigment = nodes.ramp(nodes.noise(place, 480.0, 3.0), 0.52, 0.80)
    colour = nodes.mix(nodes.times(pigment, 0.40 * look.mottle), colour, brown)
    if look.age:
        spots = nodes.ramp(nodes.noise(place, 150.0, 3.0), 0.63, 0.70)
        colour = nodes.mix(nodes.times(spots, 0.6 * look.age), colour, brown)
    shade = nodes.attribute(SHADE)
    colour = nodes.mix(nodes.times(shade, 0.55 + 0.3 * look.age), colour, _scaled(skin, 0.62, 0.42, 0.42))
    colour = nodes.mix(nodes.ramp(shade, 0.75, 1.0), colour, _scaled(skin, 0.16, 0.07, 0.06))
    if look.beard:
        hairs = nodes.ramp(nodes.cells(place, 800.0), 0.42, 0.22)
        share = nodes.times(nodes.attribute(BEARD), nodes.add(nodes.times(hairs, 0.45), 0.35))
        colour = nodes.mix(nodes.times(share, look.beard), colour, _scaled(look.hair, 0.55, 0.6, 0.7))
    return colour


def _lip_colour(nodes: Nodes, look: Look, place: Socket) -> Socket:
    patches = nodes.ramp(nodes.noise(place, 240.0, 3.0), 0.35, 0.70)
    return nodes.mix(patches, look.lips, _scaled(look.lips, 0.80, 0.66, 0.66))


def _scalp_cover(nodes: Nodes, look: Look, place: Socket, scalp: Socket) -> Socket:
    """Hair seen at its roots: dots that close up away from the hairline; stubble where it was shaved."""
    dots = nodes.ramp(nodes.cells(place, 850.0), 0.50, 0.25)
    if look.cut != SHAVED:
        return nodes.times(scalp, nodes.add(nodes.times(dots, 0.18), 0.80))
    thin = nodes.ramp(nodes.noise(place, 26.0), 0.25, 0.75, 0.75, 1.0)
    height = nodes.node("ShaderNodeSeparateXYZ", place).outputs[1]
    bald = nodes.ramp(height, 0.085, 0.125, 1.0, 0.35)  # it no longer grows as thick on top
    share = nodes.times(nodes.times(scalp, thin), bald)
    return nodes.times(share, nodes.add(nodes.times(dots, 0.30), 0.20))


def _brow_cover(nodes: Nodes) -> Socket:
    """Shadow of the brow's hairs: UVs run along the brow from its inner end, and across it."""
    split = nodes.node("ShaderNodeSeparateXYZ", nodes.uv())
    along, across = split.outputs[0], split.outputs[1]
    middle = nodes.times(nodes.ramp(across, 0.05, 0.45), nodes.ramp(across, 0.98, 0.60))
    ends = nodes.times(nodes.ramp(along, 0.02, 0.22), nodes.ramp(along, 0.98, 0.70))
    return nodes.times(nodes.times(middle, ends), 0.22)


def _relief(nodes: Nodes, look: Look, place: Socket, lips: Socket) -> Socket:
    """Normals with pores, fine lines and wrinkles."""
    pores = nodes.ramp(nodes.cells(place, 900.0), 0.05, 0.50)
    lines = nodes.noise(place, 520.0, 3.0)
    height = nodes.add(nodes.times(pores, PORE), nodes.times(lines, LINES * (1 + look.age)))
    across = nodes.node("ShaderNodeVectorMath", place, (1.0, 0.22, 0.22), operation="MULTIPLY").outputs[0]
    folds = nodes.times(nodes.times(nodes.noise(across, 900.0, 1.0), lips), LIP_LINES)
    height = nodes.add(height, folds)
    return nodes.bump(nodes.add(height, nodes.times(_wrinkles(nodes, look, place), WRINKLE)), 1.0)


def _wrinkles(nodes: Nodes, look: Look, place: Socket) -> Socket:
    """0 on smooth skin, -1 at the bottom of the deepest line."""
    frame = nodes.node("ShaderNodeMapping", place)
    frame.inputs["Location"].default_value = picture.shift
    frame.inputs["Scale"].default_value = picture.scale
    image = nodes.node("ShaderNodeTexImage", frame.outputs[0], extension="EXTEND")
    image.image = picture.image()
    depths = nodes.node("ShaderNodeSeparateColor", image.outputs[0]).outputs
    total: Socket = 0.0
    for channel, depth in zip(CHANNELS, depths, strict=True):
        strength = nodes.math("MAXIMUM", nodes.attribute(channel.property, of="OBJECT"), look.age)
        total = nodes.add(total, nodes.times(depth, strength))
    depth = nodes.node("ShaderNodeSeparateXYZ", place).outputs[2]
    return nodes.times(total, nodes.ramp(depth, 0.015, 0.045, 0.0, -1.0))  # the picture is of the front


def _scaled(colour: Colour, red: float, green: float, blue: float) -> Colour:
    return colour[0] * red, colour[1] * green, colour[2] * blue
