"""What the tests of listening ask Blender: what is heard of a line, and what the head's take says of it."""

import numpy as np
from blender_engine import step_to_the_end

from ecoface_blender.animation import actions
from ecoface_blender.engine import job as engine_job
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.listening import listening
from ecoface_blender.takes import takes


def heard_of(context, **given):
    """The engine asked directly: values (points, `emotion_keys.NAMES`) at 10 Hz, and the first frame."""
    folder = engine_job.job_folder()
    line = listening.line_to_hear(context, engine_settings(context), given, folder.name)
    job = listening.Listening(line, engine_settings(context), folder)
    step_to_the_end(job)
    with np.load(job.result) as arrays:
        return np.column_stack([arrays["weights"], arrays["intensity"]]), line.first_frame


def metadata_of(speaker):
    return actions.read_metadata(takes.played(speaker))
