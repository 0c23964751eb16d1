"""Shader nodes put together as formulas: sockets are added, multiplied and mixed like numbers."""

import functools
from typing import Any

import bpy

Socket = Any
"""A node's output, or a number, or a tuple of them."""


class Nodes:
    """The nodes of one tree, made by what they give."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree, self._made = tree, 0

    @classmethod
    def of(cls, material: bpy.types.Material) -> "Nodes":
        """Those of a material, with a Principled shader and its output alone."""
        if material.node_tree is None:  # from Blender 5.0 on there always is one
            material.use_nodes = True
        nodes = cls(material.node_tree)
        nodes.tree.nodes.clear()
        output = nodes.tree.nodes.new("ShaderNodeOutputMaterial")
        output.location = (300, 0)
        nodes.tree.links.new(nodes.shader.outputs["BSDF"], output.inputs["Surface"])
        return nodes

    @functools.cached_property
    def shader(self) -> bpy.types.Node:
        """The Principled shader."""
        return self.tree.nodes.new("ShaderNodeBsdfPrincipled")

    def show(self, surface: bpy.types.NodeSocket) -> None:
        """Another shader in place of the Principled one."""
        output = next(node for node in self.tree.nodes if node.type == "OUTPUT_MATERIAL")
        self.tree.links.new(surface, output.inputs["Surface"])
        self.tree.nodes.remove(self.shader)

    def put(self, value: Socket, into: bpy.types.NodeSocket) -> None:
        """Give an input a value or a link."""
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, into)
        elif isinstance(value, tuple) and into.type == "RGBA":
            into.default_value = (*value[:3], 1.0)
        else:
            into.default_value = value

    def group(self, tree: bpy.types.NodeTree) -> bpy.types.Node:
        """A node that stands for a group."""
        return self.node("ShaderNodeGroup", node_tree=tree)

    def set(self, **inputs: Socket) -> None:
        """Inputs of the Principled shader by name, spaces as underscores."""
        for name, value in inputs.items():
            self.put(value, self.shader.inputs[name.replace("_", " ").title().replace("Ior", "IOR")])

    def node(self, kind: str, *inputs: Socket, **settings: Any) -> bpy.types.Node:
        """A node with its first inputs; None leaves one as it is."""
        node = self.tree.nodes.new(kind)
        node.location = (-250 - 180 * (self._made // 6), 300 - 160 * (self._made % 6))
        node.hide = True
        self._made += 1
        for name, value in settings.items():
            setattr(node, name, value)
        for value, socket in zip(inputs, node.inputs, strict=False):
            if value is not None:
                self.put(value, socket)
        return node

    def math(self, operation: str, a: Socket, b: Socket = 0.0, clamp: bool = False) -> Socket:
        """One number of two."""
        return self.node("ShaderNodeMath", a, b, operation=operation, use_clamp=clamp).outputs[0]

    def add(self, a: Socket, b: Socket) -> Socket:
        """a + b."""
        return self.math("ADD", a, b)

    def times(self, a: Socket, b: Socket) -> Socket:
        """a b."""
        return self.math("MULTIPLY", a, b)

    def ramp(
        self, value: Socket, low: float, high: float, to_low: float = 0.0, to_high: float = 1.0
    ) -> Socket:
        """`to_low` where the value is below `low`, `to_high` above `high`, smooth between."""
        node = self.node("ShaderNodeMapRange", value, interpolation_type="SMOOTHSTEP")
        ends = (low, high, to_low, to_high)
        if low > high:
            ends = (high, low, to_high, to_low)
        for number, end in enumerate(ends, start=1):
            node.inputs[number].default_value = end
        return node.outputs[0]

    def mix(self, share: Socket, a: Socket, b: Socket, blend: str = "MIX") -> Socket:
        """From colour a (share 0) to b (share 1)."""
        node = self.node("ShaderNodeMix", share, data_type="RGBA", blend_type=blend)
        colours = [socket for socket in node.inputs if socket.type == "RGBA"]
        self.put(a, colours[0])
        self.put(b, colours[1])
        return next(socket for socket in node.outputs if socket.type == "RGBA")

    def noise(self, place: Socket, scale: float, detail: float = 2.0) -> Socket:
        """Fractal noise 0..1, around a half."""
        node = self.node("ShaderNodeTexNoise", place)
        node.inputs["Scale"].default_value, node.inputs["Detail"].default_value = scale, detail
        return node.outputs[0]

    def cells(self, place: Socket, scale: float) -> Socket:
        """Distance to the nearest of scattered points, in cells."""
        node = self.node("ShaderNodeTexVoronoi", place, feature="F1")
        node.inputs["Scale"].default_value = scale
        return node.outputs["Distance"]

    def attribute(self, name: str, output: str = "Fac", of: str = "GEOMETRY") -> Socket:
        """A mesh's attribute, or an object's property."""
        node = self.node("ShaderNodeAttribute", attribute_name=name, attribute_type=of)
        return node.outputs[output]

    def uv(self) -> Socket:
        """The active UV map."""
        return self.node("ShaderNodeUVMap").outputs[0]

    def bump(self, height: Socket, distance: float, below: Socket = None, strength: float = 1.0) -> Socket:
        """Normals of a surface raised by `height` times `distance` metres, over those of `below`."""
        node = self.node("ShaderNodeBump")
        node.inputs["Strength"].default_value = strength
        node.inputs["Distance"].default_value = distance
        self.put(height, node.inputs["Height"])
        if below is not None:
            self.put(below, node.inputs["Normal"])
        return node.outputs["Normal"]
