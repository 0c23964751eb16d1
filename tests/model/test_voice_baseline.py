"""Voice baselines: measured, kept, refused, and used."""

import json

import numpy as np
import pytest
import torch
from tiny_model import TINY_HUBERT, voice, write_tiny_model

from ecoface_model.core.errors import RequestError, SoundError
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.voice_activity import speaking
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline
from ecoface_model.windows import WindowPlan

LINES = [voice(1.5, seed) for seed in range(6)]
SILENCE = np.zeros(32_000, np.float32)


@pytest.fixture(scope="module")
def varied(tmp_path_factory) -> EcoFace:
    path = tmp_path_factory.mktemp("unsure") / "tiny.safetensors"
    return EcoFace.load(write_tiny_model(path, sure=False), device="cpu", engine="torch")


def test_a_baseline_is_the_mean_of_the_front_s_states_over_speech(tiny_ecoface):
    line = voice(2.0)
    found = tiny_ecoface.voice_baseline([line])
    ((window, sound, measured),) = tiny_ecoface.encoder.windows(line, "Listening", None)
    heard = (torch.from_numpy(each)[None] for each in (sound, measured))
    states = tiny_ecoface.networks.content.hidden_states(*heard)[0, :, :100]
    speech = speaking(line, 100, 50)
    assert len(window) == 52 and 50 < speech.sum() < 100
    np.testing.assert_allclose(found.states, np.average(states, axis=1, weights=speech), atol=1e-4)
    assert (found.kind, found.n_lines) == ("neutral", 1)


def test_every_line_counts_alike_however_long(tiny_ecoface):
    lines = [voice(1.0, 1), voice(6.0, 2)]
    together = tiny_ecoface.voice_baseline(lines).states
    alone = [tiny_ecoface.voice_baseline([line]).states for line in lines]
    np.testing.assert_allclose(together, np.mean(alone, axis=0), atol=1e-5)


def test_the_windows_of_a_long_line_count_each_moment_once(tiny_model_file):
    line, states = voice(12.0, 3), []
    for plan in (WindowPlan(window=744, context=96), WindowPlan(window=80, context=16)):
        ecoface = EcoFace.load(tiny_model_file, device="cpu", engine="torch")
        ecoface.networks.content.positions.zero_()
        ecoface.encoder = type(ecoface.encoder)(ecoface.backend, plan)
        states.append(ecoface.encoder.states_of_speech(line, None))
    (whole, n_whole), (joined, n_joined) = states
    assert n_joined == pytest.approx(n_whole)
    np.testing.assert_allclose(joined / n_joined, whole / n_whole, atol=0.02, rtol=0.05)


def test_lines_without_speech_do_not_count(tiny_ecoface):
    line = voice(2.0)
    with_silence = tiny_ecoface.voice_baseline([SILENCE, line, SILENCE], "neutral")
    assert with_silence.n_lines == 1
    np.testing.assert_array_equal(with_silence.states, tiny_ecoface.voice_baseline([line]).states)


def test_five_lines_are_taken_for_any_mood_and_fewer_for_neutral_ones(varied):
    assert varied.voice_baseline(LINES[:4]).kind == "neutral"
    lines = varied.voice_baseline(LINES[:5])
    assert (lines.kind, lines.n_lines) == ("lines", 5)
    assert varied.voice_baseline(LINES, "neutral").kind == "neutral"


def test_lines_in_one_mood_are_no_baseline_of_all_moods(tiny_model_file):
    ecoface = EcoFace.load(tiny_model_file, device="cpu", engine="torch")
    ecoface.networks.classifier.to_labels.bias[3] += 100
    with pytest.raises(RequestError, match=r"expected lines in several moods .* nearly all of them happy"):
        ecoface.voice_baseline(LINES)
    assert ecoface.voice_baseline(LINES, "neutral").n_lines == 6


@pytest.mark.parametrize(
    ("lines", "kind", "message"),
    [
        ([SILENCE], None, r"expected at least 0.5 s of speech in a line .* found less in all 1"),
        ([], None, r"found less in all 0"),
        (LINES[:4], "lines", r"expected at least 5 lines with speech .* found 4; give more, or neutral ones"),
        ([*LINES[:4], SILENCE], "lines", "found 4; give more"),
        (LINES[:1], "angry", r"expected a voice baseline of lines or neutral, found 'angry'"),
    ],
)
def test_what_makes_no_baseline_is_refused(varied, lines, kind, message):
    with pytest.raises(RequestError, match=message):
        varied.voice_baseline(lines, kind)


def test_a_line_that_is_no_sound_is_refused(tiny_ecoface):
    with pytest.raises(SoundError, match=r"expected mono sound of at least 0\.04 s"):
        tiny_ecoface.voice_baseline([np.zeros(3, np.float32)])


def test_a_baseline_survives_json():
    states = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    baseline = VoiceBaseline(states, "lines", 7)
    again = VoiceBaseline.from_dict(json.loads(json.dumps(baseline.as_dict())))
    np.testing.assert_array_equal(again.states, states)
    assert (again.kind, again.n_lines) == ("lines", 7)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "angry"}, {"n_lines": 0}, {"n_lines": "many"}, {"shape": [2, 5]}, {"shape": [15]},
        {"shape": None}, {"states": "%%"}, {"states": 5}, {"states": "AAAA"},
        {"states": "AADAfw==", "shape": [1, 1]},
    ],
)  # fmt: skip
def test_foreign_json_is_refused(change):
    good = VoiceBaseline(np.ones((3, 5), np.float32), "neutral", 1).as_dict()
    VoiceBaseline.from_dict(good)
    for values in (good | change, {k: v for k, v in good.items() if k not in change}):
        with pytest.raises(RequestError, match="expected a voice baseline of EcoFace, found something else"):
            VoiceBaseline.from_dict(values)


def test_a_baseline_changes_what_is_heard_and_its_kind_is_kept(tiny_ecoface):
    speech, baseline = voice(2.0), tiny_ecoface.voice_baseline([voice(2.0, 4)])
    plain, known = tiny_ecoface.listen(speech), tiny_ecoface.listen(speech, baseline=baseline)
    as_lines = tiny_ecoface.listen(speech, baseline=VoiceBaseline(baseline.states, "lines", 5))
    assert (plain.baseline, known.baseline, as_lines.baseline) == ("none", "neutral", "lines")
    assert np.abs(known.shares - plain.shares).max() > 0.01 < np.abs(known.shares - as_lines.shares).max()


def test_the_baseline_is_that_of_the_voice_whose_emotion_is_shown(tiny_ecoface):
    speech, reference = voice(1.5), voice(1.5, 5)
    baseline = tiny_ecoface.voice_baseline([voice(2.0, 4)])
    own = tiny_ecoface.generate(speech, baseline=baseline).metadata["heard"]
    assert own == tiny_ecoface.listen(speech, baseline=baseline).summary()
    lent = tiny_ecoface.generate(speech, emotion_from=reference, reference_baseline=baseline)
    assert lent.metadata["heard"] == tiny_ecoface.listen(reference, baseline=baseline).summary()
    plain = tiny_ecoface.generate(speech, emotion_from=reference)
    assert np.abs(plain.motion - lent.motion).max() > 1e-5


def test_a_baseline_of_another_model_is_refused(tiny_ecoface):
    foreign = VoiceBaseline(np.zeros((4, 384), np.float32), "neutral", 1)
    for ask in (tiny_ecoface.listen, tiny_ecoface.generate):
        with pytest.raises(RequestError, match="of 3 x 32 numbers, as this model's are, found 4 x 384; make"):
            ask(voice(0.5), baseline=foreign)


def test_the_paper_s_encoder_knows_no_baseline(tmp_path):
    ecoface = EcoFace.load(write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT), device="cpu")
    baseline = VoiceBaseline(np.zeros((3, 32), np.float32), "neutral", 1)
    with pytest.raises(RequestError, match="expected no voice baseline, as this model knows none"):
        ecoface.listen(voice(0.5), baseline=baseline)
    with pytest.raises(RequestError, match="expected a model that knows voice baselines, found one without"):
        ecoface.voice_baseline([voice(1.0)])
