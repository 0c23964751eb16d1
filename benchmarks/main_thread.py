"""How long Blender stands still for a line, and how soon it is there: python benchmarks/main_thread.py

Does what the modal operator does, in Blender without a window, with the default model: the clock runs twenty
times a second, and whatever the main thread does in between is measured, the undo step included. Cold is with
the engine not started; warm is the median of five lines after it. Cancel: from the cancellation until
everything is cleared up, the median of five. Drawing is not in it: see it in the application.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import bpy

import ecoface_blender
from ecoface_blender import running
from ecoface_blender.engine import engine
from ecoface_blender.engine import job as engine_job
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.generate import gather, generation
from ecoface_blender.sound import sequencer
from ecoface_blender.ui.watching import POLL_SECONDS, progress_text

DEMO = Path(__file__).resolve().parent.parent / "demo" / "speech.wav"
REPEATS = 5


class MainThread:
    """Calls, and how long each held Blender up."""

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}

    def do(self, name: str, function, *arguments):
        begun = time.perf_counter()
        try:
            return function(*arguments)
        finally:
            took = time.perf_counter() - begun
            self.longest[name] = max(took, self.longest.get(name, 0.0))


def line(main_thread: MainThread, cancel_at: str | None = None) -> float:
    """Seconds from the click to the keys, or from the cancellation to its end."""
    context, begun = bpy.context, time.perf_counter()
    folder = engine_job.job_folder()
    wanted = main_thread.do("gather", gather.request, context, engine_settings(context), {}, folder.name)
    job = main_thread.do("start", generation.start, wanted, engine_settings(context), folder)
    while not main_thread.do("step", job.step):
        main_thread.do("text", progress_text, job)
        if job.stage == cancel_at:
            return cancelled(main_thread, job)
        time.sleep(POLL_SECONDS)
    main_thread.do("keys", generation.finish, context, job)
    main_thread.do("clear up", running.end, job)
    took = time.perf_counter() - begun
    main_thread.do("undo step", lambda: bpy.ops.ed.undo_push(message="line"))
    return took


def cancelled(main_thread: MainThread, job: generation.Generation) -> float:
    """As by the button: the operator notices at its next tick."""
    begun = time.perf_counter()
    main_thread.do("cancel", job.cancel)
    time.sleep(POLL_SECONDS)
    try:
        job.step()
    except EcoFaceBlenderError:
        main_thread.do("clear up", running.end, job)
    took = time.perf_counter() - begun
    assert not Path(job.folder.name).exists() and running.job is None
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sound", type=Path, default=DEMO, help="the line (default: the demo's, 5 s)")
    options = parser.parse_args()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    ecoface_blender.register()
    print(f"Blender {bpy.app.version_string}; load of this machine before: {os.getloadavg()[0]:.1f}")
    bpy.ops.ecoface.add_head()
    sequencer.add_sound_strip(bpy.context.scene, options.sound.resolve(), 1)
    main_thread = MainThread()
    print(f"click to keys, cold: {line(main_thread):.2f} s")
    print(f"click to keys, warm: {statistics.median(line(main_thread) for _ in range(REPEATS)):.2f} s")
    cancels = [line(main_thread, cancel_at="Animating") for _ in range(REPEATS)]
    print(f"cancel to its end: {statistics.median(cancels):.3f} s, at most {max(cancels):.3f} s (goal 0.5 s)")
    parts = ", ".join(f"{name} {1000 * took:.0f}" for name, took in main_thread.longest.items())
    print(f"longest pause of the main thread: {1000 * max(main_thread.longest.values()):.0f} ms ({parts})")
    engine.close()
    ecoface_blender.unregister()


if __name__ == "__main__":
    main()
    os._exit(0)  # some of Blender's wheels do not return from their own clean-up
