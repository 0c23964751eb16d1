"""The faces of a scene: all of them, one by its name, the one that a character or an empty stands for."""

import bpy

from .face_kinds import is_face, rig_of


def speaking_mesh(item: bpy.types.Object | None) -> bpy.types.Object | None:
    """The face that is meant by an object: itself, or of a character's armature or empty its largest face."""
    if item is None or is_face(item) or item.type == "MESH":
        return item if is_face(item) else None
    faces = [child for child in item.children_recursive if is_face(child)]
    return max(faces, key=_size, default=None)


def named(scene: bpy.types.Scene, name: str) -> bpy.types.Object | None:
    """The scene's object of that name: of an override and what it overrides, which share it, the first."""
    found = [item for item in scene.objects if item.name == name]
    return min(found, key=lambda item: item.library is not None, default=None)


def find_faces(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The scene's faces; teeth, brows and the like count as parts of the largest mesh they move with."""
    faces = sorted((item for item in context.scene.objects if is_face(item)), key=_size, reverse=True)
    parts: set[bpy.types.Object] = set()
    out = []
    for item in faces:
        if item not in parts:
            out.append(item)
            face = rig_of(item)
            parts.update(face.parts if face else ())
    return out


def _size(item: bpy.types.Object) -> int:
    return len(item.data.vertices)
