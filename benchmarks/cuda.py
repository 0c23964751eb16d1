"""What a graphics card makes of EcoFace: python benchmarks/cuda.py [--stages paper|tiny|none]

On CUDA, in the precision that is used there (half for inference): the default model with every source of an
emotion, the renderer of grey faces, and one step of each training stage, at the paper's widths and smallest
batch. Each line says how long it took (the median of three, warm; a stage once), the most memory that PyTorch
held on the card, and how far it is from the CPU's in float32: a motion in mm at the vertex of the head, in
any frame, that differs most. Ends with 1 where that is more than 0.1 mm, and with 2 without CUDA.
"""

import argparse
import csv
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo" / "speech.wav"
LIMIT = 0.1  # mm
REPEATS = 3
GREY = 0.01
"""Of black to white: how much darker or lighter a pixel is that counts as another one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all, and say what differs too much; the exit code."""
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    import torch

    from ecoface_model.core.errors import RequestError
    from ecoface_model.device import DEVICES, choose_device, hardware

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default=DEVICES[0], help="to try this program without a graphics card")
    parser.add_argument("--stages", choices=("paper", "tiny", "none"), default="paper")
    options = parser.parse_args(arguments)
    try:
        device = choose_device(options.device)
    except RequestError:
        print(f"There is no {options.device.upper()} for PyTorch {torch.__version__}; nothing was measured.")
        return 2
    print(f"{hardware(str(device))}, PyTorch {torch.__version__}")
    worst, motion = inference(device)
    renderer(device, motion)
    if options.stages != "none":
        stages(device, options.stages == "paper")
    if worst > LIMIT:
        print(f"expected at most {LIMIT} mm between the card and the CPU, found {worst:.4f} mm")
        return 1
    return 0


def inference(device: Any) -> tuple[float, np.ndarray]:
    """The default model; the largest difference in mm, and a motion (T, 53)."""
    from ecoface_model.audio import read_sound
    from ecoface_model.core.head_file import read_head
    from ecoface_model.core.head_mesh import HeadMesh
    from ecoface_model.device import TORCH
    from ecoface_model.pipeline import EcoFace

    line, head = read_sound(DEMO), HeadMesh(read_head())
    seconds = len(line) / 16_000
    here, there = (EcoFace.load(None, name, TORCH) for name in ("cpu", str(device)))
    spoken = here.generate(line)
    kinds: dict[str, dict[str, Any]] = {
        "the speech": {},
        "a label": {"emotion": "happy:1.5"},
        "a clip that is heard": {"emotion_from": line[: len(line) // 2]},
        "a performance that is seen": {"emotion_from": spoken},
    }
    worst = 0.0
    for kind, wanted in kinds.items():
        expected = here.generate(line, **wanted).motion
        took, memory, found = measured(device, lambda wanted=wanted: there.generate(line, **wanted).motion)
        apart = apart_mm(head, found, expected)
        worst = max(worst, apart)
        print(f"inference, emotion of {kind}: {seconds / took:.0f}x real time, {memory}, {apart:.4f} mm")
    return worst, spoken.motion


def apart_mm(head: Any, found: np.ndarray, expected: np.ndarray) -> float:
    """How far motions (T, 53) are apart on a head, in mm at the vertex and in the frame of the most."""
    return float(1000 * np.linalg.norm(head.vertices(found) - head.vertices(expected), axis=-1).max())


def renderer(device: Any, motion: np.ndarray) -> None:
    """Grey faces of a motion, as the visual encoder sees them at the paper's size."""
    import torch

    from ecoface_model.core.head_file import read_head
    from ecoface_model.flame import FlameHead
    from ecoface_model.renderer.grey import GreyFaces

    frames = torch.from_numpy(motion)[None]  # (1, T, 53)
    draw = GreyFaces(FlameHead.from_file(read_head()))
    with torch.inference_mode():
        expected = draw(frames)
        draw, frames = draw.to(device), frames.to(device)
        took, memory, found = measured(device, lambda: draw(frames).cpu())
    others = ((found - expected).abs() > GREY).double().mean()
    print(
        f"renderer: {frames.shape[1] / took:.0f} frames a second, {memory}, {others:.4%} of the pixels differ"
    )


def stages(device: Any, paper: bool) -> None:
    """A run of each training stage on a corpus of noise: one step at the paper's widths, or tiny ones."""
    import paper_stages
    import tiny_stages
    from paper_size import SMALLEST

    for stage in SMALLEST:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if paper:
                paper_stages.write_paper_corpus(folder, full=True)
                run = partial(paper_stages.STAGES[stage], folder, folder / "run", SMALLEST[stage], True)
                run = partial(run, n_steps=1, device=str(device))
            else:
                tiny_stages.write_stage_corpus(folder)
                run = partial(tiny_stages.STAGES[stage], folder, folder / "run", str(device))
            with redirect_stdout(io.StringIO()):  # scores of networks that have learned nothing
                took, memory, _ = measured(device, run, repeats=1)
            with (folder / "run" / "log.csv").open() as log:
                rows = list(csv.DictReader(log))
        said = f"loss {float(rows[0]['loss']):.3f}"
        print(f"training, {stage}: {len(rows)} steps and all around them in {took:.1f} s, {memory}, {said}")


def measured(device: Any, run: Callable[[], Any], repeats: int = REPEATS) -> tuple[float, str, Any]:
    """Seconds of a run, the most memory that PyTorch held on the device, and what the run gave."""
    import torch

    card = torch.get_device_module(device)
    counts = hasattr(card, "max_memory_allocated")
    if counts:
        card.reset_peak_memory_stats()
    if repeats > 1:
        run()  # the first one chooses kernels, and takes memory
    taken, gave = [], None
    for _ in range(repeats):
        card.synchronize()
        began = time.perf_counter()
        gave = run()
        card.synchronize()
        taken.append(time.perf_counter() - began)
    memory = f"at most {card.max_memory_allocated() / 1e6:.0f} MB" if counts else "memory not counted"
    return statistics.median(taken), memory, gave


if __name__ == "__main__":
    sys.exit(main())
