"""The arrays of the heads that can be added: ours from its file, the user's FLAME through the engine."""

from collections.abc import Mapping
from pathlib import Path

import bpy
import numpy as np

from ..engine import engine
from ..engine.interpreter import find_python
from ..engine.job import job_folder
from ..engine.settings import EngineSettings
from ..worker import protocol
from . import own_head


def asked_for(settings: EngineSettings) -> dict[str, np.ndarray]:
    """Arrays of the head that Add Head adds: the user's FLAME through the engine, or ours from its file.

    Raises:
        EcoFaceBlenderError: if the file is no head, or the engine that reads it cannot be started.
    """
    if not settings.flame:
        return own_head.load_head()
    with job_folder() as folder:
        result = Path(folder) / "head.npz"
        client = engine.worker(find_python(settings.python))
        client.wait(client.request(protocol.Head, file=settings.flame, result=str(result)))
        return own_head.load_head(result)


def is_own(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether these are our own head's, which its looks are made for."""
    return {"brow", "hair", "iris"} <= {str(name) for name in arrays["material_names"]}


def of_head(speaker: bpy.types.Object, settings: EngineSettings) -> Mapping[str, np.ndarray]:
    """The arrays that the speaker's head was made of: EcoFace's own, or those of the settings' FLAME file.

    Raises:
        EcoFaceBlenderError: if they cannot be read.
    """
    own = own_head.load_head()
    if str(own["name"]) == own_head.head_name(speaker):
        return own
    return asked_for(settings)
