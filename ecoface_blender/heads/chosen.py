"""The head that is to speak: chosen by name, in the panel or by a click; and why there is none."""

import bpy

from ..errors import EcoFaceBlenderError
from . import face_kinds, finding

NO_HEAD = "Add a head, or choose the one to speak."


def chosen_head(context: bpy.types.Context, name: str = "") -> bpy.types.Object | None:
    """The named head, else the panel's, the active one, or the only one in the scene, if there is one."""
    panel = getattr(context.scene, "ecoface", None)
    wanted = (panel and panel.head, context.view_layer.objects.active)
    # A head that was deleted from the scene lives on in the panel's choice.
    for each in (finding.named(context.scene, name),) if name else wanted:
        if each is not None and finding.named(context.scene, each.name) == each:
            face = finding.speaking_mesh(each)
            if face is not None:
                return face
    faces = [] if name else finding.find_faces(context)
    return faces[0] if len(faces) == 1 else None


def meant_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The mesh with shape keys that somebody has chosen, by the panel or by a click, face or not."""
    panel = getattr(context.scene, "ecoface", None)
    for each in (panel and panel.head, context.view_layer.objects.active):
        if each is not None and finding.named(context.scene, each.name) == each:
            meshes = [each, *each.children_recursive]
            keyed = [item for item in meshes if item.type == "MESH" and item.data.shape_keys is not None]
            if keyed:
                return each if each in keyed else max(keyed, key=lambda item: len(item.data.vertices))
    return None


def named_head(context: bpy.types.Context, name: str = "") -> bpy.types.Object:
    """The head of a name, or the chosen one if none is given.

    Raises:
        EcoFaceBlenderError: if there is none.
    """
    if (speaker := chosen_head(context, name)) is None:
        unknown = f"Expected a head '{name}' in this scene, found none; name another."
        raise EcoFaceBlenderError(unknown if name else why_no_head(context) or NO_HEAD)
    return speaker


def why_no_head(context: bpy.types.Context) -> str | None:
    """Why there is no head to speak, in one sentence about what was chosen, if something was."""
    if chosen_head(context) is not None:
        return None
    panel = getattr(context.scene, "ecoface", None)
    meant = meant_head(context) or (panel and panel.head)
    return (meant and face_kinds.why_not_a_face(meant)) or NO_HEAD
