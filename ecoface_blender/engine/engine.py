"""Which Python runs the engine, which model it loads, and the one worker that this Blender keeps."""

import functools
import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import bpy

from ..core.npz import json_object
from ..errors import EcoFaceBlenderError
from ..package import PACKAGE
from ..worker.library import PACKAGES, library_folder
from .client import WorkerClient
from .settings import EngineSettings

CPU = "cpu"
AVERAGE = "average"
"""The style of nobody: the speaker left out."""

_client: WorkerClient | None = None
_warm: EngineSettings | None = None
"""With which settings the worker has loaded a model."""
_card_is_full = False

installing = False
"""Whether the environment is being replaced, so that nothing may run in it."""


def find_python(preferred: str = "") -> str:
    """The engine's Python: the preferred one, ECOFACE_PYTHON, the installed engine's, else this one.

    Raises:
        EcoFaceBlenderError: if none of them is there, or the last lacks torch.
    """
    for path, origin in (
        (preferred, "the preferences"),
        (os.environ.get("ECOFACE_PYTHON", ""), "ECOFACE_PYTHON"),
    ):
        if path:
            return _python_at(Path(path).expanduser(), origin)
    installed = installed_engine()
    if installed.is_dir():
        return _python_at(installed, "the installed engine; if Blender has moved, install it again")
    if _this_python_has_torch():
        return sys.executable
    raise EcoFaceBlenderError(
        "No Python with torch was found: click Install Engine in the preferences of EcoFace, or "
        f"run `pip install {PACKAGES}` in any Python 3.11 or newer and choose that Python there."
    )


def installed_engine() -> Path:
    """The environment that "Install Engine" makes, whether or not it is there: among the user's files."""
    try:
        return Path(bpy.utils.extension_path_user(PACKAGE, path="engine"))
    except ValueError:  # the package is not installed as an extension
        return Path(bpy.utils.user_resource("DATAFILES", path="ecoface")) / "engine"


def worker(python: str) -> WorkerClient:
    """The worker of this Blender, started if it is not running, or if it was started with another Python.

    Raises:
        EcoFaceBlenderError: if it cannot be started.
    """
    global _client
    if _client is not None and (_client.ended or _client.python != python):
        unload()
    if _client is None:
        _client = WorkerClient(python)
    return _client


def is_running() -> bool:
    """Whether there is a worker."""
    return _client is not None and not _client.ended


def is_warm(settings: EngineSettings) -> bool:
    """Whether the worker has loaded what these settings ask for."""
    return is_running() and _warm == settings


def keep_warm(settings: EngineSettings) -> None:
    """Remember what the worker has loaded."""
    global _warm
    _warm = settings


def device(settings: EngineSettings) -> str:
    """Where to compute: as the preferences say, or the CPU once the graphics card was full."""
    return CPU if _card_is_full else settings.device


def avoid_card() -> None:
    """Compute on the CPU until the engine is checked or unloaded: the card was full."""
    global _card_is_full, _warm
    _card_is_full, _warm = True, None


def allow_card() -> None:
    """Try the graphics card again."""
    global _card_is_full
    _card_is_full = False


def unload_if_idle(seconds: float) -> bool:
    """End a worker that has had nothing to do for so long; True if it was ended."""
    if _client is None or _client.idle_seconds < seconds:
        return False
    unload()
    return True


def unload() -> None:
    """End the worker, if there is one, without waiting for its end."""
    if client := _forget():
        threading.Thread(target=client.close, daemon=True).start()


def close() -> None:
    """End the worker, if there is one, and wait until it has ended."""
    if client := _forget():
        client.close()


def _forget() -> WorkerClient | None:
    global _client, _warm, _card_is_full
    client, _client, _warm, _card_is_full = _client, None, None, False
    return client


def default_model() -> Path:
    """The model file that ships with EcoFace."""
    return library_folder() / "ecoface_model" / "assets" / "ecoface-default.safetensors"


def _python_at(path: Path, origin: str) -> str:
    """A Python given by its path, or by the folder of its environment."""
    if path.is_dir():
        inside = path / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        path = inside if inside.is_file() else path
    if not path.is_file():
        raise EcoFaceBlenderError(
            f"Expected a Python program at {path} (from {origin}), found none; correct the path."
        )
    return str(path)


def look_for_python_anew() -> None:
    """Forget what was found of this Python: packages may have come."""
    _this_python_has_torch.cache_clear()


@functools.cache
def _this_python_has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def why_not_usable(settings: EngineSettings) -> str | None:
    """Why the engine cannot work, as far as it is seen without starting it, in one sentence."""
    if installing:
        return "The engine is being installed; wait for it, or cancel it in the preferences."
    try:
        find_python(settings.python)
    except EcoFaceBlenderError as error:
        return str(error)
    model = Path(settings.model) if settings.model else default_model()
    if not model.is_file():
        return f"Expected a model file at {model}, found none; choose one in the preferences of EcoFace."
    return None


def styles(model: str = "") -> tuple[str, ...]:
    """Names of a model's speaker styles, its default first, read without torch; none if there is no model."""
    names, info = _description(model)
    if not info:
        return ()
    default = info.get("default_style", AVERAGE)
    return (default, *(name for name in (AVERAGE, *names) if name != default))


def model_head(model: str = "") -> str:
    """Name of the head whose coefficients a model speaks, read without torch; empty if there is no model."""
    return str(_description(model)[1].get("head", ""))


def _description(model: str) -> tuple[list[str], dict[str, Any]]:
    """Speaker styles and info of a model's file; empty if there is none."""
    path = Path(model) if model else default_model()
    try:
        return _description_of(path, path.stat().st_mtime_ns)
    except OSError:
        return [], {}


@functools.lru_cache(maxsize=4)
def _description_of(path: Path, _changed: int) -> tuple[list[str], dict[str, Any]]:
    """From the header of a safetensors file: 8 bytes of its length, then JSON, whose __metadata__ is ours."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            metadata = json_object(file.read(min(length, 1 << 24)).decode())["__metadata__"]
            names, info = json.loads(metadata["styles"]), json_object(metadata["info"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return [], {}  # not a model of ours: generating says so
    texts = [*names, info.get("default_style", AVERAGE)] if isinstance(names, list) else [None]
    return (names, info) if all(isinstance(text, str) for text in texts) else ([], {})
