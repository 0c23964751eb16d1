"""The evaluation's commands on a tiny model and a tiny corpus, and their measures."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from acted_corpus import FRAMES, clip_row, write_acted_corpus
from safetensors.torch import save_file

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import ModelFileError
from training.data.clips import UNKNOWN, CorpusError, write_clip, write_manifest
from training.data.utterance import Phone
from training.evaluate import main
from training.evaluation import metrics
from training.evaluation.emotion_classifiers import (
    EmotionClassifiers,
    StatisticsClassifier,
    expression_statistics,
    nearest_emotion,
)
from training.evaluation.exchange import MEASURES, Swap, agreement, matrices, off_diagonal
from training.evaluation.held_out import Stage, balanced, held_out, rows_of
from training.evaluation.judge_networks import FrameAttention, SyncNet
from training.evaluation.judges import Judges, motion_features, weighted_means
from training.evaluation.naturalness import joined
from training.evaluation.prototypes import KINDS
from training.evaluation.report import draw_matrices, markdown_table, write_report
from training.evaluation.styles import confusion
from training.evaluation.table import TRUTH, UNKNOWN_STYLE, UNSEEN, fitted
from training.objectives.sync_expert import SyncConfig, SyncExpert


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_acted_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def stage(tiny_model_file) -> Stage:
    return Stage.open(tiny_model_file, "cpu")


@pytest.fixture(scope="module")
def sync_file(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("sync") / "sync.safetensors"
    SyncExpert(SyncConfig(content_dim=32, hidden_dim=8, embedding_dim=8)).eval().save(path)
    return path


def run(command: str, model: Path, corpus: Path, out: Path, *more: str) -> dict:
    main(
        [command, "--model", str(model), "--corpus", str(corpus), "--out", str(out), "--device", "cpu", *more]
    )
    return json.loads((out / f"{command}.json").read_text())


@pytest.mark.slow
def test_table_writes_the_numbers_that_a_loop_over_the_clips_gives(
    tiny_model_file, corpus, stage, sync_file, tmp_path
):
    values = run("table", tiny_model_file, corpus, tmp_path, "--n-clips", "8", "--sync", str(sync_file))
    judges = Judges.read(stage, sync_file, None, None)
    rows = balanced(
        rows_of(corpus, "test", labelled=False),
        8,
        lambda row: (row.emotion, row.intensity_level, row.speaker in stage.ecoface.styles),
        0,
    )
    guests = [clip for clip in held_out(corpus, rows) if clip.row.speaker == "guest"]
    assert 1 <= len(guests) < 8
    lips, sync = [], []
    for clip in guests:
        spoken = stage.speak(clip, style="average", seed=0)
        true, found = stage.vertices(clip.motion)[:, stage.lips], stage.vertices(spoken)[:, stage.lips]
        lips.append(metrics.mean_vertex_error_mm(true, found))
        sync.append(judges.errors(clip, [spoken])[0]["sync distance (ours)"])
    row = values["sets"][UNSEEN][UNKNOWN_STYLE]
    assert row["lips (mm)"] == pytest.approx(np.mean(lips))
    assert row["sync distance (ours)"] == pytest.approx(np.mean(sync))
    truth = values["sets"][UNSEEN][TRUTH]
    assert truth["lips (mm)"] is None and truth["sync distance (ours)"] > 0
    text = (tmp_path / "table.md").read_text()
    assert "LSE" not in text and "VE-FID" not in text, "our own judges bear other names"


@pytest.mark.slow
def test_table_asks_foreign_judges_where_their_files_are_given(tiny_model_file, corpus, tmp_path):
    torch.manual_seed(0)
    for name, judge in (("syncnet", SyncNet()), ("attention", FrameAttention())):
        save_file(judge.state_dict(), tmp_path / f"{name}.safetensors")
    files = (
        "--syncnet",
        tmp_path / "syncnet.safetensors",
        "--frame-attention",
        tmp_path / "attention.safetensors",
    )
    stage = Stage.open(tiny_model_file, "cpu")
    judges = Judges.read(stage, None, files[1], files[3])
    clip = held_out(corpus, rows_of(corpus, "test", labelled=True)[:1])[0]
    short = replace(clip, waveform=clip.waveform[: 20 * 640], motion=clip.motion[:20])
    (errors,), features = judges.errors(short, [short.motion]), judges.features(short.motion[:3])
    assert np.isfinite([errors["LSE-D"], errors["LSE-C"]]).all()
    assert features["VE-FID"].shape == (1, 1024)


@pytest.mark.slow
def test_exchange_reports_all_class_pairs_through_all_doors(tiny_model_file, corpus, tmp_path):
    values = run(
        "exchange",
        tiny_model_file,
        corpus,
        tmp_path,
        "--n-sentences",
        "1",
        "--n-learned",
        "30",
        "--n-rendered",
        "15",
    )
    assert set(values["agreement"]) == {"reference clip", "reference performance"}
    for door in ("label", "reference clip", "reference performance"):
        assert set(values["matrices"][door]) == set(MEASURES)
        for matrix in values["matrices"][door].values():
            assert np.shape(matrix) == (8, 8)
    assert np.array(values["matrices"]["label"]["P, B, M closed"], float).max() <= 1
    assert np.shape(values["intensities"]["happy"]) == (2, 4)
    for found in values["prototypes"].values():
        assert {tuple(row["kind"]) for row in found} <= set(KINDS)
        assert all(-1 <= row["cosine"] <= 1 for row in found)
    assert (tmp_path / "exchange.png").stat().st_size > 10_000


@pytest.mark.slow
def test_the_separate_classifier_names_performances_it_never_saw(stage, corpus):
    classifiers = EmotionClassifiers.learn(stage, corpus, 30, 15, 0)
    clips = held_out(corpus, rows_of(corpus, "test", labelled=True))
    named = [classifiers.by_statistics(clip.motion) for clip in clips]
    assert np.mean([name == clip.row.emotion for name, clip in zip(named, clips, strict=True)]) > 0.7
    assert classifiers.distance(clips[0].motion, clips[0].motion) == 0
    assert classifiers.distance(clips[0].motion, clips[-1].motion) > 0


def test_matrices_are_means_over_the_swaps_of_each_pair():
    swaps = [
        Swap("happy", "sad", 0.9, 1.0, "sad", "angry", 0.4),
        Swap("happy", "sad", 0.7, float("nan"), "sad", "sad", 0.6),
        Swap("sad", "sad", 0.1, 0.0, "sad", "sad", 0.0),
    ]
    found = matrices(swaps)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    by_hand = (0.8, 1.0, 1.0, 0.5, 0.5)
    for matrix, wanted in zip(found.values(), by_hand, strict=True):
        assert matrix[happy, sad] == pytest.approx(wanted)
        assert off_diagonal(matrix) == pytest.approx(wanted)
        assert np.isnan(matrix[sad, happy])
    agreed = agreement({"label": swaps, "reference clip": swaps[::-1], "reference performance": swaps})
    assert agreed["reference clip"]["by the separate classifier"] == pytest.approx(1 / 3)
    assert agreed["reference performance"]["by the separate classifier"] == 1


@pytest.mark.slow
def test_styles_names_what_the_model_speaks(tiny_model_file, corpus, tmp_path):
    values = run("styles", tiny_model_file, corpus, tmp_path, "--n-clips", "4")
    assert np.shape(values["confusion"]) == (3, 3)
    np.testing.assert_allclose(np.sum(values["confusion"], axis=1), 1)
    assert values["performances"] > 0.9, "anna's performances are hers"
    assert set(values["closures"]) == {"anna", "ben", "cleo"}


def test_confusion_counts_shares_of_what_was_asked():
    shares = confusion(["a", "a", "b"], ["a", "b", "b"], ["a", "b", "c"])
    np.testing.assert_array_equal(shares, [[0.5, 0.5, 0], [0, 1, 0], [np.nan] * 3])


@pytest.mark.slow
def test_alive_looks_at_a_long_motion_beside_the_animator(tiny_model_file, corpus, tmp_path):
    values = run("alive", tiny_model_file, corpus, tmp_path, "--seconds", "12")
    assert values["model"].keys() == values["animator"].keys()
    assert values["animator"]["jitter, lips"] < 0.05
    assert "wanted" in (tmp_path / "alive.md").read_text()


def test_joined_clips_keep_the_times_of_their_phones():
    click = np.zeros(16000, np.float32)
    click[8000] = 1
    phones = (Phone("SIL", 0.0, 0.5), Phone("P", 0.5, 1.0))
    waveform, spoken = joined([(click, phones)] * 3, 2.5, np.random.default_rng(0))
    starts = [phone.start for phone in spoken if phone.name == "P"]
    assert [round(16000 * start) for start in starts] == np.flatnonzero(waveform).tolist()
    assert all(a.end == b.start for a, b in pairwise(spoken))
    assert spoken[-1].end == len(waveform) / 16000


def test_balanced_takes_from_every_group_in_turn(corpus):
    rows = rows_of(corpus, "test", labelled=True)
    taken = balanced(rows, 16, lambda row: row.emotion, 0)
    assert sorted(row.emotion for row in taken) == sorted([*EMOTIONS, *EMOTIONS])
    assert len(balanced(rows, 999, lambda row: row.emotion, 0)) == len(rows) == len({row.id for row in rows})


def test_a_split_without_usable_clips_is_refused(corpus, tmp_path):
    with pytest.raises(CorpusError, match="expected clips in split 'val'"):
        rows_of(corpus, "val", labelled=False)
    write_manifest(tmp_path, [clip_row(0, "test", UNKNOWN, "normal", "anna")])
    with pytest.raises(CorpusError, match="expected clips of known emotion in split 'test'"):
        rows_of(tmp_path, "test", labelled=True)


def test_a_clip_without_a_motion_is_refused(tmp_path):
    row = clip_row(0, "test", "happy", "normal", "anna")
    write_clip(tmp_path / row.file, np.zeros(16000, np.int16))
    with pytest.raises(CorpusError, match="expected a motion for clip test-0, found none"):
        held_out(tmp_path, [row])


def test_exchange_refuses_a_split_with_one_clip_of_an_emotion(tiny_model_file, corpus, tmp_path):
    rows = rows_of(corpus, "test", labelled=True)
    write_manifest(tmp_path, rows[:1])
    (tmp_path / "clips").symlink_to(corpus / "clips")
    with pytest.raises(CorpusError, match="expected two clips or more of neutral"):
        run("exchange", tiny_model_file, tmp_path, tmp_path)


def test_styles_refuses_a_corpus_of_other_speakers(tiny_model_file, corpus, tmp_path):
    write_manifest(tmp_path, [clip_row(0, "train", "happy", "normal", "somebody")])
    with pytest.raises(CorpusError, match="expected performances in the model's styles anna, ben, cleo"):
        run("styles", tiny_model_file, tmp_path, tmp_path)


def test_alive_refuses_clips_without_phones(tiny_model_file, tmp_path):
    row = clip_row(0, "test", "happy", "normal", "anna")
    write_clip(tmp_path / row.file, np.zeros(19200, np.int16), motion=np.zeros((FRAMES, 53), np.float32))
    write_manifest(tmp_path, [row])
    with pytest.raises(CorpusError, match="expected clips with phones"):
        run("alive", tiny_model_file, tmp_path, tmp_path)


def test_a_sync_expert_for_other_content_is_refused(stage, tmp_path):
    SyncExpert(SyncConfig(content_dim=7, hidden_dim=8, embedding_dim=8)).save(tmp_path / "sync.safetensors")
    with pytest.raises(ModelFileError, match="expected a sync-expert for the model's 32 content features"):
        Judges.read(stage, tmp_path / "sync.safetensors", None, None)


def test_weighted_means_leave_out_what_is_no_number():
    rows = [(1, {"a": 1.0, "b": float("nan")}), (3, {"a": 2.0, "b": 5.0})]
    assert weighted_means(rows) == {"a": 1.75, "b": 5.0}
    assert np.isnan(weighted_means(rows[:1])["b"])


def test_a_fitted_motion_is_cut_or_played_to_and_fro():
    motion = np.arange(3, dtype=np.float32)[:, None].repeat(53, axis=1)
    assert fitted(motion, 8)[:, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]
    assert fitted(motion, 2)[:, 0].tolist() == [0, 1]


def test_motion_features_are_landmarks_and_their_change_in_millimetres():
    landmarks = np.random.default_rng(0).normal(size=(4, 68, 3)) / 100
    features = motion_features(landmarks)
    assert features.shape == (4, 306)
    for frame in range(4):
        for number in range(51):
            place = slice(3 * number, 3 * number + 3)
            change = slice(153 + 3 * number, 153 + 3 * number + 3)
            before = landmarks[max(frame - 1, 0), 17 + number]
            np.testing.assert_allclose(features[frame, place], 1000 * landmarks[frame, 17 + number])
            moved = 1000 * (landmarks[frame, 17 + number] - before)
            np.testing.assert_allclose(features[frame, change], moved, atol=1e-9)


def test_expression_statistics_do_not_see_how_the_lips_speak():
    landmarks = np.random.default_rng(0).normal(size=(20, 68, 3))
    spoken = landmarks.copy()
    spoken[:, 49:54] += 1
    spoken[:, 55:] *= 2
    np.testing.assert_array_equal(expression_statistics(landmarks), expression_statistics(spoken))


def test_statistics_classifier_tells_two_clouds_apart():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(40, 5)) + np.repeat([[0.0], [4.0]], 20, axis=0)
    judge = StatisticsClassifier(cloud, ["low"] * 20 + ["high"] * 20)
    assert judge.name(np.array([[0.0] * 5, [4.0] * 5])) == ["low", "high"]
    np.testing.assert_allclose(judge.standardised(cloud).std(axis=0), 1 / np.sqrt(5))


def test_nearest_emotion_goes_by_direction_alone():
    prototypes = np.array([[1.0, 0], [0, 0.1]])
    assert nearest_emotion(np.array([0.4, 9.0]), prototypes, ("sad", "happy")) == "happy"


def test_tables_have_significant_digits_and_dashes():
    text = markdown_table(["a", "b"], [["x", 12.3456], ["y", 0.00123456], ["z", float("nan")], ["w", 0.0]])
    cells = [line.split("|")[2].strip() for line in text.splitlines()[2:]]
    assert cells == ["12.3", "0.00123", "-", "0.00"]


def test_reports_write_null_for_what_is_no_number(tmp_path):
    write_report(tmp_path / "new", "report", "text", {"a": np.array([1.0, np.nan]), "b": {"c": np.int64(3)}})
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == {"a": [1.0, None], "b": {"c": 3}}


def test_drawn_matrices_are_a_picture(tmp_path):
    draw_matrices(tmp_path / "m.png", {"one": np.eye(2), "two": np.full((2, 2), np.nan)}, "ab", "cd")
    assert (tmp_path / "m.png").read_bytes().startswith(b"\x89PNG")
