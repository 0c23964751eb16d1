"""What a head's surfaces are made of: node materials that Cycles, EEVEE and Workbench all show."""

from dataclasses import dataclass, replace

import bpy
import numpy as np

COLOUR_ATTRIBUTE = "Color"


@dataclass(frozen=True, kw_only=True)
class Surface:
    """One material; colours are linear RGB, the head's vertex colours take their place where it has some."""

    colour: tuple[float, float, float]
    roughness: float = 0.5
    specular: float = 0.5
    """How strongly it mirrors at all."""
    scatter: float = 0.0
    """Share of the light that wanders under the surface, tinted red."""
    coat: float = 0.0
    """A wet film."""
    grain: float = 0.0
    """Depth of fine bumps, and how much blood shows through in patches."""


SURFACES = {
    "skin": Surface(colour=(0.66, 0.38, 0.27), roughness=0.50, scatter=0.15, grain=0.10),
    "lips": Surface(colour=(0.50, 0.16, 0.14), roughness=0.33, scatter=0.15, coat=0.10, grain=0.12),
    "teeth": Surface(colour=(0.71, 0.65, 0.55), roughness=0.18, scatter=0.1, coat=0.2),
    "lower teeth": Surface(colour=(0.57, 0.52, 0.44), roughness=0.18, scatter=0.1, coat=0.2),
    "tongue": Surface(colour=(0.32, 0.07, 0.07), roughness=0.35, scatter=0.1, coat=0.2, grain=0.3),
    "mouth": Surface(colour=(0.05, 0.012, 0.010), roughness=0.6),
    "sclera": Surface(colour=(0.72, 0.69, 0.65), roughness=0.12, coat=0.5),
    "iris": Surface(colour=(0.08, 0.15, 0.18), roughness=0.10, coat=1.0),
    "pupil": Surface(colour=(0.002, 0.002, 0.002), roughness=0.05, coat=1.0),
    "brow": Surface(colour=(0.068, 0.034, 0.021), roughness=0.9, specular=0.1),
    "hair": Surface(colour=(0.055, 0.035, 0.026), roughness=0.9, specular=0.1, grain=0.5),
}
SCATTER_RADIUS = (1.0, 0.35, 0.18)  # red light travels farthest
SCATTER_SCALE = 0.003  # metres
GRAIN_SCALE = 220.0  # bumps across the head
PATCH_SCALE = 9.0
ORDINARY = Surface(colour=(0.6, 0.45, 0.38))


def make_material(name: str, colour: np.ndarray | None) -> bpy.types.Material:
    """A new material for one of the head's parts.

    `colour` is typical of the part where the head has vertex colours, which are then shown; else None.
    """
    surface = SURFACES.get(name, ORDINARY)
    coloured = colour is not None
    if colour is not None:
        red, green, blue = map(float, colour)
        surface = replace(surface, colour=(red, green, blue))
    material = bpy.data.materials.new(f"EcoFace {name.capitalize()}")
    material.diffuse_color = (*surface.colour, 1.0)  # for Workbench
    material.roughness = surface.roughness
    if material.node_tree is None:  # from Blender 5.0 on there always is one
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    _set_inputs(shader, surface)
    if coloured:
        colours = nodes.new("ShaderNodeVertexColor")
        colours.layer_name = COLOUR_ATTRIBUTE
        colours.location = (-600, 300)
        links.new(colours.outputs["Color"], shader.inputs["Base Color"])
        if surface.grain:
            _add_patches(nodes, links, shader, colours, surface.grain)
    if surface.grain:
        _add_grain(nodes, links, shader, surface.grain)
    return material


def _set_inputs(shader: bpy.types.Node, surface: Surface) -> None:
    inputs = shader.inputs
    inputs["Base Color"].default_value = (*surface.colour, 1.0)
    inputs["Roughness"].default_value = surface.roughness
    inputs["Specular IOR Level"].default_value = surface.specular
    inputs["Subsurface Weight"].default_value = surface.scatter
    inputs["Subsurface Radius"].default_value = SCATTER_RADIUS
    inputs["Subsurface Scale"].default_value = SCATTER_SCALE
    inputs["Coat Weight"].default_value = surface.coat
    inputs["Coat Roughness"].default_value = 0.06


def _add_patches(
    nodes: bpy.types.Nodes,
    links: bpy.types.NodeLinks,
    shader: bpy.types.Node,
    colours: bpy.types.Node,
    strength: float,
) -> None:
    """Redder and darker patches, so that skin does not look cast in one piece."""
    noise, mix = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeMix")
    noise.inputs["Scale"].default_value = PATCH_SCALE
    noise.inputs["Detail"].default_value = 6.0
    noise.location, mix.location = (-600, 100), (-300, 300)
    mix.data_type, mix.blend_type = "RGBA", "MULTIPLY"
    colour_sockets = [socket for socket in mix.inputs if socket.type == "RGBA"]
    links.new(noise.outputs[0], mix.inputs[0])
    links.new(colours.outputs["Color"], colour_sockets[0])
    colour_sockets[1].default_value = (1.0 - strength, 1.0 - 3 * strength, 1.0 - 3 * strength, 1.0)
    result = next(socket for socket in mix.outputs if socket.type == "RGBA")
    links.new(result, shader.inputs["Base Color"])


def _add_grain(
    nodes: bpy.types.Nodes, links: bpy.types.NodeLinks, shader: bpy.types.Node, strength: float
) -> None:
    """Fine bumps that stay on the skin as it moves: the noise lives in the undeformed head's coordinates."""
    noise, bump = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeBump")
    noise.inputs["Scale"].default_value = GRAIN_SCALE
    noise.inputs["Detail"].default_value = 3.0
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = 0.0005  # metres
    noise.location, bump.location = (-600, -200), (-300, -200)
    links.new(noise.outputs[0], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], shader.inputs["Normal"])
