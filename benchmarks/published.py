"""The paper's size against the published code's structure, side by side: python benchmarks/published.py

Random weights, 5 s of speech, the CPU. The published inference was read for facts, not for code: two whole
HuBERT-large hear the clip, each with a convolutional front of its own; the emotion is always that of a
recording, which is repeated until it is as long as the speech; a prior sample is decoded by WaveNets whose
dilations are all 1. It is written anew here for its time alone, on the same weights. Ours is the whole of
`EcoFace.generate`, but for the lips and lids that it settles on a head, for random motion is none. Runs take
turns; medians are of seven, and of the ratio of each pair. The goal is half the time.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SECONDS, RATE = 5.0, 16_000
GOAL = 0.5


def main() -> None:
    """Print a line for each source of the emotion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--layers", type=int, help="of each HuBERT, if not its 24: to try this program")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    import numpy as np
    import torch
    from tiny_model import voice

    torch.set_num_threads(options.threads)
    ecoface = random_model(options.layers)
    published = Published(ecoface.networks)
    line, half = voice(SECONDS), voice(SECONDS / 2, seed=1)
    repeated = np.tile(half, 2)  # as long as the line
    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "of the speech": (lambda: ecoface.generate(line), lambda: published(line, line)),
        "of a clip of half its length": (
            lambda: ecoface.generate(line, emotion_from=half),
            lambda: published(line, repeated),
        ),
        "by a label, theirs by a clip": (
            lambda: ecoface.generate(line, emotion="happy"),
            lambda: published(line, line),
        ),
    }
    print(f"load of this machine before: {os.getloadavg()[0]:.1f}; {options.threads} threads")
    for kind, (ours, theirs) in pairs.items():
        runs = [(clocked(ours), clocked(theirs)) for _ in range(options.repeats + 1)][1:]
        wall, busy = ([(a[k], b[k]) for a, b in runs] for k in (0, 1))
        our, their = (statistics.median(column) for column in zip(*wall, strict=True))
        ratio, of_processor = (statistics.median(a / b for a, b in each) for each in (wall, busy))
        print(
            f"emotion {kind}: {SECONDS:g} s in {our:.2f} s, published structure {their:.2f} s; "
            f"ratio {ratio:.2f} (goal {GOAL:g}), of the processor's time {of_processor:.2f}",
            flush=True,
        )


class Published:
    """What the published inference computes, on the weights of a model of ours."""

    def __init__(self, networks: Any) -> None:
        import torch

        from ecoface_model.motion_generator import MotionGenerator
        from ecoface_model.wavenet import fold_weight_norm

        self._content, self._emotion = networks.content, networks.emotion
        self._config = replace(networks.config.generator, dilations=(1,))
        self._generator = MotionGenerator(self._config).eval()
        fold_weight_norm(self._generator)
        self._noise = torch.Generator().manual_seed(0)

    def __call__(self, line: Any, of_emotion: Any) -> Any:
        """Motion (1, T, 53) of one clip with the emotion of another, as long."""
        import torch

        with torch.inference_mode():
            content = self._content(torch.from_numpy(line)[None])  # (1, 2T, F)
            emotion = self._emotion(torch.from_numpy(of_emotion)[None])[:, : content.shape[1]]
            whole = -(-content.shape[1] // (2 * self._config.stride)) * 2 * self._config.stride  # strides
            content, emotion = (
                torch.nn.functional.pad(each, (0, 0, 0, whole - each.shape[1])) for each in (content, emotion)
            )
            steps = whole // (2 * self._config.stride)
            noise = torch.randn(1, steps, self._config.latent_dim, generator=self._noise)
            style = torch.nn.functional.one_hot(torch.tensor([0]), self._config.n_styles).float()
            return self._generator.sample(content, emotion, style, noise).motion


def random_model(layers: int | None) -> Any:
    """The paper's size with random weights."""
    from tiny_model import INFO, tiny_networks, tiny_prototypes

    from ecoface_model.backends.torch_backend import TorchBackend
    from ecoface_model.checkpoint import Model
    from ecoface_model.config import paper_config
    from ecoface_model.device import choose_device
    from ecoface_model.pipeline import EcoFace

    config = paper_config(n_styles=3)
    if layers is not None:
        shorter = (replace(each, n_layers=layers) for each in (config.content, config.emotion))
        config = replace(config, **dict(zip(("content", "emotion"), shorter, strict=True)))
    networks = tiny_networks(config)
    means = [tiny_prototypes(config, seed).numpy() for seed in (1, 2)]
    model = Model(
        networks=networks,
        config=config,
        styles=("anna", "ben", "cleo"),
        prototypes=means[0],
        visual_prototypes=means[1],
        info={**INFO, "head": "none"},
        hash="none",
    )
    return EcoFace(TorchBackend(model, choose_device("cpu")))


def clocked(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    began, busy = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - busy


if __name__ == "__main__":
    main()
