"""The paper's figures, drawn from tiny runs."""

import dataclasses
import json

import numpy as np
import pytest
import tiny_stages
import torch
from acted_corpus import write_acted_corpus
from safetensors.torch import load_file
from tiny_corpus import write_tiny_corpus, write_tiny_voices

from training.data.clips import CorpusError
from training.data.voice_clips import VoiceClips
from training.evaluate import main
from training.evaluation import figures
from training.evaluation.emotion_space import map_clips
from training.evaluation.figures import (
    SHEETS,
    Figures,
    choose,
    clips_by_kind,
    moments_of,
    shift_curve,
    space_of,
    speak_sheet,
)
from training.evaluation.held_out import Stage
from training.runs.run import RunError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_acted_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def emotion_run(tmp_path_factory):
    """A run of three steps, and the corpus it learned from."""
    folder = tmp_path_factory.mktemp("stages")
    write_tiny_corpus(folder, tiny_stages.CONTENT_DIM, tiny_stages.EMOTION_DIM, tiny_stages.IMAGE_SIZE)
    write_tiny_voices(folder / "voices", tiny_stages.EMOTION_DIM)
    tiny_stages.emotion(folder, folder / "run")
    return folder


@pytest.mark.slow
def test_a_run_s_space_is_what_its_encoders_hear_and_see(emotion_run):
    config = Figures(
        corpus=emotion_run / "corpus",
        features=emotion_run / "features",
        faces=emotion_run / "faces",
        n_clips=2,
    )
    space = space_of(emotion_run / "run", config)
    assert len(space.audio.features) == len(space.visual.features) == 30
    encoder = figures.build_emotion(tiny_stages.emotion_config(emotion_run, emotion_run / "run").encoder)
    encoder.load_own_state(load_file(emotion_run / "run" / "encoder.safetensors"))
    clips = VoiceClips(config.corpus, config.features, "val", 1)
    torch.testing.assert_close(space.audio.features, map_clips(encoder.eval(), clips).features)
    assert torch.equal(space.audio.emotion, space.visual.emotion)
    few = space_of(emotion_run / "run", dataclasses.replace(config, n_clips=1))
    assert len(few.audio.features) == 15 and torch.equal(few.audio.emotion, few.visual.emotion)


@pytest.mark.slow
def test_figures_are_drawn_of_what_was_trained(
    tiny_model_file, corpus, emotion_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(figures, "SHEETS", SHEETS[-1:])
    monkeypatch.setattr(figures, "PICTURE", (64, 48))
    sync = tmp_path / "sync"
    sync.mkdir()
    curve = {str(shift): 0.5 - abs(shift) / 50 for shift in range(-15, 16)}
    (sync / "sync_scores.json").write_text(json.dumps({"loss": 0.5, "cosine_by_shift": curve}))
    out = tmp_path / "figures"
    run = emotion_run / "run"
    where = ("--corpus", str(corpus), "--out", str(out), "--sync", str(sync), "--runs", str(run))
    main(["figures", "--model", str(tiny_model_file), "--device", "cpu", *where])
    wanted = {"fig15_exchange.png", "sync_curve.png", "losses_run.png"}
    assert {path.name for path in out.iterdir()} == wanted
    assert all((out / name).read_bytes().startswith(b"\x89PNG") for name in wanted)
    assert all(name in capsys.readouterr().out for name in ("fig15_exchange.png",))


def test_sheets_exchange_emotions_of_other_clips(tiny_model_file, corpus):
    stage = Stage.open(tiny_model_file, "cpu")
    content, references = choose(SHEETS[3], clips_by_kind(Figures(corpus=corpus)), 0)
    assert content.row.emotion == "neutral"
    ((name, (first, second)),) = references.items()
    assert name == "happy strong, then sad normal"
    assert (first.row.emotion, second.row.emotion) == ("happy", "sad")
    motions = speak_sheet(stage, 0, content, references)
    sound = np.concatenate([first.waveform, second.waveform])
    style = content.row.speaker if content.row.speaker in stage.ecoface.styles else "average"
    np.testing.assert_array_equal(
        motions[name], stage.speak(content, style=style, seed=0, emotion_from=sound)
    )
    assert not np.allclose(motions[name], motions["own emotion"])


def test_a_sheet_without_its_clips_is_refused(corpus):
    kinds = clips_by_kind(Figures(corpus=corpus))
    del kinds["happy", "strong"]
    with pytest.raises(CorpusError, match="expected held-out clips of happy strong for fig15, found none"):
        choose(SHEETS[3], kinds, 0)


def test_moments_are_the_widest_or_every_third_the_most_closed_amid_even_parts():
    opening = np.arange(60.0)
    opening[[5, 25]] = [100, -1]
    assert moments_of(opening) == [5, 17, 25, 37, 47, 52]


def test_the_sync_curve_of_a_run_that_was_not_trained_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"expected sync_scores\.json of a finished run in .*; train it first"):
        shift_curve(tmp_path / "sync_scores.json")
