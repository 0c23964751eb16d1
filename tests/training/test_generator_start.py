"""A generator trained further: whose weights are taken, whose are not."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_model import STYLES, TINY, write_tiny_model

from ecoface_model.checkpoint import read_model
from ecoface_model.core.errors import ModelFileError
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.wavenet import fold_weight_norm
from training.runs.generator_start import read_generator_weights, start_from


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", seed=5)


def generator(**changes: object) -> MotionGenerator:
    torch.manual_seed(1)
    return MotionGenerator(dataclasses.replace(TINY.generator, **changes))  # type: ignore[arg-type]


def folded(generator: MotionGenerator) -> dict[str, torch.Tensor]:
    fold_weight_norm(generator)
    return {name: parameter.detach() for name, parameter in generator.named_parameters()}


def test_all_weights_of_the_same_sizes_are_the_file_s_and_statistics_stay(model: Path) -> None:
    new = generator()
    new.feature_normaliser.content_mean.fill_(3.0)
    assert start_from(new, STYLES, model) == []
    assert (new.feature_normaliser.content_mean == 3.0).all() and (new.style_normaliser.mean == 0).all()
    expected = read_model(model).networks.generator
    found = folded(new)
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(found[name], parameter, rtol=1e-4, atol=1e-5)


def test_the_start_is_trained_with_weight_normalisation_as_any(model: Path) -> None:
    new = generator()
    names = {name for name, _ in new.named_parameters()}
    start_from(new, STYLES, model)
    assert {name for name, _ in new.named_parameters()} == names
    assert all(parameter.requires_grad for parameter in new.parameters())


def test_weights_of_another_shape_start_anew(model: Path) -> None:
    new = generator(emotion_dim=20)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    kept = start_from(new, STYLES, model)
    assert kept and all("reduce_emotion" in name or "to_style" in name for name in kept)
    after = new.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in kept)
    assert not torch.equal(after["decoder.to_motion.weight"], before["decoder.to_motion.weight"])


def test_styles_go_where_their_names_are(model: Path) -> None:
    styles = ("dora", "cleo", "anna", "emil")
    new = generator(n_styles=4)
    before = new.decoder.condition.to_style.weight.detach().clone()
    start_from(new, styles, model)
    after = new.decoder.condition.to_style.weight
    old = read_model(model).networks.generator.decoder.condition.to_style.weight
    torch.testing.assert_close(after[:, 1], old[:, STYLES.index("cleo")])
    torch.testing.assert_close(after[:, 2], old[:, STYLES.index("anna")])
    torch.testing.assert_close(after[:, [0, 3]], before[:, [0, 3]])


def test_of_the_format_before_the_generator_alone_is_read_and_what_it_lacks_is_new(
    model: Path, tmp_path: Path
) -> None:
    with safe_open(model, "pt") as file:
        metadata = file.metadata()
    tensors = {
        name: value
        for name, value in load_file(model).items()
        if not name.startswith(("emotion.", "classifier.", "generator.steady.to_phones"))
    }
    config = json.loads(metadata["config"])
    config["emotion"]["kind"] = "mel"  # of which this version knows nothing
    old = tmp_path / "old.safetensors"
    metadata |= {"format": "ecoface 1", "config": json.dumps(config)}
    save_file(tensors | {"hearing.weight": torch.ones(2)}, old, metadata)
    new = generator()
    before = new.base.to_phones.weight.detach().clone()
    assert start_from(new, STYLES, old) == ["base.to_phones.weight", "base.to_phones.bias"]
    torch.testing.assert_close(new.base.to_phones.weight, before)
    torch.testing.assert_close(new.decoder.to_motion.weight, tensors["generator.to_motion.weight"].float())


def test_files_that_are_no_model_or_of_no_such_generator_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"expected a model file at .*none.safetensors, found none"):
        read_generator_weights(tmp_path / "none.safetensors")
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelFileError, match=r"expected a whole EcoFace model in x.safetensors"):
        read_generator_weights(path)
    save_file({"a": torch.zeros(1)}, path, {"format": "ecoface 0"})
    with pytest.raises(
        ModelFileError, match=r"'ecoface 1' or 'ecoface 2' in x.safetensors, found 'ecoface 0'"
    ):
        read_generator_weights(path)
    save_file({"generator.a": torch.zeros(1)}, path, {"format": "ecoface 2", "styles": '["a"]'})
    with pytest.raises(ModelFileError, match=r"with a generator of this size in .*found another"):
        start_from(generator(), STYLES, path)
