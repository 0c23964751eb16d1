"""How often clips are named rightly, and the calibration that makes unsure ones neutral."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_corpus import write_store
from torch import nn

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS, FEATURES_PER_FRAME, N_LABELS, SAMPLES_PER_FRAME
from ecoface_model.reference_emotion.voice_baseline import NO_BASELINE
from ecoface_model.speech_encoder import EmotionEncoder
from training.data.clips import ClipRow, write_clip, write_manifest
from training.data.voice_clips import LINES, NEUTRAL, VoiceClips
from training.evaluation.classifier_fit import calibrate, fit_classifier
from training.evaluation.classifier_views import RELATIVE_SHARE, SYNTHETIC_SHARE, counted, views_of
from training.evaluation.recognition import Recognised, recognise, recognition

FRAMES = 12
CLASSES = [("neutral", 0), *((name, level) for name in EMOTIONS[1:] for level in (1, 2))]
SURPRISED = EMOTIONS.index("surprised")


class Plain(EmotionEncoder):
    """Its features are the front's rows themselves, less the baseline where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def measure(self, waveform):
        return waveform[:, :1]

    def front_rows(self, waveform, measured=None):
        raise NotImplementedError

    def of_front(self, rows, baseline=None, kind=None, trust=None):
        if baseline is not None:
            share = (kind != NO_BASELINE) * (1.0 if trust is None else trust)
            rows = rows - baseline[:, None] * share[:, None, None]
        return (rows * self.scale).repeat_interleave(FEATURES_PER_FRAME, dim=1)


def as_they_are() -> EmotionClassifier:
    """Its logits are the features themselves."""
    classifier = EmotionClassifier(N_LABELS, N_LABELS)
    with torch.no_grad():
        classifier.to_labels.weight.copy_(torch.eye(N_LABELS))
        classifier.to_labels.bias.zero_()
    return classifier


def corpus(folder: Path, lines: list[tuple[str, str, int, dict[int, float]]]) -> VoiceClips:
    """Clips of (voice, emotion, level, logits by label), each steady."""
    rows, stored = [], {}
    sound = (8000 * np.sin(0.1 * np.arange(FRAMES * SAMPLES_PER_FRAME))).astype(np.int16)
    for number, (voice, emotion, level, logits) in enumerate(lines):
        name = f"{voice}-{number}"
        rows.append(
            ClipRow(
                id=name, speaker=voice, voice=voice, emotion=emotion,
                intensity="strong" if level == 2 else "normal", sentence="Ah.", sentence_id="0",
                seconds=FRAMES / 25, split="val", file=f"clips/{name}.npz",
            )
        )  # fmt: skip
        write_clip(folder / rows[-1].file, sound)
        stored[name] = np.zeros((FRAMES, N_LABELS))
        for label, logit in logits.items():
            stored[name][:, label] = logit
    write_manifest(folder, rows)
    write_store(folder / "features", "front", 0, stored)
    return VoiceClips(folder, folder / "features", "val", 1)


@pytest.fixture
def synthetic(tmp_path: Path) -> VoiceClips:
    """Every label twice, told rightly but for a third clip of each, which is unsure."""
    lines = []
    for label, (emotion, level) in enumerate(CLASSES):
        lines += [("robot", emotion, level, {label: 3.0})] * 2
        lines.append(("robot", emotion, level, {label: 0.4, (label + 1) % N_LABELS: 0.5}))
    return corpus(tmp_path / "synthetic", lines)


@pytest.fixture
def real(tmp_path: Path) -> VoiceClips:
    """Plain reading taken for surprise, and anger that is heard as such; nobody is ever surprised."""
    surprised = 2 * SURPRISED - 1
    lines = [("anna", "neutral", 0, {surprised: 1.5, 0: 1.2})] * 6
    angry = 2 * EMOTIONS.index("angry") - 1
    lines += [("anna", "angry", 1, {angry: 2.5, surprised: 1.0})] * 3
    return corpus(tmp_path / "real", lines)


def test_unweighted_average_recall_counts_every_emotion_alike():
    shares = np.eye(len(EMOTIONS), dtype=np.float32)[[0, 0, 0, 4, 4, 0]]
    found = Recognised(np.array([0, 0, 0, 0, 4, 4]), shares)
    assert found.found.tolist() == [0, 0, 0, 4, 4, 0]
    assert found.uar == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_every_clip_is_named_by_itself(synthetic):
    found = recognise(Plain(), as_they_are(), synthetic)
    assert found.meant.tolist() == [EMOTIONS.index(emotion) for emotion, _ in CLASSES for _ in range(3)]
    assert (found.found == found.meant)[np.arange(45) % 3 < 2].all()
    np.testing.assert_allclose(found.shares.sum(axis=1), 1, rtol=1e-5)


def test_relative_to_a_baseline_only_clips_with_other_lines_are_named(real, tmp_path):
    assert recognise(Plain(), as_they_are(), real).uar == 0.5, "neutral is taken for surprise"
    found = recognise(Plain(), as_they_are(), real, NEUTRAL, 1)
    assert len(found.meant) == 9 and found.found[6:].tolist() == [EMOTIONS.index("angry")] * 3
    np.testing.assert_allclose(found.shares[:6], found.shares[0][None].repeat(6, axis=0), rtol=1e-5)
    alone = corpus(tmp_path / "alone", [("ben", "sad", 1, {9: 1.0}), ("eva", "sad", 1, {9: 1.0})])
    assert len(recognise(Plain(), as_they_are(), alone, LINES, 5).meant) == 0
    assert recognition(Plain(), as_they_are(), alone).keys() == {"single clips"}
    assert recognition(Plain(), as_they_are(), real).keys() == {
        "single clips", "relative to 5 lines", "relative to 1 neutral line",
    }  # fmt: skip


def test_a_class_that_real_voices_are_wrongly_said_to_have_needs_the_stronger_evidence(synthetic, real):
    classifier = as_they_are()
    before = recognise(Plain(), classifier, real)
    assert (before.found[:6] == SURPRISED).all()
    calibrate(Plain(), classifier, [synthetic, real])
    offset = classifier.offset
    assert offset[SURPRISED] < min(offset[e] for e in range(len(EMOTIONS)) if e != SURPRISED)
    assert offset[0] == offset.max(), "what is unsure goes to neutral"
    after = recognise(Plain(), classifier, real)
    assert after.uar == 1.0
    assert recognise(Plain(), classifier, synthetic).uar >= 2 / 3
    assert not offset.requires_grad and not classifier.sharpness.requires_grad


def test_a_classifier_fitted_to_whole_clips_names_what_it_learned_from(synthetic, real):
    classifier = EmotionClassifier(N_LABELS, N_LABELS)
    fit_classifier(Plain(), classifier, [synthetic, real])
    assert recognise(Plain(), classifier, real).uar == 1.0, "reading that sounds surprised is plain reading"
    assert recognise(Plain(), classifier, synthetic).uar >= 2 / 3


class Deaf(Plain):
    """Its features tell nothing; the front's rows do."""

    def of_front(self, rows, baseline=None, kind=None, trust=None):
        return 0 * super().of_front(rows, baseline, kind, trust)


def test_what_the_encoder_does_not_tell_the_front_s_rows_do(synthetic, real, monkeypatch):
    monkeypatch.setattr(
        "training.evaluation.classifier_views.PLAIN", 1.0
    )  # or a deaf layer would guess neutral
    classifier = EmotionClassifier(N_LABELS, N_LABELS)
    fit_classifier(Deaf(), classifier, [synthetic, real])
    assert recognise(Deaf(), classifier, real).uar == 1.0
    classifier.rows_to_labels.weight.data.zero_()
    assert recognise(Deaf(), classifier, real).uar == 0.5


def test_hidden_units_tell_what_no_linear_layer_can(tmp_path, monkeypatch):
    """Happy where one of two rows is high, sad where both are or none; the features are deaf to it."""
    monkeypatch.setattr("training.evaluation.hidden_fit.N_CLIPS", 8)
    monkeypatch.setattr("training.evaluation.hidden_fit.N_MEASURED", 50)
    monkeypatch.setattr("training.evaluation.hidden_fit.LEARNING_RATE", 1e-2)
    kinds = ((1.0, 1.0, "sad"), (0.0, 0.0, "sad"), (1.0, 0.0, "happy"), (0.0, 1.0, "happy"))
    clips = corpus(
        tmp_path / "either",
        [(f"voice {v}", mood, 1, {2: a, 9: b}) for v in range(4) for a, b, mood in kinds],
    )
    told = []
    for n_hidden in (0, 32, 32):
        torch.manual_seed(len(told))  # where the layers stood says nothing
        told.append(EmotionClassifier(N_LABELS, N_LABELS, n_hidden))
        fit_classifier(Deaf(), told[-1], [clips], n_steps=150)
    assert recognise(Deaf(), told[0], clips).uar < 0.8
    assert recognise(Deaf(), told[1], clips).uar == 1.0
    for name, tensor in told[1].state_dict().items():
        torch.testing.assert_close(tensor, told[2].state_dict()[name], msg=name)


def test_units_on_frames_tell_what_no_mean_can(tmp_path, monkeypatch):
    """Happy where a row goes up and down, sad where it rests at its mean; the features are deaf to it."""
    monkeypatch.setattr("training.evaluation.hidden_fit.N_CLIPS", 8)
    monkeypatch.setattr("training.evaluation.hidden_fit.N_MEASURED", 50)
    monkeypatch.setattr("training.evaluation.hidden_fit.LEARNING_RATE", 1e-2)
    moods = ("happy", "sad") * 4
    clips = corpus(tmp_path, [(f"voice {v}", mood, 1, {}) for v, mood in enumerate(moods)])
    up_and_down = 2.0 * (-1.0) ** np.arange(FRAMES)
    for row in clips.rows:
        if row.emotion == "happy":
            store = clips.stores[0]
            store.data = np.array(store.data)  # in memory, no longer on the disk
            store.data[slice(*store.spans[row.id]), 3] = up_and_down
    told = []
    for n_units in (0, 16):
        torch.manual_seed(0)
        told.append(EmotionClassifier(N_LABELS, N_LABELS, 32, n_units))
        fit_classifier(Deaf(), told[-1], [clips], n_steps=150)
    assert recognise(Deaf(), told[0], clips).uar < 0.8
    assert recognise(Deaf(), told[1], clips).uar == 1.0


def test_a_voice_with_many_lines_is_learned_relative_to_them_too(tmp_path):
    """Its lines differ by its own usual sound, which only a baseline takes away."""
    happy, sad, usual = 5, 7, 12
    lines = [
        (f"voice {voice}", emotion, 1, {label: 1.0, usual: 4.0 * voice})
        for voice in range(2)
        for emotion, label in (("happy", happy), ("sad", sad))
        for _ in range(15)
    ]
    clips = corpus(tmp_path / "voices", lines)
    views = views_of(Plain(), [clips])
    assert [len(view.weight) for view in views] == [60, 60]
    alone, relative = views
    assert relative.weight.sum() == RELATIVE_SHARE * alone.weight.sum()
    assert alone.features[:, usual].std() > 1 > relative.features[:, usual].std()


def test_synthetic_speech_counts_alike_however_much_there_is(synthetic, real):
    assert counted([synthetic, synthetic]) == [45, 45], "nothing real to compare with"
    real.rows[:] = [replace(row, dataset="crema-d") for row in real.rows]
    assert counted([synthetic, real]) == pytest.approx([SYNTHETIC_SHARE * 9, 9])
    assert counted([synthetic, synthetic, real]) == pytest.approx([SYNTHETIC_SHARE * 4.5] * 2 + [9])


def test_fitting_does_not_depend_on_where_the_layer_stood(synthetic):
    fitted = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        fitted.append(EmotionClassifier(N_LABELS, N_LABELS))
        fit_classifier(Plain(), fitted[-1], [synthetic])
    torch.testing.assert_close(fitted[0].to_labels.weight, fitted[1].to_labels.weight)


def test_calibration_sharpens_what_is_nearly_always_right(synthetic, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "training.evaluation.classifier_views.PLAIN", 1.0
    )  # or neutral clips alone would decide
    certain = corpus(
        tmp_path / "certain",
        [("robot", emotion, level, {label: 1.0}) for label, (emotion, level) in enumerate(CLASSES)],
    )
    sharp, blunt = as_they_are(), as_they_are()
    calibrate(Plain(), sharp, [certain])
    calibrate(Plain(), blunt, [synthetic])
    assert sharp.sharpness > blunt.sharpness and sharp.sharpness > 1.5
