"""What core refuses, as the extension says it."""

import numpy as np
import pytest

from ecoface_blender.core.errors import ArraysError
from ecoface_blender.errors import EcoFaceBlenderError, refusals_of_core
from ecoface_blender.takes import speech, stored

STILL = {"motion": np.zeros((4, 53), np.float32), "fps": 25.0, "metadata": "{}"}


def test_a_refusal_of_core_is_one_of_the_extension_s_sentences():
    with pytest.raises(EcoFaceBlenderError) as caught, refusals_of_core():
        raise ArraysError("expected arrays in a.npz,\nfound none; make it again")
    assert str(caught.value) == "Expected arrays in a.npz, found none; make it again."
    assert isinstance(caught.value.__cause__, ArraysError)


@pytest.mark.parametrize(
    "error", [EcoFaceBlenderError("Press Add Head again."), ValueError("ours"), OSError()]
)
def test_everything_else_passes_as_it_is(error):
    with pytest.raises(type(error)) as caught, refusals_of_core():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (b"PK\x03\x04 cut off", r"^Expected a motion .npz of EcoFace in motion\.npz, found something"),
        (
            STILL | {"metadata": "[]"},
            r"^Expected a motion .npz of EcoFace in motion\.npz, found something else",
        ),
        (STILL, "^Expected the array 'upper'"),
    ],
)
def test_a_damaged_motion_is_one_sentence(tmp_path, arrays, sentence):
    path = tmp_path / "motion.npz"
    if isinstance(arrays, bytes):
        path.write_bytes(arrays)
    else:
        np.savez(path, **arrays)
    with pytest.raises(EcoFaceBlenderError, match=sentence) as caught:
        stored.read_motion(path)
    assert str(caught.value).endswith(".")


def test_a_damaged_emotion_track_is_one_sentence():
    with pytest.raises(EcoFaceBlenderError, match=r"^Expected arrays in this file, found a damaged file"):
        speech._track(b"no track")
