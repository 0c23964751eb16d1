"""How references are heard: what a batch tells, what a run writes, that moods are learned."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_stages import hearing_config, write_stage_corpus

from ecoface_model.config import EMOTIONS
from ecoface_model.errors import ModelFileError
from ecoface_model.hearing import Hearing
from ecoface_model.prosody import N_MEASURES
from training import train_hearing
from training.batches_hearing import HEARING, HeardClips
from training.emotion_sounds import EmotionSounds
from training.train_emotion import SCORES
from training.train_hearing import Heard, main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_stage_corpus(folder)
    return folder


def clips_of(folder: Path, n_variants: int = 2) -> HeardClips:
    torch.manual_seed(0)
    encoder = train_hearing.frozen_encoder(folder / "emotion")
    return HeardClips(EmotionSounds(folder / "corpus", "train"), encoder, Hearing(16), n_variants, seed=0)


def test_a_batch_holds_moments_of_all_kinds_as_the_encoder_hears_them(folder):
    clips, sounds = clips_of(folder), EmotionSounds(folder / "corpus", "train")
    encoder = train_hearing.frozen_encoder(folder / "emotion")
    batch = clips.batch(np.random.default_rng(0), 400)
    assert batch.heard.shape == (400, 16) and batch.prosody.shape == (400, N_MEASURES)
    shares = torch.bincount(batch.kind, minlength=15) / 400
    assert abs(float(shares[0]) - 1 / 8) < 0.05 and ((shares[1:] - 1 / 16).abs() < 0.05).all()
    for number, clip_id in enumerate(batch.ids[:20]):
        row = next(row for row in sounds.rows if row.id == clip_id)
        label = max(0, 2 * EMOTIONS.index(row.emotion) + row.intensity_level - 2)
        assert batch.kind[number] == label
    whole = clips.whole(3)
    samples = sounds.waveforms[3].astype(np.float32) / 32768
    with torch.no_grad():
        heard = encoder(torch.from_numpy(samples)[None])
        prosody = Hearing(16).measure(torch.from_numpy(samples)[None])
    torch.testing.assert_close(whole.heard, heard[0], atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(whole.prosody, prosody[0], atol=1e-2, rtol=1e-2)
    assert whole.ids[0] == sounds.rows[3].id and len(whole.kind.unique()) == 1


def test_other_variants_are_other_recordings_and_the_same_each_time(folder):
    one, two = clips_of(folder), clips_of(folder)
    n = len(one.ids) // 2
    assert one.ids[:n] == one.ids[n:] and len(one.heard[0]) == len(one.heard[n])
    assert not torch.equal(one.heard[0], one.heard[n])
    assert all(torch.equal(a, b) for a, b in zip(one.heard, two.heard, strict=True))


def test_a_run_writes_what_it_learned_and_leaves_the_encoder_alone(folder, tmp_path, capsys):
    config = hearing_config(folder, tmp_path / "run")
    main(config)
    torch.manual_seed(config.seed)
    before, hearing = Hearing(16), Hearing(16)
    hearing.load_state_dict(load_file(config.run / HEARING))
    assert not torch.equal(hearing.by_features.weight, before.by_features.weight)
    assert not torch.equal(hearing.by_prosody.weight, before.by_prosody.weight)
    assert hearing.usual[1].min() > 0 and not torch.equal(hearing.usual, before.usual)
    scores = json.loads((config.run / SCORES).read_text())
    assert set(scores) == {"emotion_accuracy", "intensity_accuracy"}
    assert "SYNTHETIC" in capsys.readouterr().out


def test_usual_sounds_have_measures_around_0_and_few_beyond_their_deviation(folder):
    sounds = train_hearing.usual_sounds(EmotionSounds(folder / "corpus", "train"), 0)[:16]
    hearing = Hearing(16)
    hearing.learn_usual(sounds)
    prosody = hearing.measure(sounds)
    assert prosody.shape == (16, 200, N_MEASURES) and prosody.abs().max() <= 3
    assert prosody.mean(dim=(0, 1)).abs().max() < 0.3 and prosody.std(dim=(0, 1)).max() < 1.1


def test_moods_that_sound_different_are_told_apart():
    torch.manual_seed(0)
    hearing = Hearing(4).train()
    kind = torch.arange(15).repeat(40)
    prosody = torch.zeros(len(kind), N_MEASURES)
    prosody[torch.arange(len(kind)), kind] = 2.0
    optimizer = torch.optim.Adam(hearing.parameters(), lr=0.05)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(hearing(torch.randn(len(kind), 4), prosody), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = hearing.eval()(torch.randn(len(kind), 4), prosody).argmax(dim=1)
    assert (found == kind).float().mean() > 0.95


def test_an_interrupted_run_ends_with_the_same_bytes(folder, tmp_path, monkeypatch):
    main(hearing_config(folder, tmp_path / "whole"))
    calls, real = [], HeardClips.batch

    def failing(self, *arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(HeardClips, "batch", failing)
    with pytest.raises(KeyboardInterrupt):
        main(hearing_config(folder, tmp_path / "cut"))
    monkeypatch.undo()
    main(hearing_config(folder, tmp_path / "cut"))
    for name in (HEARING, SCORES):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_finished_run_hears_nothing_again(folder, tmp_path, monkeypatch):
    config = hearing_config(folder, tmp_path / "run")
    main(config)
    written = (config.run / HEARING).read_bytes()
    monkeypatch.setattr(train_hearing, "HeardClips", None)
    main(config)
    assert (config.run / HEARING).read_bytes() == written


def test_what_train_emotion_did_not_make_is_refused(folder, tmp_path):
    config = replace(hearing_config(folder, tmp_path / "run"), emotion=tmp_path)
    with pytest.raises(ModelFileError, match=r"expected config\.json in .*training\.train_emotion"):
        main(config)
    assert not config.run.exists()


def test_scores_are_balanced_over_emotions_and_know_the_intensity():
    emotion, intensity = np.array([0, 0, 0, 3, 3]), np.array([0, 0, 0, 1, 2])
    shares = np.zeros((5, 15), np.float32)
    shares[[0, 1], 0] = shares[2, 1] = 1  # one neutral clip is heard as calm
    shares[3, [5, 6]] = 0.3, 0.2  # emotion 3, rather the first intensity
    shares[3, 0] = 0.45  # and yet neutral is not more likely than both intensities together
    shares[4, [5, 6]] = 0.6, 0.4
    found = Heard(emotion, intensity, shares)
    assert found.found.tolist() == [0, 0, 1, 3, 3]
    assert found.scores() == pytest.approx({"emotion_accuracy": 5 / 6, "intensity_accuracy": 0.5})
