"""The classifier of a finished model fitted anew: all else stays as it was."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_corpus import write_tiny_corpus, write_tiny_voices
from tiny_model import TINY, write_tiny_model

from ecoface_model.checkpoint import read_model
from ecoface_model.config import ContentConfig
from training.data.clips import CorpusError
from training.fit_classifier import FitClassifierConfig, main

CONFIG = replace(
    TINY, content=ContentConfig(), generator=replace(TINY.generator, content_dim=ContentConfig().feature_dim)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fit")
    write_tiny_corpus(folder, 8, 16, 32)
    write_tiny_voices(folder / "voices", 16)
    write_tiny_model(folder / "before.safetensors", CONFIG)
    return folder


def config(folder: Path, **changes: object) -> FitClassifierConfig:
    made = FitClassifierConfig(
        model=folder / "before.safetensors", out=folder / "after.safetensors", corpus=folder / "corpus",
        features=folder / "features", voices=folder / "voices", n_variants=1, n_voice_variants=1,
        hidden_dim=6, frame_units=4, n_fit_steps=20, graphs=False,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_classifier_alone_is_fitted_anew(folder: Path) -> None:
    before = read_model(folder / "before.safetensors")
    main(config(folder))
    after = read_model(folder / "after.safetensors")
    assert (after.config.emotion.hidden_dim, after.config.emotion.frame_units) == (6, 4)
    assert replace(after.config, emotion=before.config.emotion) == before.config
    assert (after.info, after.styles) == (before.info, before.styles)
    own = before.networks.state_dict()
    for name, tensor in after.networks.state_dict().items():
        if not name.startswith("classifier."):
            torch.testing.assert_close(tensor, own[name], rtol=0, atol=0, msg=name)
    classifier = after.networks.classifier
    assert classifier.frame_units_to_hidden.weight.shape == (6, 4)
    assert classifier.hidden_to_labels.weight.abs().max() > 0
    assert not torch.equal(classifier.to_labels.weight, before.networks.classifier.to_labels.weight)


def test_sizes_and_features_that_do_not_fit_are_refused_before_anything_is_fitted(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="in multiples of 2, found 7 and 4"):
        main(config(folder, hidden_dim=7, out=tmp_path / "none.safetensors"))
    write_tiny_model(tmp_path / "tiny.safetensors")
    with pytest.raises(CorpusError, match=r"expected features of 96 numbers.*, found 1536; run"):
        main(config(folder, model=tmp_path / "tiny.safetensors", out=tmp_path / "none.safetensors"))
    assert not (tmp_path / "none.safetensors").exists()


def test_without_features_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="expected features in"):
        main(config(folder, out=tmp_path / "none.safetensors", n_variants=2))
    assert not list(tmp_path.iterdir())
