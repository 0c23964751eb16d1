"""The real worker, listening: emotions over time, and how a voice usually sounds."""

import re
import time

import numpy as np
import pytest
import soundfile
from engine_python import ENGINE_PYTHON as PYTHON
from tiny_model import INFO, voice, write_tiny_model

from ecoface_blender.engine.client import WorkerClient, WorkerError
from ecoface_blender.worker import protocol
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline


@pytest.fixture(scope="module")
def loaded(tiny_model_file):
    client = WorkerClient(PYTHON)
    client.wait(client.request(protocol.Load, model=str(tiny_model_file), device="cpu"))
    yield client
    client.close()


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Six sounds of two seconds, their silence, and their waveforms as they are read."""
    folder, found = tmp_path_factory.mktemp("voices"), []
    for number in range(6):
        path = folder / f"voice {number}.wav"
        soundfile.write(path, voice(2.0, number), 16_000)
        found.append((str(path), soundfile.read(path, dtype="float32")[0]))
    return found


def ask(client, kind, /, **values):
    return client.wait(client.request(kind, **values))


def listen(client, sound, result, **changes):
    values = {"first_second": 0.0, "seconds": None, "baseline": None} | changes
    return client.request(protocol.Listen, sound=str(sound), result=str(result), **values)


def parts(voices):
    return [{"sound": path, "first_second": 0.0, "seconds": None} for path, _ in voices]


def failure(client, number):
    with pytest.raises(WorkerError) as caught:
        client.wait(number)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def read(path):
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_emotions_over_time_are_those_of_the_library(loaded, tiny_onnx, voices, tmp_path):
    path, waveform = voices[0]
    answer = loaded.wait(listen(loaded, path, tmp_path / "heard.npz", first_second=0.4, seconds=1.2))
    expected = tiny_onnx.listen(waveform[6_400:25_600])
    found = read(tmp_path / "heard.npz")
    np.testing.assert_allclose(found["weights"], expected.shares, atol=1e-5)
    np.testing.assert_allclose(found["intensity"], expected.intensity, atol=1e-5)
    np.testing.assert_allclose(found["speech"], expected.speech, atol=1e-5)
    assert found["rate"] == 10 and found["weights"].shape == (12, 8)
    assert answer["heard"]["shares"] == pytest.approx(expected.summary()["shares"], abs=2e-3)
    assert answer["seconds"] == pytest.approx(expected.speech_seconds, abs=1e-4)


def test_a_baseline_is_measured_and_used_by_listening_and_generating(loaded, tiny_onnx, voices, tmp_path):
    values = ask(loaded, protocol.Baseline, sounds=parts(voices[:2]), kind="neutral")
    expected = tiny_onnx.voice_baseline([waveform for _, waveform in voices[:2]], "neutral")
    baseline = VoiceBaseline.from_dict(values)
    np.testing.assert_allclose(baseline.states, expected.states, atol=1e-5)
    assert (baseline.kind, baseline.n_lines) == ("neutral", 2)
    path, waveform = voices[3]
    answer = loaded.wait(listen(loaded, path, tmp_path / "heard.npz", baseline=values))
    shares = read(tmp_path / "heard.npz")["weights"]
    np.testing.assert_allclose(shares, tiny_onnx.listen(waveform, baseline=expected).shares, atol=1e-4)
    assert np.abs(shares - tiny_onnx.listen(waveform).shares).max() > 1e-4
    assert answer["heard"]["baseline"] == "neutral"
    wishes = {"style": "ben", "emotion": None, "seed": 0, "temperature": 1.0}
    sound = {"sound": path, "first_second": 0.0, "seconds": None, "result": str(tmp_path / "motion.npz")}
    for asked, given in (
        ({"emotion_from": None, "baseline": values}, {"baseline": expected}),
        (
            {"emotion_from": voices[4][0], "reference_baseline": values},
            {"emotion_from": voices[4][1], "reference_baseline": expected},
        ),
    ):
        ask(loaded, protocol.Generate, head=INFO["head"], head_file=None, **wishes, **sound, **asked)
        motion = FlameMotion.read(tmp_path / "motion.npz")
        wanted = tiny_onnx.generate(waveform, **wishes, **given)
        np.testing.assert_allclose(motion.motion, wanted.motion, atol=1e-4)
        assert motion.metadata["heard"]["baseline"] == "neutral"


def test_silence_is_neutral_with_a_note(loaded, tmp_path):
    silence, result = tmp_path / "silence.wav", tmp_path / "heard.npz"
    soundfile.write(silence, np.zeros(32_000, np.float32), 16_000)
    answer = loaded.wait(listen(loaded, silence, result))
    assert answer["warnings"] == ["nobody speaks in this sound, so the face rests"]
    assert answer["heard"]["emotion"] == "neutral" and answer["heard"]["intensity"] == 0
    with np.load(result) as found:
        assert not found["weights"][:, 1:].any() and not found["intensity"].any()


def test_what_cannot_be_listened_to_is_one_sentence(loaded, voices, tmp_path):
    result = tmp_path / "heard.npz"
    for request, sentence in (
        (listen(loaded, tmp_path / "nowhere.wav", result), "Expected a sound file at .*nowhere.wav"),
        (listen(loaded, voices[0][0], result, first_second=3.0), "Expected sound from 3.00 s on"),
        (
            listen(loaded, voices[0][0], result, baseline={"kind": "x"}),
            "Expected a voice baseline of EcoFace",
        ),
    ):
        assert re.search(sentence, failure(loaded, request))
        assert not result.exists()


def test_lines_that_make_no_baseline_are_one_sentence(loaded, voices, tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(32_000, np.float32), 16_000)
    silent = [{"sound": str(silence), "first_second": 0.0, "seconds": None}]
    for sounds, kind, sentence in (
        (silent, "neutral", "Expected at least 0.5 s of speech in a line for a voice baseline"),
        (parts(voices[:2]), "lines", "Expected at least 5 lines with speech .* found 2"),
        ([], "lines", "Expected at least 0.5 s of speech"),
        (parts(voices[:1]), "angry", "Expected a voice baseline of lines or neutral, found 'angry'"),
    ):
        request = loaded.request(protocol.Baseline, sounds=sounds, kind=kind)
        assert re.search(sentence, failure(loaded, request))


def test_a_baseline_tells_how_many_of_its_lines_it_has_heard(voices, tmp_path):
    model, seen = write_tiny_model(tmp_path / "unsure.safetensors", sure=False), []
    client = WorkerClient(PYTHON)
    client.wait(client.request(protocol.Load, model=str(model), device="cpu"))
    number = client.request(protocol.Baseline, sounds=parts(voices), kind="lines")
    assert client.wait(number, seen.append)["n_lines"] == 6
    client.close()
    told = [(event.done, event.total) for event in seen if event.stage == "Listening"]
    assert told == sorted(told) and told[0] == (0, 12) and told[-1] == (11, 12)


def test_listening_is_cancelled_in_the_middle_and_the_worker_works_on(loaded, voices, tmp_path):
    long = tmp_path / "long.wav"
    soundfile.write(long, voice(120.0), 16_000)
    number, seen = listen(loaded, long, tmp_path / "long.npz"), []
    end = time.monotonic() + 30
    while not any(event.stage == "Listening" for event in seen):
        seen.extend(loaded.poll())
        assert time.monotonic() < end
        time.sleep(0.01)
    loaded.cancel(number)
    assert failure(loaded, number) == "Cancelled."
    assert not (tmp_path / "long.npz").exists()
    assert loaded.wait(listen(loaded, voices[0][0], tmp_path / "heard.npz"))["heard"]["text"]
