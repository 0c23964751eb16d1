"""The shipped model's motion stays what it was: recorded before its classes were parted, by its hash.

`PYTHONPATH=. python tests/model/test_shipped_model.py` records it again, after a new release.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from ecoface_model.audio import read_sound
from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadLandmarks
from ecoface_model.model_file import DEFAULT_MODEL
from ecoface_model.motion_generator import MotionGenerator
from ecoface_model.pipeline import EcoFace
from ecoface_model.postprocess.lips import aperture
from ecoface_model.tensor_names import GENERATOR, IN_FILES, from_file, in_file

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
RECORDED = next(path for path in (ROOT / "tests").rglob("shipped_motion.npz"))


def generated(ecoface: EcoFace) -> dict[str, np.ndarray]:
    speech = read_sound(ROOT / "demo" / "speech.wav")[: 4 * 16_000]
    voice = ecoface.generate(speech, seed=7, gaze=0.0)
    happy = ecoface.generate(speech, seed=7, gaze=0.0, emotion="happy:2", style=ecoface.styles[1])
    return {"voice": voice.motion, "happy": happy.motion}


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the model is still to be trained")
def test_the_shipped_model_generates_what_it_generated_before():
    ecoface = EcoFace.load(device="cpu")
    with np.load(RECORDED) as recorded:
        assert str(recorded["hash"]) == ecoface.model.hash, "record another model's motion"
        for name, motion in generated(ecoface).items():
            np.testing.assert_allclose(motion, recorded[name], atol=2e-3, rtol=0)  # other CPUs add elsewise


@pytest.mark.skipif(not DEFAULT_MODEL.is_file(), reason="the model is still to be trained")
def test_a_stream_opens_lips_as_the_whole_clip_does():
    ecoface, lips = EcoFace.load(device="cpu"), HeadLandmarks(read_head())
    speech = read_sound(ROOT / "demo" / "speech.wav")
    stream = ecoface.stream(emotion="neutral")
    parts = [stream.feed(speech[start : start + 3_200]).motion for start in range(0, len(speech), 3_200)]
    streamed = np.concatenate([*parts, stream.finish().motion])
    whole = ecoface.generate(speech, emotion="neutral").motion
    apart = 1000 * np.abs(aperture(lips.of(streamed)) - aperture(lips.of(whole)))[FRAME_RATE:]
    assert np.percentile(apart, 95) < 0.3, "mm; 0.40 where the encoder sees all of its window"


@pytest.mark.parametrize("steady", [True, False])
def test_every_tensor_has_a_name_in_files_and_gets_it_back(steady):
    with torch.device("meta"):
        names = MotionGenerator(MotionGeneratorConfig(steady_face=steady)).state_dict().keys()
    in_files = [in_file(GENERATOR + name) for name in names]
    assert len(set(in_files)) == len(names)
    assert [from_file(name) for name in in_files] == [GENERATOR + name for name in names]
    used = {here for name in names for _, here in IN_FILES if name.startswith(here)}
    assert not steady or used == {here for _, here in IN_FILES}


def test_names_begin_differently():
    for (first, one), (second, other) in itertools.combinations(IN_FILES, 2):
        assert not first.startswith(second) and not second.startswith(first)
        assert not one.startswith(other) and not other.startswith(one)
    assert in_file("emotion.encoder.weight") == "emotion.encoder.weight"


if __name__ == "__main__":
    loaded = EcoFace.load(device="cpu")
    np.savez_compressed(RECORDED, hash=np.array(loaded.model.hash), **generated(loaded))
