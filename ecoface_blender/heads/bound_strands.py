"""Geometry nodes by which strands follow a head: each moves as the triangle that it is rooted in."""

import bpy
import numpy as np

from .own_head import to_blender
from .strands import Strands, in_triangles

GROUP = "EcoFace Strands"
CORNERS = ("ecoface_root_a", "ecoface_root_b", "ecoface_root_c")
"""Attributes of the strands' vertices: the corners of the triangle that a strand is rooted in."""
SHARES, PLACE = "ecoface_root_shares", "ecoface_root_place"
"""The root's shares of these corners, and where a vertex is in the triangle's frame, metres."""


def strand_mesh(name: str, made: Strands, at: np.ndarray) -> bpy.types.Mesh:
    """A mesh of strands with what `bind` reads, on a head whose vertices (V, 3) are `at`; FLAME's axes."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(to_blender(made.vertices), [], made.faces)
    mesh.shade_smooth()
    per_strand = made.points.shape[1] * 2
    for number, corner in enumerate(CORNERS):
        values = np.repeat(made.roots[:, number], per_strand).astype(np.int32)
        mesh.attributes.new(corner, "INT", "POINT").data.foreach_set("value", values)
    shares = np.repeat(made.shares, per_strand, axis=0).astype(np.float32)
    mesh.attributes.new(SHARES, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", shares.ravel())
    place = in_triangles(made, at).astype(np.float32)
    mesh.attributes.new(PLACE, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", place.ravel())
    return mesh


def bind(item: bpy.types.Object, head: bpy.types.Object) -> None:
    """Let an object of `strand_mesh` follow the head as it is evaluated, by keys and bones."""
    modifier = item.modifiers.new("On the Head", "NODES")
    modifier.node_group = bpy.data.node_groups.get(GROUP) or _group()
    sockets = modifier.node_group.interface.items_tree
    wanted = next(each for each in sockets if each.name == "Head" and each.in_out == "INPUT")
    if hasattr(modifier, "properties"):  # from Blender 5.2 on
        getattr(modifier.properties.inputs, wanted.identifier).value = head
    else:
        modifier[wanted.identifier] = head
    modifier.show_expanded = False


def _group() -> bpy.types.NodeTree:
    """Position = the root between its corners + the place in the frame of the triangle."""
    tree = bpy.data.node_groups.new(GROUP, "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Head", in_out="INPUT", socket_type="NodeSocketObject")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    made = _Tree(tree)
    start, end = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    head = made.node("GeometryNodeObjectInfo", {"Object": start.outputs["Head"]})
    corners = [made.sampled(head.outputs["Geometry"], name) for name in CORNERS]
    edge, other = (
        made.vector("SUBTRACT", corners[1], corners[0]),
        made.vector("SUBTRACT", corners[2], corners[0]),
    )
    along = made.vector("NORMALIZE", edge)
    normal = made.vector("NORMALIZE", made.vector("CROSS_PRODUCT", along, other))
    axes = (along, made.vector("CROSS_PRODUCT", normal, along), normal)
    total = None
    for vectors, name in ((corners, SHARES), (axes, PLACE)):
        split = made.node("ShaderNodeSeparateXYZ", {"Vector": made.named(name, "FLOAT_VECTOR")})
        for vector, size in zip(vectors, split.outputs, strict=True):
            part = made.scaled(vector, size)
            total = part if total is None else made.vector("ADD", total, part)
    moved = made.node("GeometryNodeSetPosition", {"Geometry": start.outputs["Geometry"], "Position": total})
    tree.links.new(moved.outputs["Geometry"], end.inputs["Geometry"])
    return tree


class _Tree:
    """Makes nodes of a geometry tree."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree

    def node(self, kind: str, links: dict[str, bpy.types.NodeSocket], **settings: str) -> bpy.types.Node:
        """A node with these inputs."""
        node = self.tree.nodes.new(kind)
        node.location = (200 * len(self.tree.nodes), 0)
        for name, value in settings.items():
            setattr(node, name, value)
        for name, socket in links.items():
            enabled = next(each for each in node.inputs if each.name == name and each.enabled)
            self.tree.links.new(socket, enabled)
        return node

    def named(self, name: str, kind: str) -> bpy.types.NodeSocket:
        """A named attribute."""
        node = self.node("GeometryNodeInputNamedAttribute", {}, data_type=kind)
        node.inputs["Name"].default_value = name
        return next(each for each in node.outputs if each.name == "Attribute" and each.enabled)

    def sampled(self, geometry: bpy.types.NodeSocket, index: str) -> bpy.types.NodeSocket:
        """Where the vertex is whose number an attribute holds."""
        position = self.node("GeometryNodeInputPosition", {}).outputs["Position"]
        links = {"Geometry": geometry, "Value": position, "Index": self.named(index, "INT")}
        node = self.node("GeometryNodeSampleIndex", links, data_type="FLOAT_VECTOR", domain="POINT")
        return next(each for each in node.outputs if each.enabled)

    def vector(
        self, operation: str, a: bpy.types.NodeSocket, b: bpy.types.NodeSocket | None = None
    ) -> bpy.types.NodeSocket:
        """One vector of two."""
        node = self.node("ShaderNodeVectorMath", {}, operation=operation)
        self.tree.links.new(a, node.inputs[0])
        if b is not None:
            self.tree.links.new(b, node.inputs[1])
        return node.outputs["Vector"]

    def scaled(self, vector: bpy.types.NodeSocket, size: bpy.types.NodeSocket) -> bpy.types.NodeSocket:
        """A vector times a number."""
        node = self.node("ShaderNodeVectorMath", {"Scale": size}, operation="SCALE")
        self.tree.links.new(vector, node.inputs[0])
        return node.outputs["Vector"]
