"""A troubled engine: killed, stopped, fed rubbish, its disk full, its folder gone, its model replaced.

Each trouble costs one line, in one sentence, or nothing; Blender stays usable, and the next line works.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .good_files import ROOT, write_all

SILENCE_SECONDS = 5.0
"""Without a heartbeat for so long an engine hangs; shorter than in use, so that nobody waits a minute."""
LONGEST = 60.0  # s
SMALL_DISK = "size=2m"


@dataclass
class Ended:
    """How a line ended in a trouble, and whether the next one worked."""

    trouble: str
    said: str
    """The sentence, or what was made."""
    seconds: float
    problem: str = ""


def run(folder: Path) -> list[Ended]:
    """Every trouble, one after another, in one Blender."""
    good = write_all(folder)
    with blender(good) as line:
        line.generate()
        ended = [tried(line, name, during) for name, during in DURING.items()]
        with small_disk(folder) as there:
            ended.append(
                tried(line, "its disk full", fill_disk) if there else Ended("its disk full", "not tried", 0)
            )
        model = Path(good["model"])
        kept = model.read_bytes()
        model.write_bytes(b"rubbish")
        line.forget_engine()
        ended.append(tried(line, "its model replaced by rubbish", None, lambda: model.write_bytes(kept)))
    return ended


def tried(
    line: "Line", name: str, during: Callable[[Any], None] | None, after: Callable[[], object] = lambda: None
) -> Ended:
    """One line in a trouble, and the next one without."""
    from ecoface_blender.errors import EcoFaceBlenderError

    begun, said, problem = time.monotonic(), "", ""
    try:
        said = line.generate(during)
    except EcoFaceBlenderError as error:
        said = str(error)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - begun
    if "\n" in said or seconds > LONGEST:
        problem = problem or f"no one sentence within {LONGEST:.0f} s"
    after()
    try:
        line.generate()
    except EcoFaceBlenderError as error:
        problem = problem or f"the next line: {error}"
    return Ended(name, said, seconds, problem)


class Line:
    """What generates one line in this Blender."""

    def __init__(self, good: dict[str, Path]) -> None:
        from ecoface_blender.engine.settings import EngineSettings

        self._settings = EngineSettings(python=sys.executable, model=str(good["model"]), device="cpu")
        self._given = {"sound": str(good["sound .wav"]), "head": "Anna", "style": "ben", "emotion": ""}

    def generate(self, during: Callable[[Any], None] | None = None) -> str:
        """Says what was made; `during` gets the job while the engine is at work."""
        import bpy

        from ecoface_blender import running
        from ecoface_blender.engine.job import job_folder
        from ecoface_blender.generate import gather, generation

        folder = job_folder()
        request = gather.request(bpy.context, self._settings, self._given, folder.name)
        job = generation.start(request, self._settings, folder)
        try:
            while not job.step():
                if during and (job.stage == "Animating" or job.stage == "Reading the sound"):
                    during(job)
                    during = None
                time.sleep(0.002)
            return generation.finish(bpy.context, job)
        finally:
            running.end(job)

    def forget_engine(self) -> None:
        """So that the next line starts it and loads its model."""
        from ecoface_blender.engine import engine

        engine.close()


@contextmanager
def blender(good: dict[str, Path]) -> Iterator[Line]:
    """EcoFace registered in an empty file with a head."""
    import bpy

    import ecoface_blender
    from ecoface_blender.engine import client
    from ecoface_blender.heads import own_head

    client.WorkerClient.__init__.__kwdefaults__["silence_seconds"] = SILENCE_SECONDS
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    ecoface_blender.register()
    head = own_head.load_head(ROOT / "ecoface_model" / "assets" / "reference_head.npz")
    own_head.add_head(bpy.context, head, "Anna")
    try:
        yield Line(good)
    finally:
        ecoface_blender.unregister()


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Job folders lie on a disk of 2 MB for a while; False where that may not be mounted."""
    place = folder / "small disk"
    place.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", SMALL_DISK, "tmpfs", str(place)], capture_output=True
    )
    before = tempfile.tempdir
    try:
        if mounted.returncode == 0:
            tempfile.tempdir = str(place)
        yield mounted.returncode == 0
    finally:
        tempfile.tempdir = before
        if mounted.returncode == 0:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill_disk(job: Any) -> None:
    """Nothing is left for the job's results."""
    place = Path(job.folder.name) / "full"
    with suppress(OSError), place.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))


def kill(job: Any) -> None:
    """As the system does where memory is short."""
    _process(job).kill()


def stop(job: Any) -> None:
    """It lives, and does nothing."""
    os.kill(_process(job).pid, signal.SIGSTOP)


def feed_rubbish(job: Any) -> None:
    """Bytes that are no messages."""
    _process(job).stdin.write(b"\x00\xff{]\n" * 100)
    _process(job).stdin.flush()


def remove_folder(job: Any) -> None:
    """As a cleaner of temporary files does."""
    shutil.rmtree(job.folder.name)


def _process(job: Any) -> "subprocess.Popen[bytes]":
    process: subprocess.Popen[bytes] = job._client._process
    return process


DURING: dict[str, Callable[[Any], None]] = {
    "killed": kill,
    "stopped (SIGSTOP)": stop,
    "fed rubbish": feed_rubbish,
    "its job folder removed": remove_folder,
}
