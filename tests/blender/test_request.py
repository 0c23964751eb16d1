"""A request is checked when it is made, and read back from what takes store of it."""

import json

import pytest

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.request import GenerationRequest

LEAST = {"scene": "Scene", "speaker": "Anna", "head": "mine", "sound": "/a.wav", "first_frame": 1.0}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"sound": 3}, "Expected `sound` as text, found 3"),
        ({"first_frame": "1"}, "Expected `first_frame` as a number, found '1'"),
        ({"first_frame": float("nan")}, "Expected `first_frame` as a number, found nan"),
        ({"seconds": 0}, "Expected `seconds` as more than 0"),
        ({"seed": 1.5}, "Expected `seed` as a whole number, found 1.5"),
        ({"seed": -1}, r"Expected `seed` as a whole number from 0 to below 2\^63"),
        ({"strength": -0.1}, "Expected `strength` as a number from 0 on"),
        ({"temperature": True}, "Expected `temperature` as a number, found True"),
        ({"frames": (5, 5)}, "Expected `frames` as a first frame before the last"),
        ({"frames": (1, 2, 3)}, "Expected `frames` as two whole numbers"),
        ({"baseline": [1]}, r"Expected `baseline` as values, found \[1\]"),
        (
            {"emotion": "sad", "emotion_from": "/b.wav"},
            "Expected one source of emotion, found emotion 'sad' and",
        ),
    ],
)
def test_what_is_no_request_is_refused_with_what_was_found(wrong, sentence):
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        GenerationRequest(**LEAST | wrong)


def test_a_take_gives_back_what_was_stored():
    asked = GenerationRequest(**LEAST, emotion="happy:2", frames=(3, 9), baseline={"mean": [0.5]})
    stored = json.loads(json.dumps(asked.stored()))
    assert GenerationRequest.from_stored(stored, "take") == asked
    without = json.loads(json.dumps(asked.stored(left_out=("baseline",))))
    assert GenerationRequest.from_stored(without | {"of_a_later_version": 1}, "take").baseline is None


@pytest.mark.parametrize("values", [None, [], "text", {}, LEAST | {"sound": {"a": 1}}, {1: 2}])
def test_a_foreign_take_is_refused_in_one_sentence(values):
    with pytest.raises(EcoFaceBlenderError, match=r"^(What )?'take' .*; generate a new take\.$"):
        GenerationRequest.from_stored(values, "take")
