"""Which model the engine loads, and the one worker that this Blender keeps."""

import functools
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.npz import json_object
from ..errors import EcoFaceBlenderError
from ..worker.library import library_folder
from .client import WorkerClient
from .interpreter import Interpreter, embedded_runtime, find_python
from .settings import EngineSettings

CPU = "cpu"
AVERAGE = "average"
"""The style of nobody: the speaker left out."""

_client: WorkerClient | None = None
_warm: EngineSettings | None = None
"""With which settings the worker has loaded a model."""
_loaded: Mapping[str, Any] = {}
"""What it said then."""
_card_is_full = False

installing = False
"""Whether the environment is being replaced, so that nothing may run in it."""


def worker(python: Interpreter) -> WorkerClient:
    """The worker of this Blender, started if it is not running, or if it was started with another Python.

    Raises:
        EcoFaceBlenderError: if it cannot be started.
    """
    global _client
    if _client is not None and (_client.ended or not _is_run_by(python)):
        unload()
    if _client is None:
        _client = WorkerClient(python.program, python.packages)
    return _client


def _is_run_by(python: Interpreter) -> bool:
    return _client is not None and (_client.python, _client.packages) == (python.program, python.packages)


def is_running() -> bool:
    """Whether there is a worker."""
    return _client is not None and not _client.ended


def is_warm(settings: EngineSettings) -> bool:
    """Whether the worker has loaded what these settings ask for."""
    return is_running() and _warm == settings


def keep_warm(settings: EngineSettings, answer: Mapping[str, Any]) -> None:
    """Remember what the worker has loaded, and what it said of it."""
    global _warm, _loaded
    _warm, _loaded = settings, answer


def describe(settings: EngineSettings) -> str:
    """Which engine works: "ONNX Runtime 1.32.0 on 2 cores, built in"; empty if there is none.

    Of one that has not been started, only the built-in one can be told by more than its path.
    """
    try:
        python = find_python(settings.python)
    except EcoFaceBlenderError:
        return ""
    if is_running() and _loaded and _is_run_by(python):
        return f"{_loaded['engine']} on {_loaded['hardware']}, {python.origin}"
    if python.packages:
        return f"{embedded_runtime()}, {python.origin}"
    return f"{python.program}, {python.origin}"


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
    global _client, _warm, _loaded, _card_is_full
    client, _client, _warm, _loaded, _card_is_full = _client, None, None, {}, False
    return client


def default_model() -> Path:
    """The model file that ships with EcoFace."""
    return library_folder() / "ecoface_model" / "assets" / "ecoface-default.safetensors"


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
