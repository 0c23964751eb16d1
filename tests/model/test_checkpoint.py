"""The model file: everything comes back, and nothing else is let in."""

import hashlib
import json
import pickle
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_model import INFO, STYLES, TINY, TINY_HUBERT, tiny_networks, tiny_prototypes, write_tiny_model

from ecoface_model.checkpoint import read_model, write_model
from ecoface_model.core.errors import ModelFileError, RequestError
from ecoface_model.model_file import DEFAULT_MODEL
from ecoface_model.model_header import read_config


@pytest.mark.parametrize("config", [TINY, TINY_HUBERT], ids=["default kinds", "paper kinds"])
def test_a_model_comes_back_whole(tmp_path, config):
    networks = tiny_networks(config)
    path = write_tiny_model(tmp_path / "model.safetensors", config)
    model = read_model(path)
    assert model.networks.config == config
    assert model.styles == STYLES and model.info == INFO
    torch.testing.assert_close(torch.from_numpy(model.prototypes), tiny_prototypes(config))
    torch.testing.assert_close(torch.from_numpy(model.visual_prototypes), tiny_prototypes(config, seed=2))
    again = model.networks.state_dict()
    assert again.keys() == networks.state_dict().keys()
    for name, tensor in networks.state_dict().items():
        assert again[name].dtype == tensor.dtype  # all float32, but for the count of batches
        torch.testing.assert_close(again[name], tensor, atol=1e-4, rtol=1e-3, msg=name)
    assert not model.networks.training


def test_whoever_may_read_the_users_files_may_read_the_model(tiny_model_file, tmp_path):
    (tmp_path / "any.txt").touch()
    assert tiny_model_file.stat().st_mode == (tmp_path / "any.txt").stat().st_mode


def test_matrices_are_halved_on_disk_and_statistics_are_not(tiny_model_file):
    tensors = load_file(tiny_model_file)
    assert tensors["content.conv1.weight"].dtype == torch.float16
    assert tensors["generator.motion_std"].dtype == torch.float32
    assert tensors["generator.lip_directions"].dtype == torch.float32
    assert tensors["prototypes"].dtype == torch.float32
    assert tensors["visual.front.0.weight"].dtype == torch.float16
    assert tensors["visual.front.1.running_var"].dtype == torch.float32


def test_the_visual_encoder_sees_the_same_after_half_precision_on_disk(tmp_path):
    networks = tiny_networks()
    faces = torch.rand(2, 4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    networks.visual.train()(100 * faces)  # statistics of something else than nothing
    networks.visual.front[1].running_var *= 1e6  # beyond what a half can hold
    networks.visual.front[1].weight.data *= 1e3
    networks.eval()
    write_model(
        tmp_path / "model.safetensors",
        networks,
        styles=STYLES,
        prototypes=tiny_prototypes(),
        visual_prototypes=tiny_prototypes(seed=2),
        info=INFO,
    )
    again = read_model(tmp_path / "model.safetensors").networks
    for name, statistic in networks.visual.named_buffers():
        assert torch.equal(again.visual.get_buffer(name), statistic), name
    with torch.no_grad():
        torch.testing.assert_close(again.visual(faces), networks.visual(faces), atol=0.02, rtol=0.02)


def test_a_shared_frontend_stands_in_the_file_once_and_is_shared_again(tmp_path):
    path = write_tiny_model(tmp_path / "model.safetensors", TINY_HUBERT)
    assert not [name for name in load_file(path) if name.startswith("emotion.frontend")]
    networks = read_model(path).networks
    assert networks.emotion.frontend is networks.content.frontend


def test_the_hash_is_the_file_s(tmp_path):

    path = write_tiny_model(tmp_path / "model.safetensors")
    assert read_model(path).hash == hashlib.sha256(path.read_bytes()).hexdigest()
    other = write_tiny_model(tmp_path / "other.safetensors", seed=1)
    assert read_model(other).hash != read_model(path).hash


def test_licences_stand_in_the_header(tiny_model_file):
    with safe_open(tiny_model_file, framework="pt") as file:
        assert json.loads(file.metadata()["info"])["licences"] == INFO["licences"]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"expected a model file at .*nothing.safetensors, found none"):
        read_model(tmp_path / "nothing.safetensors")


def test_a_missing_default_model_says_how_to_make_it(tmp_path, monkeypatch):
    monkeypatch.setattr("ecoface_model.model_file.DEFAULT_MODEL", tmp_path / "default.safetensors")
    with pytest.raises(ModelFileError, match="found none; train it with `make train-default`"):
        read_model()


def test_damaged_and_foreign_files_are_refused(tiny_model_file, tmp_path):
    whole = tiny_model_file.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.safetensors").write_text("weights, honestly")
    (tmp_path / "empty.safetensors").touch()
    for name in ("cut", "text", "empty"):
        with pytest.raises(
            ModelFileError, match=rf"expected a whole EcoFace model in {name}.*copy or download"
        ):
            read_model(tmp_path / f"{name}.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match=r"expected a model of format 'ecoface 2' in other.*found None"):
        read_model(tmp_path / "other.safetensors")


def test_pickles_are_refused_unopened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise AssertionError('the pickle was opened')",))

    (tmp_path / "old.pt").write_bytes(pickle.dumps(Trap()))
    torch.save({"x": torch.zeros(1)}, tmp_path / "new.pt")
    for name in ("old.pt", "new.pt"):
        with pytest.raises(
            ModelFileError, match="found a pickle, which can run foreign code and is never opened"
        ):
            read_model(tmp_path / name)


def test_a_model_whose_file_begins_like_a_pickle_is_none(tiny_model_file, tmp_path):
    """The first byte is the low one of the header's length: one file in 256 begins with a pickle's 0x80."""
    written = tiny_model_file.read_bytes()
    length = int.from_bytes(written[:8], "little")
    longer = (length // 256 + 1) * 256 + 0x80
    header = written[8 : 8 + length] + b" " * (longer - length)
    path = tmp_path / "like a pickle.safetensors"
    path.write_bytes(longer.to_bytes(8, "little") + header + written[8 + length :])
    assert path.read_bytes().startswith(b"\x80")
    assert read_model(path).styles == read_model(tiny_model_file).styles


@pytest.mark.parametrize("change", ["missing", "surplus", "other shape", "config"])
def test_weights_must_fit_exactly(tiny_model_file, tmp_path, change):
    with safe_open(tiny_model_file, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(tiny_model_file)
    if change == "missing":
        del tensors["content.conv1.bias"]
    elif change == "surplus":
        tensors["content.conv3.bias"] = torch.zeros(1)
    elif change == "other shape":
        tensors["content.conv1.bias"] = torch.zeros(1)
    else:
        metadata["config"] = metadata["config"].replace('"n_styles"', '"n_moods"')
    save_file(tensors, tmp_path / "changed.safetensors", metadata)
    with pytest.raises(
        ModelFileError, match=r"expected a whole EcoFace model in changed.safetensors"
    ) as caught:
        read_model(tmp_path / "changed.safetensors")
    assert "\n" not in str(caught.value)


CONFIG, STYLES_TEXT, INFO_TEXT = "config", "styles", "info"
"""Texts of a model file's header."""


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        (CONFIG, lambda c: c["content"].update(kind="wav2vec"), "expected a content encoder 'whisper' or"),
        (CONFIG, lambda c: c.pop("visual"), "no config of visual"),
        (CONFIG, lambda c: c.update(generator=[]), "no config of generator"),
        (CONFIG, lambda c: c["content"].update(feature_dim=10**12), "feature_dim = 1000000000000"),
        (CONFIG, lambda c: c["content"].update(feature_dim=65_520), "expected generator widths"),
        (CONFIG, lambda c: c["generator"].update(hidden_dim=65_536), "where its config says"),
        (CONFIG, lambda c: c["generator"].update(n_encoder_layers=10**6), "n_encoder_layers = 1000000"),
        (CONFIG, lambda c: c["generator"].update(dilations=[]), "dilations = "),
        (CONFIG, lambda c: c["generator"].update(stride=0), "expected a stride of 1 or more"),
        (CONFIG, lambda c: c["generator"].update(kernel=4), "expected an odd kernel, found 4"),
        (CONFIG, lambda c: c["generator"].update(slow_correlation=2.0), "slow_correlation = 2.0"),
        (CONFIG, lambda c: c["generator"].update(steady_face="yes"), "steady_face = yes"),
        (CONFIG, lambda c: c["emotion"].update(n_heads=0), "expected a feature_dim in multiples of n_heads"),
        (STYLES_TEXT, lambda s: s.pop(), "names for"),
        (STYLES_TEXT, lambda s: s.append(s[0]), "no styles, or one of them twice"),
        (STYLES_TEXT, lambda s: s.append(3), "styles without names"),
        (INFO_TEXT, lambda i: i.pop("name"), "no name"),
        (INFO_TEXT, lambda i: i.update(head=None), "no head"),
        (INFO_TEXT, lambda i: i.update(licences="MIT"), "no licences"),
        (INFO_TEXT, lambda i: i.update(default_style="nobody"), "a default style 'nobody' that is none"),
    ],
)
def test_a_header_is_held_to_what_it_must_be(tiny_model_file, tmp_path, part, change, said):
    with safe_open(tiny_model_file, framework="pt") as file:
        metadata = file.metadata()
    values = json.loads(metadata[part])
    change(values)
    save_file(
        load_file(tiny_model_file), tmp_path / "changed.safetensors", metadata | {part: json.dumps(values)}
    )
    with pytest.raises(
        ModelFileError, match=r"expected a whole EcoFace model in changed.safetensors"
    ) as caught:
        read_model(tmp_path / "changed.safetensors")
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [CONFIG, STYLES_TEXT, INFO_TEXT])
@pytest.mark.parametrize("text", ["[]", "7", "{", "[" * 100_000, None])
def test_a_header_that_is_no_json_of_ours_is_refused(tiny_model_file, tmp_path, part, text):
    with safe_open(tiny_model_file, framework="pt") as file:
        metadata = file.metadata()
    metadata.pop(part)
    save_file(
        load_file(tiny_model_file),
        tmp_path / "changed.safetensors",
        metadata | ({part: text} if text else {}),
    )
    with pytest.raises(ModelFileError, match=r"expected a whole EcoFace model in changed.safetensors"):
        read_model(tmp_path / "changed.safetensors")


def test_prototypes_of_another_size_are_refused(tiny_model_file, tmp_path):
    with safe_open(tiny_model_file, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(tiny_model_file) | {"prototypes": torch.zeros(8, 2, 3)}
    save_file(tensors, tmp_path / "changed.safetensors", metadata)
    with pytest.raises(ModelFileError, match=r"prototypes of \[8, 2, 3\] where its config says"):
        read_model(tmp_path / "changed.safetensors")


def test_an_unwritable_place_is_refused_and_nothing_half_written(tmp_path):
    with pytest.raises(RequestError, match=r"expected a folder .*nowhere"):
        write_tiny_model(tmp_path / "nowhere" / "model.safetensors")


def test_a_model_without_a_licence_cannot_be_written(tmp_path):
    with pytest.raises(AssertionError, match="a model says what it is"):
        write_model(
            tmp_path / "a.safetensors",
            tiny_networks(),
            styles=STYLES,
            prototypes=tiny_prototypes(),
            visual_prototypes=tiny_prototypes(seed=2),
            info={"name": "x"},
        )


def test_a_config_survives_json():

    assert read_config(json.loads(json.dumps(asdict(TINY)))) == TINY


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the default model is not trained yet")
def test_the_default_model_is_small_and_says_where_it_comes_from():
    model = read_model()
    assert DEFAULT_MODEL.stat().st_size <= 40e6
    assert any("MIT" in licence for licence in model.info["licences"])
    assert len(model.styles) >= 8
    assert np.isfinite(model.prototypes).all()


def test_a_model_that_was_read_outlives_its_file(tmp_path):
    path = write_tiny_model(tmp_path / "model.safetensors")
    model = read_model(path)
    before = {name: tensor.clone() for name, tensor in model.networks.state_dict().items()}
    path.write_bytes(bytes(path.stat().st_size))  # in place, as a copy over it would be
    assert all(torch.equal(before[name], tensor) for name, tensor in model.networks.state_dict().items())
    assert np.abs(model.prototypes).sum() > 0
