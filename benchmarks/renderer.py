"""How fast grey faces are drawn on this machine: python benchmarks/renderer.py [--threads 2] [--frames 48]

Faces a second at both sizes in use: drawn, drawn with gradient to the motion, and drawn with no part of
the head left out. On a busy machine the rate by the processor's own seconds tells more: faces per
second of processor, times the threads.
"""

import argparse
import os
import time
from collections.abc import Callable

import torch

from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.grey import FRAMES_AT_ONCE, GreyFaces, grey_faces

GOALS = {"forward": 60, "forward and backward": 20}  # faces a second at 128 on two cores


def main() -> None:
    """Measure, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=48)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"load of this machine before: {os.getloadavg()[0]:.1f}; {options.threads} threads")
    head = FlameHead.from_file(read_head())
    motion = 0.3 * torch.randn(1, options.frames, 53, generator=torch.Generator().manual_seed(0))
    motion[..., 50:] = torch.tensor([0.1, 0, 0])
    for size in (128, 64):
        drawer = GreyFaces(head, size)
        print(f"{size}: {len(drawer.head.faces)} of {len(head.faces)} faces of the head are kept")
        kinds: dict[str, Callable[[], object]] = {
            "forward": lambda drawer=drawer: drawer(motion),
            "forward and backward": lambda drawer=drawer: backward(drawer, motion),
            "forward, the whole head": lambda drawer=drawer: whole(head, drawer, motion),
        }
        for kind, draw in kinds.items():
            clock, processor = rates(draw, options.frames)
            goal = f" (goal {GOALS[kind]})" if kind in GOALS and size == 128 else ""
            print(f"  {kind}: {clock:.0f} faces/s{goal}; {processor * options.threads:.0f} by the processor")


def rates(draw: Callable[[], object], frames: int) -> tuple[float, float]:
    """Faces per second on the clock and per second of processor; the first run allocates."""
    draw()
    started, busy = time.perf_counter(), time.process_time()
    draw()
    return frames / (time.perf_counter() - started), frames / (time.process_time() - busy)


def backward(drawer: GreyFaces, motion: torch.Tensor) -> None:
    """Draw, and bring the gradient back to the motion."""
    drawer(motion.clone().requires_grad_()).square().sum().backward()


def whole(head: FlameHead, drawer: GreyFaces, motion: torch.Tensor) -> None:
    """Draw every face that the head has."""
    for part in motion[0].split(FRAMES_AT_ONCE):
        grey_faces(head.vertices(part), head.faces, drawer.camera, drawer.size)


if __name__ == "__main__":
    main()
