"""The whole training recipe at a toy size, command by command: `make toy-recipe`.

It shows that every stage runs and fits the next, not that anything is learned. The content encoder comes from
the model that ships, so that nothing is downloaded. Steps that are done are gone through quickly.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.model_file import DEFAULT_MODEL

CONTENT = "content."
"""How a model file names the content encoder's tensors."""
HOURS = "0.107"
SEEDS = {("hibari",): 241, ("hibari", "flite", "espeak"): 204}
"""By the voices: with these seeds so few clips show all emotions at all intensities in the split train, and
all emotions in the split val."""
ENCODER = ("feature-dim=16", "n-layers=1", "n-heads=2", "feedforward-dim=32")
VISUAL = ("--visual.feature-dim=16", "--visual.image-size=32", "--visual.widths", "4", "4", "8", "8")
GENERATOR = (
    *("emotion-dim=16", "hidden-dim=16", "condition-dim=8", "flow-hidden-dim=8"),
    *("n-encoder-layers=2", "n-couplings=2"),
)
TRAINING = "Made at a toy size to show that the recipe runs; it has learned next to nothing."


def commands(out: Path, voices: Sequence[str]) -> list[tuple[str, ...]]:
    """Modules with their arguments, in order."""
    corpus, features, content = out / "corpus", out / "features", out / "whisper.safetensors"
    where = (f"--corpus={corpus}", f"--features={features}")
    steps = [
        f"synthetic.corpus {corpus} --hours={HOURS} --seed={SEEDS[tuple(voices)]} "
        f"--voices {' '.join(voices)}",
        f"synthetic.perform {corpus}",
        f"features --kind=content --corpus={corpus} --folder={features} --content-weights={content} "
        "--n-variants=1",
        f"features --kind=front --corpus={corpus} --folder={features} --content-weights={content} "
        "--n-variants=1",
        f"faces {corpus} --out={out / 'faces'} --image-size=32 --n-frames=8",
        f"train_sync --run={out / 'sync'} {' '.join(where)} --n-variants=1 --expert.hidden-dim=48 "
        "--expert.embedding-dim=64 --n-steps=200 --batch-size=128 --score-every=200 --learning-rate=3e-3 "
        "--warm-up=20 --n-scored=400 --n-scored-clips=6",
        f"train_emotion --run={out / 'emotion'} {' '.join(where)} --faces={out / 'faces'} --n-variants=1 "
        f"{' '.join(f'--encoder.{option}' for option in ENCODER)} {' '.join(VISUAL)} --n-steps=6 --n-clips=6 "
        "--n-frames=25 --n-frames-seen=4 --warm-up=1 --ramp=2 --log-every=2 --n-fit-steps=20",
        f"features --kind=emotion --corpus={corpus} --folder={features} --n-variants=1 "
        f"--emotion-weights={out / 'emotion' / 'encoder.safetensors'} "
        f"{' '.join(f'--emotion.{option}' for option in ENCODER)}",
        f"train_motion --run={out / 'motion'} {' '.join(where)} --n-variants=1 --n-emotion-variants=1 "
        f"--prototypes={out / 'emotion' / 'prototypes.safetensors'} "
        f"--visual-weights={out / 'emotion' / 'visual.safetensors'} "
        f"--sync={out / 'sync' / 'sync.safetensors'} "
        f"{' '.join(f'--generator.{option}' for option in GENERATOR)} {' '.join(VISUAL)} --n-steps=8 "
        "--batch-size=4 --n-frames=32 --look.n-clips=2 --look.n-frames=2 --warm-up=2 --closure-from=6 "
        "--log-every=4 --score-every=8 --n-scored-clips=2",
        f"release --content={content} --emotion={out / 'emotion'} --motion={out / 'motion'} "
        f"--out={out / 'toy.safetensors'} --name=toy",
        f"evaluate table --model={out / 'toy.safetensors'} --corpus={corpus} --split=val --n-clips=3 "
        f"--sync={out / 'sync' / 'sync.safetensors'} --out={out / 'evaluation'} --device=cpu",
    ]
    told = {"release": ("--training", TRAINING)}
    return [(*step.split(), *told.get(step.split()[0], ())) for step in steps]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all of them, each as its own process, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/toy"))
    parser.add_argument("--voices", nargs="+", default=["hibari", "flite", "espeak"])
    config = parser.parse_args(arguments)
    if tuple(config.voices) not in SEEDS:
        known = " or ".join(f"'{' '.join(voices)}'" for voices in SEEDS)
        parser.error(f"expected the voices {known}, found '{' '.join(config.voices)}'")
    if " " in str(config.out):
        parser.error(f"expected a folder without blanks, found '{config.out}'; take another")
    config.out.mkdir(parents=True, exist_ok=True)
    with safe_open(DEFAULT_MODEL, "pt") as model:
        names = [name for name in model.keys() if name.startswith(CONTENT)]  # noqa: SIM118 - not a dict
        content = {name.removeprefix(CONTENT): model.get_tensor(name).float() for name in names}
    with atomic_write(config.out / "whisper.safetensors") as temporary:
        save_file(content, temporary)
    began = time.monotonic()
    for module, *rest in commands(config.out, config.voices):
        print(f"\n$ python -m training.{module} {' '.join(rest)}", flush=True)
        started = time.monotonic()
        subprocess.run([sys.executable, "-m", f"training.{module}", *rest], check=True)
        print(f"[{time.monotonic() - started:.0f} s]", flush=True)
    print(f"\nThe whole recipe: {time.monotonic() - began:.0f} s, {config.out / 'toy.safetensors'}")


if __name__ == "__main__":
    main()
