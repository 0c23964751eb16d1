"""The real worker process through the real client: what it answers with the tiny model loaded."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import os
import re

import numpy as np
import pytest
import soundfile
from engine_python import ENGINE_PYTHON as PYTHON
from tiny_model import STYLES, write_tiny_model
from worker_requests import client, failure, generate, load, speech, wait_until, write_voice  # noqa: F401

from ecoface_blender.engine.client import WorkerClient, WorkerError
from ecoface_blender.worker import protocol
from ecoface_model.core.emotion_label import EmotionTrack
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.postprocess.face_regions import upper_projection
from ecoface_model.reference_emotion.strength import EmotionStrength


@pytest.fixture(scope="module")
def loaded(tiny_model_file):
    """A worker with the tiny model, kept by the tests that leave it well."""
    client = WorkerClient(PYTHON)
    load(client, tiny_model_file)
    yield client
    client.close()


def test_hello_tells_what_the_engine_is(loaded):
    answer = loaded.wait(loaded.request(protocol.Hello))
    assert answer["protocol"] == protocol.PROTOCOL
    assert answer["engine"].split()[0] in ("PyTorch", "ONNX") and answer["hardware"]
    assert answer["device"] in ("cpu", "cuda", "mps")


def test_load_tells_what_the_model_is(loaded, tiny_model_file):
    answer = load(loaded, tiny_model_file)
    assert answer["name"] == "tiny" and answer["styles"] == list(STYLES) and answer["device"] == "cpu"


def test_generate_writes_the_same_motion_as_the_library(loaded, tiny_onnx, speech, tmp_path):
    stages = []
    values = {"style": "ben", "emotion": "angry:2", "seed": 3, "temperature": 0.5}
    number = generate(loaded, speech, tmp_path / "motion.npz", **values)
    answer = loaded.wait(number, stages.append)
    assert 0.01 < answer.pop("peak") <= 1
    assert answer == {"frames": 50, "seconds": 2.0, "warnings": [], "tracks": [], "channels": []}
    motion = FlameMotion.read(tmp_path / "motion.npz")
    expected = tiny_onnx.generate(soundfile.read(speech, dtype="float32")[0], **values)
    np.testing.assert_allclose(motion.motion, expected.motion, atol=1e-5)
    assert motion.metadata["source"] == "speech.wav"
    assert "Animating" in [progress.stage for progress in stages]


@pytest.mark.slow
def test_a_model_without_graphs_is_run_by_pytorch(client, tiny_ecoface, speech, tmp_path):
    answer = load(client, write_tiny_model(tmp_path / "tiny.safetensors", graphs=False))
    assert answer["engine"].startswith("PyTorch") and answer["device"] == "cpu"
    assert client.wait(generate(client, speech, tmp_path / "motion.npz", seed=3))["frames"] == 50
    expected = tiny_ecoface.generate(soundfile.read(speech, dtype="float32")[0], seed=3)
    found = FlameMotion.read(tmp_path / "motion.npz")
    np.testing.assert_allclose(found.motion, expected.motion, atol=1e-5)


def test_what_should_be_known_of_a_sound_comes_with_the_answer(loaded, speech, tmp_path):
    whole = soundfile.read(speech, dtype="float32")[0]
    soundfile.write(tmp_path / "cut.wav", whole, 16_000)
    os.truncate(tmp_path / "cut.wav", (tmp_path / "cut.wav").stat().st_size // 2)
    soundfile.write(tmp_path / "silence.wav", 0 * whole, 16_000)
    lost = "1.0 s of 2.0 s could not be read from 1.0 s on; copy or record the file again"
    nobody = "nobody speaks in this sound, so the face rests"
    out = tmp_path / "motion.npz"
    assert loaded.wait(generate(loaded, tmp_path / "cut.wav", out))["warnings"] == [lost]
    assert FlameMotion.read(out).metadata["warnings"] == [lost]
    silent = generate(loaded, tmp_path / "silence.wav", out, original=str(tmp_path / "cut.wav"))
    assert loaded.wait(silent)["warnings"] == [lost, nobody], "of the file that was mixed down, too"


def test_what_blender_plays_too_little_of_is_told_where_all_was_to_be_heard(loaded, speech, tmp_path):
    whole = soundfile.read(speech, dtype="float32")[0]
    for name, samples in (
        ("mix", np.concatenate([whole[:16_000], 0 * whole[16_000:]])),
        ("long", np.concatenate([whole, 0 * whole])),
    ):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16_000)
    mix, out = tmp_path / "mix.wav", tmp_path / "motion.npz"
    short = "Blender plays 1.0 s of the 2.0 s of this file; save it as a .wav to have all of it in its place"
    assert loaded.wait(generate(loaded, mix, out, original=str(speech)))["warnings"] == [short]
    assert FlameMotion.read(out).metadata["warnings"] == [short]
    of_a_strip = generate(loaded, mix, out, original=str(speech), seconds=2.0)
    assert not loaded.wait(of_a_strip)["warnings"]
    silence_at_its_end = generate(loaded, speech, out, original=str(tmp_path / "long.wav"))
    assert not loaded.wait(silence_at_its_end)["warnings"]


def test_a_channel_is_chosen_and_what_there_is_to_choose_is_told(loaded, tiny_onnx, speech, tmp_path):
    voice = soundfile.read(speech, dtype="float32")[0]
    soundfile.write(tmp_path / "two.wav", np.stack([voice[::-1], voice], 1), 16_000, subtype="FLOAT")
    out = tmp_path / "motion.npz"
    answer = loaded.wait(generate(loaded, tmp_path / "two.wav", out, channel=2))
    assert (answer["tracks"], answer["channels"]) == ([], ["1", "2"])
    expected = tiny_onnx.generate(voice, emotion=None, style=None, seed=0, temperature=1.0)
    np.testing.assert_allclose(FlameMotion.read(out).motion, expected.motion, atol=1e-5)
    mixed = loaded.wait(generate(loaded, speech, out, original=str(tmp_path / "two.wav")))
    assert mixed["channels"] == ["1", "2"], "of the file that was mixed down"
    with pytest.raises(WorkerError, match=r"Expected a channel from 1 to 2, found 3; choose one of these\."):
        loaded.wait(generate(loaded, tmp_path / "two.wav", out, channel=3))
    with pytest.raises(WorkerError, match="Expected a track from 1 to 1, found 2"):
        loaded.wait(generate(loaded, tmp_path / "two.wav", out, track=2))


def test_a_part_of_the_sound_is_animated_with_silence_before_its_beginning(
    loaded, tiny_onnx, speech, tmp_path
):
    loaded.wait(generate(loaded, speech, tmp_path / "motion.npz", first_second=-0.4, seconds=1.2))
    waveform = soundfile.read(speech, dtype="float32")[0]
    expected = tiny_onnx.generate(np.pad(waveform[:12_800], (6_400, 0)))
    np.testing.assert_allclose(FlameMotion.read(tmp_path / "motion.npz").motion, expected.motion, atol=1e-5)


def test_the_emotion_of_a_clip_is_taken(loaded, tiny_onnx, speech, tmp_path):
    clip = write_voice(tmp_path / "clip.flac", 1.0)
    loaded.wait(generate(loaded, speech, tmp_path / "motion.npz", emotion_from=str(clip)))
    reference = soundfile.read(clip, dtype="float32")[0]
    expected = tiny_onnx.generate(soundfile.read(speech, dtype="float32")[0], emotion_from=reference)
    np.testing.assert_allclose(FlameMotion.read(tmp_path / "motion.npz").motion, expected.motion, atol=1e-5)


def test_a_head_arrives_as_the_arrays_of_its_file(loaded, tmp_path):
    path = tmp_path / "head.npz"
    assert loaded.wait(loaded.request(protocol.Head, file=None, result=str(path)))
    head = read_head()
    with np.load(path, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["shapedirs"], head.shapedirs)
        np.testing.assert_array_equal(arrays["mask_lips"], head.masks["lips"])
        assert str(arrays["name"]) == head.name and tuple(arrays["material_names"]) == head.material_names


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"style": "zoe"}, "Expected a style among average, anna, ben, cleo, found 'zoe'"),
        ({"emotion": "smug"}, "Expected an emotion among .* found 'smug'"),
        ({"emotion": "sad", "emotion_from": "speech.wav"}, "Expected a sound file at speech.wav|found both"),
        ({"first_second": 2.5}, "Expected sound from 2.50 s on, found one of 2.00 s"),
        ({"sound": "nowhere.wav"}, "Expected a sound file at nowhere.wav, found none"),
        ({"result": "no/such/folder/motion.npz"}, "no/such/folder"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_is_one_sentence(loaded, speech, tmp_path, change, sentence):
    values = {"sound": speech, "result": tmp_path / "motion.npz"} | change
    assert re.search(sentence, failure(loaded, generate(loaded, **values)))
    assert loaded.wait(generate(loaded, speech, tmp_path / "motion.npz"))["frames"] == 50, "it works on"


def test_a_job_is_cancelled_in_the_middle_and_the_worker_works_on(loaded, speech, tmp_path):
    long = write_voice(tmp_path / "long.wav", 120.0)
    number = generate(loaded, long, tmp_path / "long.npz")
    seen = []
    wait_until(lambda: seen.extend(loaded.poll()) or any(e.stage == "Animating" for e in seen))
    loaded.cancel(number)
    assert failure(loaded, number) == "Cancelled."
    assert not (tmp_path / "long.npz").exists()
    assert loaded.wait(generate(loaded, speech, tmp_path / "motion.npz"))["frames"] == 50


def test_a_performance_a_track_and_amounts_are_obeyed(loaded, speech, tiny_onnx, tmp_path):
    sound = soundfile.read(speech, dtype="float32")[0]
    performance = tiny_onnx.generate(sound, emotion="sad")
    performance.write(tmp_path / "performance.npz")
    weights, intensity = np.eye(8, dtype=np.float32)[[2, 3, 4]], np.full(3, 1.5, np.float32)
    np.savez(tmp_path / "track.npz", weights=weights, intensity=intensity, rate=2.0)
    part = {"emotion_first_second": 0.5, "emotion_seconds": 0.4}
    less = EmotionStrength(strength=0.5, upper=0.25)
    for asked, expected in (
        ({"emotion_from": str(tmp_path / "performance.npz")}, {"emotion_from": performance}),
        (
            {"emotion_track": str(tmp_path / "track.npz")},
            {"emotion": EmotionTrack(weights, intensity, rate=2.0)},
        ),
        ({"emotion": "happy:2", "strength": 0.5, "upper": 0.25}, {"emotion": "happy:2", "amounts": less}),
        ({"emotion_from": str(speech)} | part, {"emotion_from": sound[8_000:14_400]}),
    ):
        loaded.wait(generate(loaded, speech, tmp_path / "motion.npz", **asked))
        with np.load(tmp_path / "motion.npz") as result:
            wanted = tiny_onnx.generate(sound, **expected).motion
            np.testing.assert_allclose(result["motion"], wanted, atol=1e-4)
            np.testing.assert_allclose(result["upper"], upper_projection(read_head()))
