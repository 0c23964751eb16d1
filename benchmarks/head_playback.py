"""What a frame of our head costs Blender, and Add Head itself: python benchmarks/head_playback.py

Every key moves on every frame. Measured is the evaluation of the scene (keys, strands, drivers), of the
processor and by the clock, the least of several rounds; drawing is not in it. Plain is a head without look.
"""

import os
import time

import bpy
import numpy as np

import ecoface_blender
from ecoface_blender.animation import actions
from ecoface_blender.heads import dressing, own_head

FRAMES, ROUNDS, RATE = 48, 5, 24


def seconds(function, *arguments) -> tuple[float, float]:
    """Processor and wall clock."""
    wall, processor = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.process_time() - processor, time.perf_counter() - wall


def talking(head: bpy.types.Object) -> None:
    """Key the head with smooth noise on all 53 numbers."""
    motion = np.cumsum(np.random.default_rng(0).normal(0, 0.1, (FRAMES + 2, 53)), axis=0) * 0.5
    motion[:, 50:] *= 0.05
    frames, motion = actions.resample_to_scene(motion, RATE, RATE, 1)
    actions.write_action(head, own_head.key_values(head, motion), frames, "Take", {})


def played(frame_set) -> None:
    """Once from the first frame to the last."""
    for frame in range(1, FRAMES + 1):
        frame_set(frame)


def main() -> None:
    """Measure and print."""
    ecoface_blender.register()
    print(f"Blender {bpy.app.version_string}; load of this machine before: {os.getloadavg()[0]:.1f}")
    for name in ("plain", "with its look"):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        bpy.context.scene.render.fps = RATE
        arrays = own_head.load_head()
        added = [seconds(own_head.add_head, bpy.context, arrays, "Head")]
        head = bpy.context.view_layer.objects.active
        if name != "plain":
            added.append(seconds(dressing.apply_look, head))
        talking(head)
        rounds = [seconds(played, bpy.context.scene.frame_set) for _ in range(ROUNDS)]
        processor, wall = (1000 * min(each[k] for each in rounds) / FRAMES for k in (0, 1))
        made = " + ".join(f"{each[0]:.2f}" for each in added)
        print(
            f"{name}: a frame {processor:.1f} ms of processor, {wall:.1f} ms; made in {made} s of processor"
        )
    ecoface_blender.unregister()


if __name__ == "__main__":
    main()
    os._exit(0)  # some of Blender's wheels do not return from their own clean-up
