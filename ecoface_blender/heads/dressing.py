"""Putting a look on our own head: colours, materials, wrinkles, and the strands of brows, lashes and hair.

All are made by formulas; the head's mesh and its keys stay as they are. Strands are two objects under the
head: brows and lashes, bound to its surface, and hair, carried by three vertices of the scalp. They are there
to be seen, and no export of EcoFace writes them.
"""

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import bpy
import numpy as np

from ..errors import EcoFaceBlenderError
from . import bound_strands, hair, own_head, part_materials, regions, strands, strays, wrinkles
from .looks import DEFAULT, SHAVED, Look, looks
from .materials import COLOUR_ATTRIBUTE, make_material
from .node_tree import Nodes
from .own_head import to_blender
from .scalp import hair_share
from .skin_material import GROUP, paint_skin, skin_group
from .strays import OF, PART

FINE, HAIR = "Brows and Lashes", "Hair"
LOOK = "ecoface_look"
"""Custom property of a head: the look it has."""
SKIN_PARTS, EYE_PARTS = ("skin", "lips", "hair", "brow"), ("sclera", "iris", "pupil")
GLOSS_OF_HAIR = 0.15
ROUGH_IN_SOLID = {"skin": 0.62, "lips": 0.7, "lower teeth": 0.7, "tongue": 0.8, "mouth": 1.0}
"""Roughness with which the corners of the mouth, and what lies in its shade, do not glint there."""


def apply_look(head: bpy.types.Object, name: str = DEFAULT) -> None:
    """Give our own head the surfaces of a look; its shape, keys and motion stay as they are.

    Raises:
        EcoFaceBlenderError: if there is no such look, or the object is not our own head.
    """
    if name not in looks():
        raise EcoFaceBlenderError(
            f"Expected a look of {', '.join(looks())}, found '{name}'; choose one of these."
        )
    if reason := own_head.why_not_a_head(head):
        raise EcoFaceBlenderError(reason)
    look, arrays = looks()[name], own_head.load_head()  # the file's: a head may have been given another face
    if not suits(head):
        raise EcoFaceBlenderError(
            f"'{head.name}' is not EcoFace's own head, whose looks these are; press Add Head for one."
        )
    shares = _shares()
    _add_attributes(head.data, shares)
    _colour(head.data, arrays, look, shares[regions.LIPS])
    wrinkles.drive(head, arrays)
    paint(head.data, arrays, look)
    for part in parts_of(head):
        strays.remove(part)
    with _at_rest(head):
        now = dict(arrays) | {"v_template": _rest(head)}
        _add_fine(head, now, look)
        _add_hair(head, now, look)
    head[LOOK] = name


def suits(head: bpy.types.Object) -> bool:
    """Whether a head is made of the file that the looks are made for."""
    arrays = own_head.load_head()
    same = own_head.head_name(head) == str(arrays["name"])
    return same and len(head.data.vertices) == len(arrays["v_template"])


def parts_of(head: bpy.types.Object) -> list[bpy.types.Object]:
    """The objects of strands under a head."""
    return [child for child in head.children if PART in child]


def paint(mesh: bpy.types.Mesh, arrays: Mapping[str, np.ndarray], look: Look) -> None:
    """New nodes in all of the head's materials."""
    iris, pupil = part_materials.iris_and_pupil(arrays)
    before = {_skin_group_of(material) for material in mesh.materials} - {None}
    group = skin_group(look)
    for number, part in enumerate(str(name) for name in arrays["material_names"]):
        if number >= len(mesh.materials) or mesh.materials[number] is None:
            continue
        if mesh.materials[number].users > 1:
            mesh.materials[number] = mesh.materials[number].copy()
        material = mesh.materials[number]
        nodes = Nodes.of(material)
        if part in SKIN_PARTS:
            paint_skin(nodes, look, part, group)
        elif part in EYE_PARTS:
            part_materials.paint_eye(nodes, look, iris, pupil)
        else:
            getattr(part_materials, f"paint_{part.split()[-1]}")(nodes, look)
        _show_in_solid(material, part, look)
    bpy.data.batch_remove([old for old in before if old is not None and not old.users])


def _show_in_solid(material: bpy.types.Material, part: str, look: Look) -> None:
    """One colour for Solid view, which draws neither nodes nor shadows."""
    shown = {
        "skin": look.skin,
        "lips": look.lips,
        "hair": look.scalp,
        "brow": look.brow,
        "iris": look.iris,
        "mouth": part_materials.CHEEK,
        "teeth": part_materials.ENAMEL,
        "lower teeth": part_materials.SHADED_ENAMEL,
        "tongue": part_materials.SHADED_TONGUE,
    }
    if part in shown:
        material.diffuse_color = (*shown[part], 1.0)
    material.metallic = part_materials.METAL_IN_SOLID.get(part, 0.0)
    if part in ROUGH_IN_SOLID:
        material.roughness = ROUGH_IN_SOLID[part]


def plain(mesh: bpy.types.Mesh, made: list[bpy.types.ID]) -> list[tuple[bpy.types.ID, bpy.types.ID]]:
    """Materials as files know them on the copy of a head that was given a look: one colour, vertex colours.

    `made` gets the new materials. Returns pairs of the head's materials and those in their place.
    """
    if regions.REST not in mesh.attributes:
        return []
    for name in regions.NAMES:
        mesh.attributes.remove(mesh.attributes[name])
    pairs = []
    for number, material in enumerate(mesh.materials):
        if material is not None:
            colour = np.array(material.diffuse_color[:3])
            part = material.name.removeprefix("EcoFace ").split(".")[0].lower()
            mesh.materials[number] = make_material(part, colour)
            made.append(mesh.materials[number])
            pairs.append((material, mesh.materials[number]))
    return pairs


@functools.cache
def _shares() -> dict[str, np.ndarray]:
    """What the materials read, of the file's head."""
    return regions.regions(own_head.load_head())


def _skin_group_of(material: bpy.types.Material | None) -> bpy.types.NodeTree | None:
    nodes = material.node_tree.nodes if material and material.node_tree else ()
    groups = (node.node_tree for node in nodes if node.type == "GROUP" and node.node_tree)
    return next((group for group in groups if group.name.startswith(GROUP)), None)


def _add_attributes(mesh: bpy.types.Mesh, shares: Mapping[str, np.ndarray]) -> None:
    """What the materials read of each vertex."""
    for name, values in shares.items():
        kind, field = ("FLOAT_VECTOR", "vector") if values.ndim == 2 else ("FLOAT", "value")
        attribute = mesh.attributes.get(name) or mesh.attributes.new(name, kind, "POINT")
        attribute.data.foreach_set(field, values.astype(np.float32).ravel())


def _colour(mesh: bpy.types.Mesh, arrays: Mapping[str, np.ndarray], look: Look, lips: np.ndarray) -> None:
    """The head's vertex colours, turned to those of the look: what Solid view and other programs show."""
    attribute = mesh.color_attributes.get(COLOUR_ATTRIBUTE)
    if attribute is None:
        return
    plain = looks()[DEFAULT]
    colours = arrays["vertex_colors"].astype(np.float64)
    tint = np.array(look.skin) / plain.skin
    names = [str(name) for name in arrays["material_names"]]
    skin = np.zeros(len(colours), dtype=bool)
    skin[arrays["faces"][np.isin(arrays["material"], [names.index("skin")])].ravel()] = True
    scalp = hair_share(arrays)
    out = colours.copy()
    out[skin] *= tint
    for share, before, after in ((lips, plain.lips, look.lips), (scalp, plain.hair, look.scalp)):
        whole = np.array(after) / before
        out += share[:, None] * (colours * whole - out)
    opaque = np.hstack([out.clip(0, 1), np.ones((len(out), 1))]).astype(np.float32)
    attribute.data.foreach_set("color", opaque.ravel())


def _rest(head: bpy.types.Object) -> np.ndarray:
    """(V, 3) of the neutral face as this head has it, FLAME's axes."""
    block = head.data.shape_keys.reference_key
    out = np.empty(len(block.data) * 3, dtype=np.float32)
    block.data.foreach_get("co", out)
    x, y, z = out.reshape(-1, 3).T
    return np.stack([x, z, -y], axis=-1)


@contextmanager
def _at_rest(head: bpy.types.Object) -> Iterator[None]:
    """The head is seen neutral, without modifiers, for a while."""
    shown, index = head.show_only_shape_key, head.active_shape_key_index
    on = [modifier for modifier in head.modifiers if modifier.show_viewport]
    head.show_only_shape_key, head.active_shape_key_index = True, 0
    for modifier in on:
        modifier.show_viewport = False
    try:
        bpy.context.view_layer.update()
        yield
    finally:
        for modifier in on:
            modifier.show_viewport = True
        head.show_only_shape_key, head.active_shape_key_index = shown, index
        bpy.context.view_layer.update()


def _add_fine(head: bpy.types.Object, arrays: Mapping[str, np.ndarray], look: Look) -> None:
    """Brows, lashes and the water along the lower lids, bound to the head's surface."""
    parts = strands.brows(arrays), strands.lashes(arrays, look.lashes), strands.tears(arrays)
    name = f"{head.name} {FINE}"
    mesh = bound_strands.strand_mesh(name, strands.joined(*parts), arrays["v_template"].astype(np.float64))
    mesh.materials.append(_hair_material("Brow Hair", look.brow))
    mesh.materials.append(_hair_material("Lashes", tuple(0.12 * value for value in look.brow)))
    mesh.materials.append(_tear_material())
    kinds = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.faces) for part in parts])
    mesh.polygons.foreach_set("material_index", kinds)
    item = _child(head, name, mesh, FINE)
    bound_strands.bind(item, head)


def _add_hair(head: bpy.types.Object, arrays: Mapping[str, np.ndarray], look: Look) -> None:
    """Curves that three vertices of the scalp carry."""
    if look.cut == SHAVED:
        return
    made = hair.grown(own_head.load_head(), arrays["v_template"], look.cut)
    name = f"{head.name} {HAIR}"
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([hair.POINTS] * len(made.points))
    curves.position_data.foreach_set("vector", to_blender(made.points).ravel())
    radius = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    width = np.linspace(hair.ROOT, hair.TIP, hair.POINTS, dtype=np.float32)
    radius.data.foreach_set("value", np.tile(width, len(made.points)))
    curves.materials.append(_hair_material("Hair Strands", look.hair))
    item = _child(head, name, curves, HAIR)
    item.parent_type, item.parent_vertices = "VERTEX_3", made.carriers
    bpy.context.view_layer.update()
    item.matrix_parent_inverse = item.matrix_world.inverted() @ head.matrix_world


def _child(head: bpy.types.Object, name: str, data: bpy.types.ID, part: str) -> bpy.types.Object:
    """An object under the head, in its collections."""
    item = bpy.data.objects.new(name, data)
    item[PART], item[OF] = part, head.name
    for collection in head.users_collection:
        collection.objects.link(item)
    item.parent = head
    return item


def _hair_material(name: str, colour: tuple[float, ...]) -> bpy.types.Material:
    """Strands: each a little lighter or darker than the next."""
    material = bpy.data.materials.new(f"EcoFace {name}")
    material.diffuse_color = (*colour, 1.0)
    nodes = Nodes.of(material)
    chance = nodes.node("ShaderNodeHairInfo").outputs["Random"]
    light, dark = (tuple(factor * value for value in colour) for factor in (1.25, 0.6))
    nodes.set(base_color=nodes.mix(chance, dark, light), roughness=0.45, specular_ior_level=GLOSS_OF_HAIR)
    return material


def _tear_material() -> bpy.types.Material:
    material = bpy.data.materials.new("EcoFace Tears")
    material.diffuse_color = (1.0, 1.0, 1.0, 0.15)
    part_materials.paint_tears(Nodes.of(material))
    return material
