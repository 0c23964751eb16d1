"""Fit the classifier of a finished model anew, to more recordings or other ones, and leave all else as it is.

python -m training.fit_classifier --voices work/voices --out work/refitted.safetensors

`training.train_emotion` does the same at its end. Encoders, generator and prototypes stay bit for bit.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import tyro

from ecoface_model.checkpoint import read_model, write_model
from ecoface_model.model_file import DEFAULT_MODEL
from ecoface_model.networks import Networks
from training.batches.motion import VOICE_FEATURES
from training.data.clips import CorpusError
from training.data.voice_clips import VoiceClips
from training.evaluation.classifier_fit import calibrate, fit_classifier
from training.evaluation.hidden_fit import STEPS, expect_shared_evenly
from training.release_graphs import graphs_of
from training.runs.script import run_script


@dataclass(frozen=True, kw_only=True)
class FitClassifierConfig:
    """Which model, and the clips that its classifier is fitted to."""

    model: Path = DEFAULT_MODEL
    out: Path = Path("work/refitted.safetensors")
    corpus: Path = Path("work/corpus")
    features: Path = Path("work/features")
    """Where `training.features --kind front` put the corpus's, by the model's own content encoder."""
    voices: Path | None = None
    """As in `train_emotion`, like all that follows."""
    leave_out: tuple[str, ...] = ()
    n_variants: int = 2
    n_voice_variants: int = 6
    hidden_dim: int = 256
    frame_units: int = 512
    n_fit_steps: int = STEPS
    seed: int = 0
    graphs: bool = True
    """Whether the file can be run without PyTorch, too, if it is of the default model's kinds."""


def main(config: FitClassifierConfig) -> None:
    """Write the model with its new classifier, and with its graphs where it has any.

    Raises:
        CorpusError: if corpus or features are missing, or features are of another content encoder.
        ModelFileError: if there is no such model.
        ValueError: if there cannot be so many units.
    """
    model = read_model(config.model)
    expect_shared_evenly(config.hidden_dim, config.frame_units)
    sizes = replace(model.config.emotion, hidden_dim=config.hidden_dim, frame_units=config.frame_units)
    networks = Networks(replace(model.config, emotion=sizes))
    train, val = (read_corpora(config, split) for split in ("train", "val"))
    if train[0].width != networks.emotion.row_dim:
        raise CorpusError(
            f"expected features of {networks.emotion.row_dim} numbers, as this model's front gives, "
            f"found {train[0].width}; run `python -m training.features --kind front` with its weights"
        )
    others = {
        name: tensor
        for name, tensor in model.networks.state_dict().items()
        if not name.startswith("classifier.")
    }
    networks.load_state_dict(others, strict=False)
    networks.eval()
    fit_classifier(networks.emotion, networks.classifier, train, config.seed, config.n_fit_steps)
    calibrate(networks.emotion, networks.classifier, val)
    networks.requires_grad_(False)
    config.out.parent.mkdir(parents=True, exist_ok=True)
    write_model(
        config.out,
        networks,
        styles=model.styles,
        prototypes=torch.from_numpy(model.prototypes.copy()),
        visual_prototypes=torch.from_numpy(model.visual_prototypes.copy()),
        info=model.info,
        graphs=graphs_of(networks) if config.graphs else None,
    )
    print(f"{config.out}: {config.out.stat().st_size / 1e6:.1f} MB")


def read_corpora(config: FitClassifierConfig, split: str) -> list[VoiceClips]:
    """Synthetic clips, and recorded ones if there are any."""
    corpora = [VoiceClips(config.corpus, config.features, split, config.n_variants)]
    if config.voices is not None:
        folder = config.voices / VOICE_FEATURES
        corpora.append(VoiceClips(config.voices, folder, split, config.n_voice_variants, config.leave_out))
    return corpora


if __name__ == "__main__":
    run_script(lambda: main(tyro.cli(FitClassifierConfig)))
