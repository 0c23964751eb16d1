"""What the stages leave in their run folders: the files' names, and their readers."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ecoface_model.config import EmotionConfig, MotionGeneratorConfig, VisualConfig
from ecoface_model.core.errors import ModelFileError
from ecoface_model.core.npz import json_object
from ecoface_model.model_header import config_of, read_styles
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.speech_encoder import EmotionEncoder
from ecoface_model.wavenet import fold_weight_norm
from training.runs.run import CONFIG

ENCODER, VISUAL, PROTOTYPES = "encoder.safetensors", "visual.safetensors", "prototypes.safetensors"
CLASSIFIER = "classifier.safetensors"
"""Of train_emotion."""
GENERATOR = "generator.safetensors"
"""Of train_motion."""


def read_generator(path: Path) -> tuple[MotionGenerator, tuple[str, ...]]:
    """What train_motion wrote, ready to run, and the names of its styles.

    Raises:
        ModelFileError: if the file is missing or holds something else.
    """
    weights = read_tensors(path, "training.train_motion")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
        styles = read_styles(metadata["styles"])
        config = config_of(MotionGeneratorConfig, json_object(metadata["config"]))
        generator = MotionGenerator(config)
        fold_weight_norm(generator)
        generator.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise of_another_kind(path, "a motion generator", error) from error
    return generator.eval().requires_grad_(False), styles


def read_emotion_configs(run: Path) -> tuple[EmotionConfig, VisualConfig]:
    """Sizes of the encoders that a run of train_emotion made.

    Raises:
        ModelFileError: if its config.json is missing or another stage's.
    """
    path = run / CONFIG
    if not path.is_file():
        raise missing(path, "training.train_emotion")
    try:
        values = json_object(path.read_text(encoding="utf-8"))
        return config_of(EmotionConfig, values["encoder"]), config_of(VisualConfig, values["visual"])
    except (KeyError, TypeError, ValueError) as error:
        raise of_another_kind(path, "the config of train_emotion", error) from error


def fill(network: nn.Module, path: Path, step: str) -> None:
    """Load one network's weights.

    Raises:
        ModelFileError: if they are missing or another network's.
    """
    weights = {name: value.float() for name, value in read_tensors(path, step).items()}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise of_another_kind(path, f"weights of this {type(network).__name__}", error) from error


def fill_emotion(encoder: EmotionEncoder, path: Path) -> None:
    """Load the emotion encoder's own weights, which stand behind the frozen front.

    Raises:
        ModelFileError: if they are missing or another network's.
    """
    weights = {name: value.float() for name, value in read_tensors(path, "training.train_emotion").items()}
    try:
        encoder.load_own_state(weights)
    except RuntimeError as error:
        raise of_another_kind(path, "weights of this emotion encoder", error) from error


def read_tensors(path: Path, step: str) -> dict[str, Tensor]:
    """All tensors of a file that `step` makes.

    Raises:
        ModelFileError: if it is missing or damaged.
    """
    if not path.is_file():
        raise missing(path, step)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise of_another_kind(path, "tensors", error) from error
    return tensors


def missing(path: Path, step: str) -> ModelFileError:
    """The error of a file that a stage has not written yet."""
    return ModelFileError(f"expected {path.name} in {path.parent}, found none; run `python -m {step}` first")


def of_another_kind(path: Path, wanted: str, error: Exception) -> ModelFileError:
    """The error of a file that holds something else than was `wanted`."""
    said = str(error).strip().splitlines()[0].rstrip(".:") or type(error).__name__
    return ModelFileError(
        f"expected {wanted} in {path}, found a file that is damaged or of another kind ({said}); "
        f"make it again"
    )
