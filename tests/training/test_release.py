"""Any training is released by one command: sizes and styles come from the stages' own files."""

import dataclasses
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ecoface_model.checkpoint import read_model
from ecoface_model.classifier import EmotionClassifier
from ecoface_model.config import ContentConfig, EmotionConfig, MotionGeneratorConfig, VisualConfig
from ecoface_model.content import build_content
from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import ModelFileError
from ecoface_model.emotion import build_emotion
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.visual import VisualEmotion
from training import release
from training.data.clips import ClipRow
from training.data.sources import write_sources
from training.evaluation.model_card import MODEL_CARD
from training.runs.results import GENERATOR, read_generator
from training.train_motion import write_generator

CONTENT = ContentConfig(feature_dim=24, n_layers=1, n_heads=2, feedforward_dim=32)
EMOTION = EmotionConfig(feature_dim=16, n_layers=1, n_heads=2, feedforward_dim=32)
VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=16, image_size=32)
GENERATOR_CONFIG = MotionGeneratorConfig(
    content_dim=24, emotion_dim=16, n_styles=2, n_sets=2, hidden_dim=16, condition_dim=8, flow_hidden_dim=8
)
STYLES = ("Actor_01", "Actor_02")


def row_of(dataset: str, licence: str, number: int, emotion: str = "sad") -> ClipRow:
    """A clip of a voice of its own."""
    name = f"{dataset}-{number}"
    return ClipRow(
        id=name, speaker=name, voice=name, emotion=emotion, intensity="normal", sentence="", sentence_id="0",
        seconds=2.0, split="train", file=f"clips/{name}.npz", dataset=dataset, licence=licence,
    )  # fmt: skip


def written(folder: Path, generator: MotionGeneratorConfig = GENERATOR_CONFIG) -> release.ReleaseConfig:
    """Random parts, as the stages write them."""
    torch.manual_seed(0)
    config = release.ReleaseConfig(
        content=folder / "content.safetensors",
        content_encoder=CONTENT,
        emotion=folder / "emotion",
        motion=folder / "motion",
        out=folder / "out" / "model.safetensors",
        name="ravdess",
        training="Trained on RAVDESS.",
        licences=("CC BY-NC-SA 4.0.",),
        graphs=False,  # tests/model/test_backends.py has them
    )
    config.emotion.mkdir()
    config.motion.mkdir()
    content = build_content(CONTENT)
    save_file({k: v.contiguous() for k, v in content.state_dict().items()}, config.content)
    (config.emotion / "config.json").write_text(
        json.dumps({"encoder": asdict(EMOTION), "visual": asdict(VISUAL)})
    )
    save_file(build_emotion(EMOTION, content).own_state(), config.emotion / release.ENCODER)
    classifier = EmotionClassifier(EMOTION.feature_dim, build_emotion(EMOTION, content).row_dim)
    save_file(classifier.state_dict(), config.emotion / release.CLASSIFIER)
    write_sources(config.emotion, [row_of("synthetic", "", 0)])
    save_file(VisualEmotion(VISUAL).state_dict(), config.emotion / release.VISUAL)
    means = {name: torch.randn(len(EMOTIONS), 3, 16) for name in ("prototypes", "visual")}
    save_file(means, config.emotion / release.PROTOTYPES)
    write_generator(MotionGenerator(generator), STYLES, config.motion / GENERATOR)
    return config


def test_a_model_of_other_sizes_and_speakers_is_released_and_read_back(tmp_path, capsys):
    config = written(tmp_path)
    release.main(config)
    model = read_model(config.out)
    assert model.styles == STYLES
    assert model.networks.config.generator == GENERATOR_CONFIG
    assert (model.networks.config.emotion, model.networks.config.visual) == (EMOTION, VISUAL)
    assert model.info["default_style"] == "Actor_01" and model.info["licences"] == ["CC BY-NC-SA 4.0."]
    assert (model.info["name"], model.info["training"]) == ("ravdess", "Trained on RAVDESS.")
    generator, styles = read_generator(config.motion / GENERATOR)
    assert styles == STYLES and "Actor_02" in capsys.readouterr().out
    for name, value in generator.state_dict().items():
        torch.testing.assert_close(model.networks.generator.state_dict()[name], value, rtol=1e-3, atol=1e-3)


def released(config: release.ReleaseConfig, rows: list[ClipRow]) -> tuple[dict[str, Any], str]:
    """The header and the card of a model that was trained on these clips, and says so itself."""
    write_sources(config.emotion, rows)
    release.main(dataclasses.replace(config, training=None, licences=release.LICENCES))
    card = (config.out.parent / MODEL_CARD).read_text("utf-8")
    return read_model(config.out).info, card


def test_a_model_that_heard_recorded_voices_names_them_and_their_licences(tmp_path):
    cremad, emodb = "ODbL 1.0, contents DbCL 1.0", "CC0 1.0"
    rows = [
        *(row_of("synthetic", "", n) for n in range(3)),
        *(row_of("crema-d", cremad, n, emotion="angry") for n in range(2)),
        row_of("emodb", emodb, 0, emotion="happy"),
    ]
    info, card = released(written(tmp_path), rows)
    assert info["licences"][: len(release.LICENCES)] == list(release.LICENCES)
    assert info["licences"][len(release.LICENCES) :] == [
        f"Recordings that it learned from: CREMA-D (Cao et al. 2014), {cremad}.",
        f"Recordings that it learned from: EmoDB (Burkhardt et al. 2005), {emodb}.",
    ]
    assert f"2 recordings of 2 people from CREMA-D (Cao et al. 2014) ({cremad})" in info["training"]
    assert "rule-based animator" in info["training"] and "no recording of a person" not in info["training"]
    assert [(one["dataset"], one["licence"], one["n_clips"]) for one in info["data"]] == [
        ("synthetic", "", 3), ("crema-d", cremad, 2), ("emodb", emodb, 1),
    ]  # fmt: skip
    for said in (cremad, emodb, *info["licences"], info["training"], "opendatacommons.org/licenses/odbl"):
        assert said in card
    assert "No recorded voice taught neutral, calm, sad, fearful, disgust, surprised" in card


def test_a_model_of_synthetic_voices_says_that_nobody_was_recorded(tmp_path):
    info, card = released(written(tmp_path), [row_of("synthetic", "", 0)])
    assert info["training"].endswith("; no recording of a person was used.")
    assert info["licences"] == list(release.LICENCES)
    assert "do not expect it to name the emotions of people" in card and "ODbL" not in card


def test_the_card_says_what_the_model_is_and_what_it_is_not_for(tmp_path):
    config = written(tmp_path)
    release.main(config)
    card = (config.out.parent / MODEL_CARD).read_text("utf-8")
    assert card.startswith("# ravdess\n") and "Trained on RAVDESS." in card and "CC BY-NC-SA 4.0." in card
    assert "styles Actor_01, Actor_02" in card and f"{config.out.stat().st_size / 1e6:.1f} MB" in card
    for heading in ("Networks", "Trained on", "Licences", "For", "Limits", "Figures"):
        assert f"\n## {heading}\n" in card
    assert "not for judging people" in card


def test_the_size_that_is_foretold_is_the_file_s_but_for_its_header_and_prototypes(tmp_path):
    config = written(tmp_path)
    release.main(config)
    file = config.out.read_bytes()
    header = 8 + int.from_bytes(file[:8], "little")  # safetensors: length of the JSON, the JSON
    prototypes = 2 * len(EMOTIONS) * 3 * EMOTION.feature_dim * 4
    assert len(file) == header + prototypes + release.bytes_of(read_model(config.out).networks)


def test_a_model_that_is_too_large_is_refused_before_it_is_written(tmp_path):
    config = dataclasses.replace(written(tmp_path), largest=1000)
    with pytest.raises(ModelFileError, match=r"at most 1,000 bytes, found about .* --largest"):
        release.main(config)
    assert not config.out.exists()


@pytest.mark.parametrize(
    ("missing", "step"),
    [
        ("content.safetensors", "training.whisper_weights"),
        ("emotion/config.json", "training.train_emotion"),
        ("emotion/visual.safetensors", "training.train_emotion"),
        ("emotion/prototypes.safetensors", "training.train_emotion"),
        ("emotion/encoder.safetensors", "training.train_emotion"),
        ("emotion/classifier.safetensors", "training.train_emotion"),
        ("emotion/sources.json", "training.train_emotion"),
        ("motion/generator.safetensors", "training.train_motion"),
    ],
)
def test_a_missing_part_is_named_with_the_step_that_makes_it(missing, step, tmp_path):
    config = written(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ModelFileError, match=f"expected {Path(missing).name} in .*{step}"):
        release.main(config)


def test_parts_that_do_not_fit_are_refused(tmp_path):
    config = written(tmp_path, dataclasses.replace(GENERATOR_CONFIG, emotion_dim=12))
    with pytest.raises(ModelFileError, match=r"expected generator widths \(24, 16\).*features"):
        release.main(config)


@pytest.mark.parametrize(
    ("damaged", "wanted"),
    [
        ("emotion/config.json", "the config of train_emotion"),
        ("emotion/encoder.safetensors", "tensors"),
        ("emotion/classifier.safetensors", "tensors"),
        ("emotion/sources.json", "what a stage was trained on"),
        ("motion/generator.safetensors", "tensors"),
    ],
)
def test_a_damaged_part_is_refused(damaged, wanted, tmp_path):
    config = written(tmp_path)
    (tmp_path / damaged).write_bytes(b"{}")
    with pytest.raises(ModelFileError, match=f"expected {wanted} in .*make it again"):
        release.main(config)


def test_weights_of_another_network_are_refused(tmp_path):
    config = written(tmp_path)
    save_file({"surplus": torch.zeros(1)}, config.emotion / release.ENCODER)
    with pytest.raises(ModelFileError, match="expected weights of this emotion encoder"):
        release.main(config)
    save_file({"surplus": torch.zeros(1)}, config.emotion / release.CLASSIFIER)
    written_anew = build_emotion(EMOTION, build_content(CONTENT)).own_state()
    save_file(written_anew, config.emotion / release.ENCODER)
    with pytest.raises(ModelFileError, match="expected weights of this EmotionClassifier"):
        release.main(config)
    save_file({"surplus": torch.zeros(1)}, config.motion / GENERATOR)
    with pytest.raises(ModelFileError, match="expected a motion generator in"):
        release.main(config)
