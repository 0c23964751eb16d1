"""What the tests of emotion do with their heads: lines, keys, takes."""

import bpy
import numpy as np

from ecoface_blender.animation import emotion_keys
from ecoface_blender.heads import own_head
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import takes

REFERENCE = "EcoFace reference head"
UPPER = np.diag(np.arange(50) % 2).astype(np.float32)


def keyed(speaker):
    frames = emotion_keys.changed_frames(speaker)
    return [(frame, str(emotion_keys.change_at(speaker, frame))) for frame in frames]


def line_of(speaker, **changes):
    values = {"sound": "/voices/hello.wav", "first_frame": 1.0, "seconds": 2.0} | changes
    return GenerationRequest(
        scene=bpy.context.scene.name, speaker=speaker.name, head=own_head.head_name(speaker), **values
    )


def give_take(speaker, motion, name="hello"):
    line = line_of(speaker, sound=f"/voices/{name}.wav")
    story = {"style": "anna", "emotion": "sad", "seed": 0, "head": REFERENCE}
    takes.receive(bpy.context, line, motion, 25, UPPER, story)


def read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def key_three(speaker):
    emotion_keys.key(speaker, 1, {"happy": 1, "intensity": 1.5}, 14)
    emotion_keys.key(speaker, 100, {"angry": 1, "intensity": 2}, 14)
    emotion_keys.key(speaker, 50, {"sad": 1}, 14)


def with_sound(context):
    context.scene.ecoface.sound_from, context.scene.ecoface.sound = "FILE", "voice.wav"
    return context
