"""Meshes with shape keys and armatures such as other programs make, and what moves them."""

import bpy
import numpy as np

from ecoface_blender.animation import actions
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.heads import face_kinds
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import takes


def mesh_with_keys(name, keys, vertices=((0, 0, 0), (0, 0, 1), (0, 1, 0)), collection=None):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], [])
    item = bpy.data.objects.new(name, mesh)
    (collection or bpy.context.scene.collection).objects.link(item)
    item.shape_key_add(name="Basis", from_mix=False)
    for key in keys:
        item.shape_key_add(name=key, from_mix=False).value = 0.0
    return item


def rig(bones, name="Rig"):
    """An armature with bones {name: (head, tail)}."""
    armature = bpy.data.objects.new(name, bpy.data.armatures.new(name))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, (start, end) in bones.items():
        made = armature.data.edit_bones.new(bone)
        made.head, made.tail = start, end
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def play(speaker, motion):
    channels = face_kinds.known_rig(speaker).channels(motion)
    actions.open_sliders(channels)
    return actions.write_channels(channels, np.arange(1.0, len(motion) + 1), "Take")


def receive(speaker, motion, phones=None, made_by=None, **changes):
    name = face_kinds.known_rig(speaker).coefficients(EngineSettings())
    rate = bpy.context.scene.render.fps
    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker=speaker.name,
        head=name,
        sound="/v/hello.wav",
        first_frame=1.0,
        **changes,
    )
    story = {"style": "anna"} | (made_by or {})
    takes.receive(bpy.context, line, motion, rate, np.eye(50, dtype=np.float32), story, phones)
    return takes.played(speaker)
