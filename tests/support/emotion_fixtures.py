"""What the tests of emotion begin with: a file with two heads, two voices; a plugin of pytest's."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, write_sound

from ecoface_blender.heads import own_head


@pytest.fixture(scope="module")
def two_heads(tmp_path_factory):
    """A file with two heads, which take a while to make, at 24 frames a second."""
    context, path = empty_blend(), tmp_path_factory.mktemp("stage") / "heads.blend"
    context.scene.render.fps, context.scene.render.fps_base = 24, 1.0
    arrays = small_head() | {"name": np.array("EcoFace reference head")}
    context.scene.ecoface.head = own_head.add_head(context, arrays, "Anna")
    copy = context.scene.ecoface.head.copy()
    copy.data, copy.name = copy.data.copy(), "Ben"
    context.scene.collection.objects.link(copy)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def context(two_heads):
    bpy.ops.wm.open_mainfile(filepath=str(two_heads))
    return bpy.context


@pytest.fixture
def speaker(context):
    return bpy.data.objects["Anna"]


@pytest.fixture
def other(context):
    return bpy.data.objects["Ben"]


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_sound(tmp_path_factory.mktemp("voice") / "voice.wav", hum(3, 140))


@pytest.fixture(scope="module")
def mood(tmp_path_factory):
    return write_sound(tmp_path_factory.mktemp("voice") / "mood.wav", hum(4, 310))


def hum(seconds, hertz):
    t = np.arange(seconds * 16_000) / 16_000
    return 0.4 * np.sin(2 * np.pi * hertz * t) * np.sin(2 * np.pi * 2.3 * t) ** 2
