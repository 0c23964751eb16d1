"""A take in a .blend from a stranger, which says of itself whatever a test wants."""

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, talking_motion

from ecoface_blender.animation import actions
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import again
from ecoface_blender.heads import own_head
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import takes


@pytest.fixture
def take(tmp_path):
    """A take that says of itself whatever a test wants."""
    empty_blend()
    speaker = own_head.add_head(bpy.context, small_head(), "Anna")
    asked = GenerationRequest(
        scene="Scene",
        speaker="Anna",
        head=own_head.head_name(speaker),
        sound="/voices/a.wav",
        first_frame=1.0,
    )
    motion = talking_motion(20).astype(np.float32)
    takes.receive(bpy.context, asked, motion, 25, np.eye(50, dtype=np.float32), {"style": "anna", "seed": 0})
    return takes.played(speaker)


def says(take, **changes):
    """The take's stored request with these changes."""
    story = actions.read_metadata(take)
    actions.write_metadata(take, story | {"line": story["line"] | changes})


def tells(take, **changes):
    """The take's metadata with these changes."""
    actions.write_metadata(take, actions.read_metadata(take) | changes)


def refused(take, folder, sentence):
    with pytest.raises(EcoFaceBlenderError, match=sentence) as caught:
        again.request_again(bpy.context, take, str(folder))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
