"""The motion generator's stage: its batches, its terms, a whole tiny run."""

import contextlib
import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_corpus import write_tiny_corpus, write_tiny_voices
from tiny_model import STYLES, TINY, write_tiny_model

from ecoface_model.config import MotionGeneratorConfig, VisualConfig
from ecoface_model.tensor_names import in_file
from ecoface_model.visual import VisualEmotion
from training.batches.motion import UNTIMED, EmotionSources, MotionClips, RecordedVoices
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest, write_clip, write_manifest
from training.objectives.sync_expert import SyncConfig, SyncExpert
from training.runs.motion_stage import EmotionLook, JudgeError, LossWeights, read_judges
from training.runs.results import GENERATOR
from training.train_motion import TrainMotionConfig, main

CONTENT, EMOTION, SIZE = 24, 16, 32
VISUAL = VisualConfig(widths=(4, 4, 8, 8), feature_dim=EMOTION, image_size=SIZE)
OWN = EmotionSources(twin=0.0, mean=0.0, prototype=0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny corpus and two judges that have learned nothing but say they have."""
    folder = tmp_path_factory.mktemp("motion")
    write_tiny_corpus(folder, CONTENT, EMOTION, SIZE)
    write_tiny_voices(folder / "voices", EMOTION)
    torch.manual_seed(0)
    save_file(VisualEmotion(VISUAL).state_dict(), folder / "visual.safetensors")
    expert = SyncExpert(SyncConfig(content_dim=CONTENT, hidden_dim=16, embedding_dim=24))
    expert.held_out = {"loss": 0.5}
    expert.save(folder / "sync.safetensors")
    return folder


def config(folder: Path, run: str, **changes) -> TrainMotionConfig:
    """A run of three steps."""
    generator = MotionGeneratorConfig(
        content_dim=CONTENT, emotion_dim=EMOTION, hidden_dim=16, condition_dim=8, flow_hidden_dim=8,
        n_encoder_layers=2, n_decoder_layers=2, n_steady_layers=2,
    )  # fmt: skip
    whole = TrainMotionConfig(
        run=folder / run, corpus=folder / "corpus", features=folder / "features",
        prototypes=folder / "prototypes.safetensors", visual_weights=folder / "visual.safetensors",
        sync=folder / "sync.safetensors", n_variants=1, n_emotion_variants=1, generator=generator,
        visual=VISUAL, look=EmotionLook(every=2, n_clips=2, n_frames=3), n_steps=4, closure_from=2,
        batch_size=4, n_frames=24, warm_up=1, log_every=1, score_every=2, n_scored_clips=3, device="cpu",
    )  # fmt: skip
    return replace(whole, **changes)


def clips(folder: Path, corpus: str = "corpus", split: str = "train") -> MotionClips:
    """Of the tiny corpus."""
    return MotionClips(folder / corpus, folder / "features", split, 1, 1, folder / "prototypes.safetensors")


TWINS = EmotionSources(twin=1.0, mean=0.0, prototype=0.0)


class Told(MotionClips):
    """Clips whose emotion features tell the recording that they are of."""

    def tell(self) -> list[str]:
        """Number all recordings: every feature of one is its number."""
        names = [row.id for row in self.rows]
        stores = [self.emotion[0]]
        if self.voices is not None:
            names += [name for members in self.voices.by_class.values() for name in members]
            stores.append(self.voices.stores[0])
        names = list(dict.fromkeys(names))
        for store in stores:
            store.data = np.zeros_like(store.data)
            for number, name in enumerate(names):
                if name in store.spans:
                    store.data[slice(*store.spans[name])] = number
        return names


def twins_of(folder: Path, row_id: str, voices: Path | None, n: int = 60) -> list[str]:
    """The recordings that lend their emotion to a clip in n draws."""
    clips = Told(
        folder / "corpus", folder / "features", "train", 1, 1, folder / "prototypes.safetensors", voices
    )
    names, rng = clips.tell(), np.random.default_rng(0)
    number = [row.id for row in clips.rows].index(row_id)
    return [names[round(float(clips._emotion(rng, number, 0, TWINS)[0, 0]))] for _ in range(n)]


def test_twins_are_recordings_of_the_same_emotion_and_intensity_half_of_them_of_people(folder):
    found = twins_of(folder, "train-angry-strong-0", folder / "voices", 200)
    real = [name for name in found if "anna" in name or "ben" in name]
    assert len(real) / len(found) == pytest.approx(0.5, abs=0.1)
    assert set(real) == {f"train-{voice}-{n}" for voice in ("anna", "ben") for n in (4, 5)}, (
        "strong, or of unknown intensity"
    )
    assert set(found) - set(real) == {"train-angry-strong-0", "train-angry-strong-1"}


def test_neutral_twins_are_neutral_and_voices_of_other_splits_lend_nothing(folder):
    real = {n for n in twins_of(folder, "train-neutral-normal-0", folder / "voices") if "neutral" not in n}
    assert real == {f"train-{voice}-{n}" for voice in ("anna", "ben") for n in (0, 1, 2)}


def test_a_class_that_no_voice_has_takes_synthetic_twins(folder):
    found = twins_of(folder, "train-calm-normal-0", folder / "voices")
    assert set(found) == {"train-calm-normal-0", "train-calm-normal-1"}
    sad = twins_of(folder, "train-sad-strong-0", folder / "voices")
    assert {n for n in sad if "sad" not in n} == {"train-anna-7", "train-ben-7"}, "the unknown ones alone"
    assert set(twins_of(folder, "train-sad-strong-0", None)) == {"train-sad-strong-0", "train-sad-strong-1"}


def test_shares_of_emotion_sources_leave_something_of_the_clip_s_own():
    sources = EmotionSources()
    assert (sources.twin, sources.prototype, sources.mean) == (0.5, 0.4, 0.05)
    with pytest.raises(ValueError, match=r"add up to at most 1, found 1\.2"):
        EmotionSources(twin=0.75)


def test_voices_without_emotion_features_are_refused(folder, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "manifest.jsonl").write_bytes((folder / "voices" / "manifest.jsonl").read_bytes())
    with pytest.raises(CorpusError, match=r"run `python -m training.features` first"):
        RecordedVoices(tmp_path, 1)
    store = json.loads((folder / "voices/features/emotion_0.json").read_text())
    some = {"train-anna-0": store["train-anna-0"]}
    (tmp_path / "features/emotion_0.json").write_text(json.dumps(some))
    data = (folder / "voices/features/emotion_0.f16").read_bytes()
    (tmp_path / "features/emotion_0.f16").write_bytes(data[: 2 * EMOTION * some["train-anna-0"][1]])
    with pytest.raises(CorpusError, match=r"emotion features of train-anna-1 in .*--kind emotion"):
        RecordedVoices(tmp_path, 1)


@pytest.mark.slow
def test_a_run_may_set_out_from_a_model_file_and_borrow_emotions_of_voices(folder, tmp_path, capsys):
    sizes = replace(
        config(folder, "sizes").generator,
        **{
            name: getattr(TINY.generator, name) for name in ("hidden_dim", "condition_dim", "flow_hidden_dim")
        },
        n_encoder_layers=TINY.generator.n_encoder_layers,
        n_decoder_layers=TINY.generator.n_decoder_layers,
        n_steady_layers=TINY.generator.n_steady_layers,
    )
    start = write_tiny_model(tmp_path / "start.safetensors")
    run = config(
        folder, "further", generator=sizes, start_from=start, voices=folder / "voices", n_steps=1,
        learning_rate=0.0,
    )  # fmt: skip
    main(run)
    assert "tensors of its generator are the start" in capsys.readouterr().out
    assert len(STYLES) != len(clips(folder).styles)
    before, after = load_file(start), load_file(run.run / GENERATOR)
    for name in ("decoder.to_motion.weight", "base.to_phones.weight", "prior.wavenets.0.dilated.0.weight"):
        torch.testing.assert_close(
            after[name], before[in_file(f"generator.{name}")].float(), rtol=1e-3, atol=1e-4
        )
    assert after["feature_normaliser.emotion_mean"].abs().max() > 0, "statistics are the corpus's"


def rows_of_log(run: Path) -> list[dict[str, float]]:
    """The log's rows as numbers."""
    with (run / "log.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def trained(folder: Path) -> Path:
    """A whole run."""
    run = config(folder, "whole")
    main(run)
    return run.run


def test_a_run_logs_every_term_of_eq_11_and_writes_what_it_is(folder, trained):
    rows = rows_of_log(trained)
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert set(vars(LossWeights())) <= set(rows[0])
    assert [row["emotion"] > 0 for row in rows] == [False, True, False, True]  # looked at every second step
    assert [row["closure"] > 0 for row in rows] == [False, False, True, True]
    with safe_open(trained / GENERATOR, "pt") as file:
        metadata = file.metadata()
    styles = json.loads(metadata["styles"])
    values = json.loads(metadata["config"])
    generator_config = MotionGeneratorConfig(**values | {"dilations": tuple(values["dilations"])})
    assert styles == list(clips(folder).styles) and generator_config.n_styles == len(styles) == 8
    tensors = load_file(trained / GENERATOR)
    assert not [name for name in tensors if "parametrizations" in name]
    assert tensors["style_normaliser.mean"].shape == (1, 53)


class Interrupted(io.StringIO):
    """A terminal whose user presses Ctrl-C when the third step is scored, before its checkpoint."""

    def write(self, text: str) -> int:
        if text.startswith("step 3"):
            raise KeyboardInterrupt
        return super().write(text)


@pytest.mark.slow
def test_an_interrupted_run_ends_in_the_same_weights(folder, monkeypatch):
    ends = []
    for name, terminal in (("straight", io.StringIO()), ("stopped", Interrupted())):
        run = config(folder, name, score_every=1)
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", terminal)
            with pytest.raises(KeyboardInterrupt) if name == "stopped" else contextlib.nullcontext():
                main(run)
        assert (run.run / GENERATOR).exists() == (name == "straight")
        main(run)
        assert [row["step"] for row in rows_of_log(run.run)] == [1, 2, 3, 4]
        ends.append(load_file(run.run / GENERATOR))
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"weights": LossWeights(sync=0.0)},
        {"weights": LossWeights(emotion=0.0)},
        {"speaker_dropout": 1.0},
        {"couplings": 0},
        {"printed": True},
    ],
    ids=["w/o sync", "w/o emotion", "w/o speaker", "w/o flow", "as printed"],
)
def test_ablations_are_configs(folder, change, request):
    wanted = config(folder, request.node.name.replace("/", ""), n_steps=2, closure_from=0)
    if "couplings" in change:
        change = {"generator": replace(wanted.generator, n_couplings=0)}
    if "printed" in change:
        change = {"generator": replace(wanted.generator, steady_face=False, n_slow_channels=0)}
    main(replace(wanted, **change))
    logged = rows_of_log(wanted.run)[-1]
    assert ("sync" in logged) == (change.get("weights", LossWeights()).sync > 0)
    assert ("emotion" in logged) == (change.get("weights", LossWeights()).emotion > 0)
    assert ("steady" in logged) == change.get("generator", wanted.generator).steady_face


def test_judges_that_have_learned_nothing_or_are_missing_are_refused(folder, tmp_path):
    guessing = SyncExpert(SyncConfig(content_dim=CONTENT, hidden_dim=16, embedding_dim=24))
    guessing.held_out = {"loss": 0.9}
    guessing.save(tmp_path / "guessing.safetensors")
    with pytest.raises(JudgeError, match=r"better than guessing .* found a held-out loss of 0.9"):
        read_judges(tmp_path / "guessing.safetensors", folder / "visual.safetensors", VISUAL, LossWeights())
    with pytest.raises(JudgeError, match=r"expected the visual emotion encoder at .* found none"):
        read_judges(folder / "sync.safetensors", tmp_path / "no.safetensors", VISUAL, LossWeights())
    nobody = read_judges(tmp_path / "no", tmp_path / "no", VISUAL, LossWeights(sync=0.0, emotion=0.0))
    assert nobody == (None, None)


def test_a_share_of_crops_does_not_tell_its_style(folder):
    batch = clips(folder).batch(np.random.default_rng(0), 400, 24, OWN, 0.25)
    told = batch.style.sum(dim=1)
    assert set(told.tolist()) == {0.0, 1.0}
    assert (told == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)


def real_corpus(folder: Path, name: str) -> None:
    """The tiny corpus, half of it as another data set has it: no phones, no emotion, one speaker, a range."""
    rows = []
    for number, row in enumerate(read_manifest(folder / "corpus")):
        clip = read_clip(folder / "corpus", row)
        samples = np.round(clip.waveform * 32767).astype(np.int16)
        assert clip.motion is not None
        if number % 2:
            values = {**vars(row), "emotion": "unknown", "speaker": "ada", "dataset": "hdtf"}
            row = ClipRow(**values)
            write_clip(folder / name / row.file, samples, motion=3 * clip.motion + 1)
        else:
            write_clip(
                folder / name / row.file,
                samples,
                clip.phone_start,
                clip.phone_end,
                clip.phone_name,
                clip.motion,
            )
        rows.append(row)
    write_manifest(folder / name, rows)


def test_clips_without_phones_and_emotion_are_trained_on_with_their_sets_statistics(folder):
    real_corpus(folder, "mixed")
    mixed = clips(folder, "mixed")
    assert mixed.datasets == ["hdtf", "synthetic"] and mixed.styles[-1] == "ada"
    statistics = mixed.statistics()
    assert statistics["motion_mean"].shape == (2, 53)
    assert statistics["style_sets"][-1].tolist() == [1.0, 0.0] and statistics["style_sets"][0].tolist() == [
        0,
        1,
    ]
    hdtf = [n for n, row in enumerate(mixed.rows) if row.dataset == "hdtf"]
    frames = np.concatenate([mixed.motions[n] for n in hdtf])
    np.testing.assert_allclose(statistics["motion_mean"][0], frames.mean(0), rtol=1e-4, atol=1e-5)
    item = mixed.whole(hdtf[0], 4)
    assert (item.phone == UNTIMED).all() and not item.closed.any()
    own = mixed.emotion[0][mixed.rows[hdtf[0]].id].astype(np.float32).mean(0)
    np.testing.assert_allclose(item.label[0].numpy(), own, atol=1e-5)
    main(config(folder, "mixed run", corpus=folder / "mixed", n_steps=2))
    generator = load_file(folder / "mixed run" / GENERATOR)
    assert generator["style_normaliser.std"].shape == (2, 53)
