"""Each training stage at the paper's size on this machine's CPU: python benchmarks/paper_size.py [--count]

Networks as wide and deep as the paper's (HuBERT-large, ResNet-18, 1024-d features), random weights, a tiny
corpus of noise: seconds and peak memory of a whole run of two steps at the smallest batch, each stage in a
process of its own. Then, without computing anything, what a batch holds in float32 until its backward pass:
counted on tensors without memory, at the smallest batch and at the paper's.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SMALLEST = {"emotion": 1, "sync": 2, "motion": 1}  # clips, windows, crops; batch normalisation needs two
PAPER_BATCH = {"emotion": 30, "sync": 512, "motion": 50}  # Sec. 4.1; of the sync-expert none is given: ours


def main() -> None:
    """Measure and count every stage, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", nargs="+", choices=tuple(SMALLEST), default=list(SMALLEST))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--count", action="store_true", help="only count, train nothing")
    parser.add_argument("--one", action="store_true", help="be the measured process of one stage")
    options = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
    if options.one:
        run_one(options.stages[0], options.threads)
        return
    for stage in options.stages:
        if not options.count:
            command = [
                sys.executable,
                __file__,
                "--one",
                "--threads",
                str(options.threads),
                "--stages",
                stage,
            ]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            print(f"{stage}, batch {SMALLEST[stage]}: {done.stdout.splitlines()[-1]}", flush=True)
        few, many = (held(stage, batches[stage]) for batches in (SMALLEST, PAPER_BATCH))
        print(
            f"{stage}: for the backward pass {few / 1e9:.2f} GB at batch {SMALLEST[stage]}, "
            f"{many / 1e9:.1f} GB at batch {PAPER_BATCH[stage]}",
            flush=True,
        )


def run_one(stage: str, threads: int) -> None:
    """Train two steps; print seconds and the process's peak memory."""
    import torch
    from paper_stages import STAGES, write_paper_corpus

    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_paper_corpus(folder, full=True)
        began = time.monotonic()
        STAGES[stage](folder, folder / "run", SMALLEST[stage], True)
        seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # of kB
    print(f"two steps and all that is written in {seconds:.0f} s, at most {peak:.1f} GB")


def held(stage: str, batch: int) -> int:
    """Bytes that a stage's networks keep for the backward pass, parameters not counted.

    Of the motion stage, the generator alone: its judges see few faces, which do not grow with the batch.
    """
    import torch
    from paper_stages import PAPER
    from torch import nn

    from ecoface_model.core.constants import FEATURES_PER_FRAME
    from training.train_emotion import EmotionEncoders
    from training.train_emotion_paper import PAPER as EMOTION
    from training.train_motion import TrainMotionConfig

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device="meta")

    feature, frames = PAPER.content.feature_dim, TrainMotionConfig().n_frames
    with torch.device("meta"):
        if stage == "emotion":
            encoders = EmotionEncoders(EMOTION).train()
            size = EMOTION.visual.image_size
            rows = noise(2 * batch, EMOTION.n_frames, FEATURES_PER_FRAME * EMOTION.encoder.feature_dim)
            faces = noise(2 * batch, EMOTION.n_frames_seen, 1, size, size)
            return kept(encoders, lambda: (encoders.audio.of_front(rows), encoders.visual(faces)))
        if stage == "sync":
            from paper_stages import SYNC

            from training.objectives.sync_expert import SyncExpert

            expert = SyncExpert(SYNC).train()
            mouth, content = noise(batch, 5, 20, 3), noise(2 * batch, 10, feature)
            return kept(expert, lambda: (expert.embed_mouth(mouth), expert.embed_content(content)))
        from ecoface_model.motion_generator import MotionGenerator

        generator: nn.Module = MotionGenerator(PAPER.generator)
        config = PAPER.generator
        speech = noise(batch, 2 * frames, feature)
        inputs = (
            noise(batch, frames, 53),
            speech,
            speech,
            noise(batch, config.n_styles),
            noise(batch, feature),
        )
        white = noise(batch, frames // config.stride, config.latent_dim)
        return kept(generator, lambda: generator(*inputs, white))


def kept(module: "object", forward: Callable[[], object]) -> int:
    """Bytes of the distinct storages that autograd keeps during a forward pass, but for parameters."""
    import torch

    own = {p.untyped_storage()._cdata for p in module.parameters()}
    sizes: dict[int, int] = {}
    alive = []  # a freed storage's address would be used again

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            sizes[storage._cdata] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        alive.append(forward())
    return sum(sizes.values())


if __name__ == "__main__":
    main()
