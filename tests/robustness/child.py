"""Tries one damaged file after another in a process of its own: a line of JSON in, a line of JSON out."""

import contextlib
import importlib
import io
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from . import takes
from .good_files import ROOT

TINY = "good.safetensors"
SENTENCE_ENDS = 600
"""Characters of the longest thing that is still a sentence."""


def run_command(arguments: list[str]) -> tuple[int, str]:
    """The exit code of `ecoface`, and what it said on stderr."""
    from ecoface_model.__main__ import main

    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            code = main(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
    return code, said.getvalue()


def of_blender(read: Callable[[], object]) -> tuple[int, str]:
    """As `run_command`, of a reader in the extension."""
    from ecoface_blender.errors import EcoFaceBlenderError

    try:
        read()
    except EcoFaceBlenderError as error:
        return 2, f"{error}\n"
    return 0, ""


def attempt(kind: str, path: Path, out: Path) -> tuple[int, str]:
    """Read a file as its kind is read; results go into the folder `out`."""
    folder = path.parents[2]
    result, device = str(out / "result.npz"), ["--device", "cpu"]
    if kind.startswith("sound"):
        return run_command(["generate", str(path), "-o", result, "--model", str(folder / TINY), *device])
    if kind == "model":
        return run_command(
            ["generate", str(folder / "good.wav"), "-o", result, "--model", str(path), *device]
        )
    if kind == "motion":
        return run_command(["export", str(path), "-o", str(out / "result.csv")])
    if kind == "FLAME file":
        good = str(folder / "flame.npz")
        return run_command(["export", good, "-o", result, "--vertices", "--head", str(path)])
    return of_blender(lambda: _in_blender(kind, path, out))


def _in_blender(kind: str, path: Path, out: Path) -> None:
    from ecoface_blender.headless import table
    from ecoface_blender.heads import mapping

    if kind == "mapping":
        mapping.read_preset(path)
    elif kind == "take in a .blend":
        takes.open_and_use(path, out)
    elif kind == "table":
        from ecoface_blender.errors import EcoFaceBlenderError

        for row in table.read(path, {}):
            with contextlib.suppress(EcoFaceBlenderError):  # of the row: it fails alone
                table.understand(row)
    else:
        _stored_request(path, out)


def _stored_request(path: Path, out: Path) -> None:
    """As in a .blend from a stranger: a take's property with any text."""
    import bpy

    from ecoface_blender.animation import actions
    from ecoface_blender.generate.again import request_again
    from ecoface_blender.sound import named_files

    named_files.remember(str(path.parents[2] / "good.wav"))
    action = bpy.data.actions.new("foreign")
    try:
        action[actions.METADATA] = path.read_bytes().decode("utf-8", "replace").replace("\0", "?")
        actions.read_metadata(action)
        request_again(bpy.context, action, str(out))
    finally:
        bpy.data.actions.remove(action)


def problem_of(code: int, said: str, out: Path) -> str:
    """What is wrong with how a try ended; empty if nothing is."""
    lines = [line for line in said.splitlines() if line.strip()]
    if "Traceback" in said:
        return "a traceback"
    if code not in (0, 2):
        return f"exit code {code}"
    if code == 2 and (len(lines) != 1 or len(lines[0]) > SENTENCE_ENDS):
        return f"{len(lines)} lines instead of one sentence"
    files = sorted(out.rglob("*"))
    if code == 2 and files:
        return f"'{files[0].name}' was left"
    for file in files:
        if file.suffix == ".npz":
            with np.load(file, allow_pickle=False) as arrays:
                finite = all(np.isfinite(each).all() for each in arrays.values() if each.dtype.kind == "f")
            if not finite:
                return "numbers that are not finite"
        elif file.suffix != ".csv":
            return f"'{file.name}' was left"
    return ""


def peak_megabytes() -> float:
    """The most memory that this process has had since the peak was reset."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    os.chdir(ROOT)
    for module in ("ecoface_model.pipeline", "ecoface_blender.generate.again"):  # no try waits for them
        importlib.import_module(module)
    importlib.import_module("ecoface_blender").register()
    answers.write("ready\n")
    for line in sys.stdin:
        asked = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        out = Path(asked["out"])
        try:
            code, said = attempt(asked["kind"], Path(asked["path"]), out)
            problem = problem_of(code, said, out)
        except BaseException as error:
            code, said, problem = 1, traceback.format_exc(), f"{type(error).__name__}: {error}"
        answers.write(
            json.dumps({"code": code, "said": said, "problem": problem, "peak": peak_megabytes()}) + "\n"
        )


if __name__ == "__main__":
    main()
