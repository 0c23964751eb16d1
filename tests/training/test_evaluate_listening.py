"""The evaluation of listening: its parts and its command on tiny models and a tiny corpus."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted_corpus import write_acted_corpus
from test_evaluation_recall import SIX, uar_by_hand
from tiny_model import TINY_HUBERT, voice, write_tiny_model

from ecoface_model.core.constants import EMOTIONS
from ecoface_model.core.errors import RequestError
from ecoface_model.pipeline import EcoFace
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest, write_clip, write_manifest
from training.evaluate import main
from training.evaluation.references import Asked, by_emotion
from training.evaluation.voices import (
    CONDITIONS,
    Way,
    baseline_of,
    hear,
    named,
    others_of,
    recorded_rows,
    relative,
    remember,
)

SECONDS = 1.6


def recorded(number: int, dataset: str, actor: int, emotion: str, split: str) -> ClipRow:
    speaker = f"{dataset}-{actor}"
    name = f"{speaker}-{emotion}-{number}"
    asked = dataset == "crema-d" and number % 5 > 0
    return ClipRow(
        id=name, speaker=speaker, voice=speaker, emotion=emotion, intensity="normal", sentence="",
        sentence_id=str(number % 3), seconds=SECONDS, split=split, file=f"clips/{name}.npz", dataset=dataset,
        agreement=(number % 3) / 2 if asked else None, licence="none needed",
    )  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Recordings of three actors in the test split, two clips of every emotion, and of a fourth elsewhere."""
    folder, rows = tmp_path_factory.mktemp("voices"), []
    for dataset, actor, split in (
        ("crema-d", 1, "test"), ("crema-d", 2, "test"), ("crema-d", 3, "train"), ("emodb", 1, "test"),
    ):  # fmt: skip
        for emotion in SIX:
            rows += [recorded(len(rows) + n, dataset, actor, emotion, split) for n in range(2)]
    for number, row in enumerate(rows):
        sound = (32767 * np.clip(voice(SECONDS, number), -1, 1)).astype(np.int16)
        write_clip(folder / row.file, sound)
    write_manifest(folder, [*rows, replace(rows[0], id="spoken-by-a-program", dataset="synthetic")])
    return folder


@pytest.fixture(scope="module")
def ecoface(tiny_model_file) -> EcoFace:
    """A model of its own, whose front remembers."""
    model = EcoFace.load(tiny_model_file, "cpu", "torch")
    remember(model)
    return model


@pytest.fixture(scope="module")
def lines(ecoface, corpus):
    return hear(ecoface, corpus, recorded_rows(corpus, ("crema-d",), "test")["crema-d"])


def test_a_front_that_remembers_hears_what_the_front_hears(tiny_model_file, ecoface, lines):
    plain = EcoFace.load(tiny_model_file, "cpu", "torch")
    usual = baseline_of(lines[:3], "neutral")
    for waveform in (voice(1.0, 90), voice(11.0, 91), voice(0.7, 92)):
        for baseline in (None, usual):
            heard, wanted = (each.listen(waveform, baseline=baseline) for each in (ecoface, plain))
            np.testing.assert_array_equal(heard.shares, wanted.shares)
            np.testing.assert_array_equal(heard.intensity, wanted.intensity)
    known = len(ecoface.networks.content.known)
    ecoface.listen(waveform)
    assert len(ecoface.networks.content.known) == known, "the same sound is heard once"


def test_a_baseline_is_what_the_pipeline_makes_of_the_same_lines(tiny_model_file, corpus, lines):
    plain = EcoFace.load(tiny_model_file, "cpu", "torch")
    sounds = [read_clip(corpus, line.row).waveform for line in lines[:5]]
    wanted = plain.voice_baseline(sounds[:2], "neutral")
    found = baseline_of(lines[:2], "neutral")
    np.testing.assert_allclose(found.states, wanted.states, atol=1e-5)
    assert (found.kind, found.n_lines) == (wanted.kind, wanted.n_lines) == ("neutral", 2)
    try:
        wanted = plain.voice_baseline(sounds, "lines")
    except RequestError:
        assert baseline_of(lines[:5], "lines") is None
    else:
        np.testing.assert_allclose(baseline_of(lines[:5], "lines").states, wanted.states, atol=1e-5)


def test_lines_of_one_mood_make_no_baseline_of_lines(lines):
    sure = np.zeros_like(lines[0].heard.shares)
    sure[:, EMOTIONS.index("sad")] = 1
    sad = [replace(line, heard=replace(line.heard, shares=sure)) for line in lines[:5]]
    assert baseline_of(sad, "lines") is None
    assert baseline_of(sad, "neutral") is not None


def test_other_lines_are_of_the_same_voice_in_an_order_of_the_seed(lines):
    for kind, n_wanted in (("lines", 11), ("neutral", 2)):
        found, again, with_other_seed = (others_of(lines, kind, seed) for seed in (0, 0, 1))
        for line, others in zip(lines, found, strict=True):
            assert {other.row.voice for other in others} == {line.row.voice}
            assert line.row.id not in {other.row.id for other in others}
            assert kind == "lines" or {other.row.emotion for other in others} == {"neutral"}
            assert len(others) == n_wanted - (kind == "neutral" and line.row.emotion == "neutral")
        ids = [[[o.row.id for o in others] for others in way] for way in (found, again, with_other_seed)]
        assert ids[0] == ids[1] != ids[2]
        assert [sorted(each) for each in ids[0]] == [sorted(each) for each in ids[2]]


def test_relative_clips_are_heard_with_a_baseline_of_other_lines(tiny_model_file, corpus, ecoface, lines):
    ways = (Way("lines", 5), Way("neutral", 1), Way("neutral", 2), Way("lines", 30))
    found = relative(ecoface, corpus, lines, 0, ways)
    assert list(found) == list(ways[:3]), "nobody has thirty lines"
    assert found[ways[1]].chosen == list(range(24)), "of two neutral clips each is the other's baseline"
    assert [lines[n].row.emotion for n in found[ways[2]].chosen].count("neutral") == 0
    plain, others = EcoFace.load(tiny_model_file, "cpu", "torch"), others_of(lines, "neutral", 0)
    for number in (0, 7):
        given = read_clip(corpus, others[number][0].row).waveform
        baseline = plain.voice_baseline([given], "neutral")
        wanted = plain.listen(read_clip(corpus, lines[number].row).waveform, baseline=baseline)
        np.testing.assert_allclose(found[ways[1]].named.shares[number], wanted.overall, atol=1e-5)
    assert found[ways[1]].n_refused == 0
    refused = found[ways[0]].n_refused
    assert 0 <= refused <= 24


def test_worse_recordings_keep_their_length_and_have_the_level_said():
    sound = voice(1.0, 5)
    level = lambda samples: 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))  # noqa: E731
    for name, condition in CONDITIONS.items():
        found = condition(sound)
        assert found.shape == sound.shape and found.dtype == np.float32, name
        if "quieter" in name:
            assert level(found) - level(sound) == pytest.approx(-float(name.split()[0]), abs=0.2)
            np.testing.assert_array_equal(np.round(found * 32768), found * 32768)
    assert np.abs(CONDITIONS["peak at 0 dB"](sound)).max() == pytest.approx(1, abs=1e-4)
    assert not CONDITIONS["peak at 0 dB"](np.zeros(800, np.float32)).any()


def run(model: Path, corpus: Path, out: Path, *more: str) -> dict:
    main(
        [
            "listening",
            "--model",
            str(model),
            "--corpus",
            str(corpus),
            "--out",
            str(out),
            "--device",
            "cpu",
            *more,
        ]
    )
    return json.loads((out / "listening.json").read_text())


@pytest.mark.slow
def test_listening_writes_what_a_loop_over_the_clips_hears(tiny_model_file, corpus, tmp_path):
    values = run(tiny_model_file, corpus, tmp_path, "--n-degraded", "6")
    plain = EcoFace.load(tiny_model_file, "cpu", "torch")
    rows = [r for r in read_manifest(corpus) if r.split == "test" and r.dataset == "crema-d"]
    shares = [plain.listen(read_clip(corpus, row).waveform).overall for row in rows]
    meant = [EMOTIONS.index(row.emotion) for row in rows]
    found = values["datasets"]["crema-d"]
    assert (found["single"]["clips"], found["single"]["actors"]) == (24, 2)
    assert found["single"]["uar of all eight"] == pytest.approx(uar_by_hand(meant, shares))
    assert found["single"]["uar"] == pytest.approx(uar_by_hand(meant, shares, SIX))
    agreed = [[r.agreement for r in rows if r.emotion == e and r.agreement is not None] for e in SIX]
    assert found["listeners"]["uar"] == pytest.approx(np.mean([np.mean(each) for each in agreed if each]))
    assert found["listeners"]["clips"] == sum(map(len, agreed)) < 24
    assert list(found["relative"]) == ["5 lines", "10 lines", "1 neutral line", "2 neutral lines"]
    assert list(found["degraded"]) == ["as it is", *CONDITIONS]
    assert found["degraded"]["room"]["clips"] == 6
    german = values["datasets"]["emodb"]
    assert german["listeners"]["uar"] is None and german["single"]["interval"] == [None, None]
    text = (tmp_path / "listening.md").read_text()
    assert "CREMA-D (Cao et al. 2014): 24 clips of 2 actors" in text and "actors held out" in text
    assert "synthetic" not in text.lower()
    assert (tmp_path / "listening.png").read_bytes().startswith(b"\x89PNG")


def test_a_data_set_that_the_model_never_heard_is_named_whole(tiny_model_file, corpus, tmp_path):
    values = run(
        tiny_model_file, corpus, tmp_path, "--datasets", "crema-d", "--split", "all", "--no-baselines",
        "--n-degraded", "0", "--recordings", str(tmp_path / "none"),
    )  # fmt: skip
    assert list(values["datasets"]) == ["crema-d"]
    found = values["datasets"]["crema-d"]
    assert found["single"]["actors"] == 3 and not {"relative", "degraded", "references"} & found.keys()
    text = (tmp_path / "listening.md").read_text()
    assert "only of a model that was trained without the data set" in text
    assert "Not heard: expected real recordings in" in text


@pytest.mark.slow
def test_a_model_without_voice_baselines_names_single_clips(corpus, tmp_path):
    model = write_tiny_model(tmp_path / "hubert.safetensors", TINY_HUBERT)
    absent = ("--recordings", str(tmp_path / "none"))
    values = run(model, corpus, tmp_path, "--datasets", "emodb", "--n-degraded", "0", *absent)
    assert "relative" not in values["datasets"]["emodb"]


@pytest.mark.slow
def test_recordings_lend_their_emotion_to_synthetic_sentences(tiny_model_file, corpus, tmp_path):
    acted = write_acted_corpus(tmp_path / "acted")
    values = run(
        tiny_model_file, corpus, tmp_path, "--datasets", "crema-d", "--no-baselines", "--n-degraded", "0",
        "--references", "--synthetic", str(acted), "--n-references", "1", "--n-sentences", "1",
        "--n-learned", "30", "--n-rendered", "15",
    )  # fmt: skip
    found = values["datasets"]["crema-d"]["references"]
    assert (found["clips"], found["sentences"]) == (6, 1)
    for door in ("by reference", "by label"):
        assert list(found[door]) == [*(e for e in EMOTIONS if e in SIX), "mean"]
        assert all(-1 <= value <= 1 for row in found[door].values() for value in row.values() if value)
    assert {row["heard as meant"] for row in found["by label"].values()} == {1.0}
    text = (tmp_path / "listening.md").read_text()
    assert "6 real recordings of" in text and "neutral synthetic sentences" in text


def test_faces_asked_for_are_counted_by_emotion_then_averaged():
    asked = [
        Asked("sad", "sad", "sad", "calm", 0.9, 1.0),
        Asked("sad", "calm", "sad", "sad", 0.7, np.nan),
        Asked("happy", "happy", "sad", "happy", 0.5, 0.0),
    ]
    found = by_emotion(asked)
    assert list(found["sad"].values()) == pytest.approx([0.5, 1.0, 0.5, 0.8, 1.0])
    assert list(found["happy"].values()) == pytest.approx([1.0, 0.0, 1.0, 0.5, 0.0])
    assert list(found["mean"].values()) == pytest.approx([0.75, 0.5, 0.75, 0.65, 0.5])


def test_what_is_missing_is_refused_in_one_sentence(corpus, tmp_path):
    with pytest.raises(CorpusError, match=r"expected a corpus with a manifest.jsonl, found none"):
        recorded_rows(tmp_path / "absent", (), "test")
    with pytest.raises(
        CorpusError, match=r"expected recordings of savee in split 'test' .* are crema-d, emodb"
    ):
        recorded_rows(corpus, ("crema-d", "savee"), "test")
    with pytest.raises(CorpusError, match="expected recordings of emodb in split 'val'"):
        recorded_rows(corpus, ("emodb",), "val")
    with pytest.raises(CorpusError, match="expected recordings of synthetic in any split"):
        recorded_rows(corpus, ("synthetic",), "all")
    acted = write_acted_corpus(tmp_path / "acted")
    with pytest.raises(CorpusError, match=r"expected recorded voices with an emotion in .*, found none"):
        recorded_rows(acted, (), "all")


def test_references_want_neutral_sentences(tiny_model_file, corpus, tmp_path):
    rows = [row for row in read_manifest(write_acted_corpus(tmp_path)) if row.emotion == "sad"]
    write_manifest(tmp_path, rows)
    with pytest.raises(CorpusError, match="expected neutral lines in split 'test'"):
        run(tiny_model_file, corpus, tmp_path, "--references", "--synthetic", str(tmp_path))


def test_single_clips_are_named_by_what_is_heard_in_them(lines):
    clips = named(lines)
    assert [EMOTIONS[place] for place in clips.found] == [line.heard.emotion for line in lines]
    assert [EMOTIONS[place] for place in clips.meant] == [line.row.emotion for line in lines]
