"""Motion for other programs: Live Link Face's .csv, .json, positions, and what is refused."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ecoface_model.core.arkit import to_arkit
from ecoface_model.core.errors import MotionError, RequestError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.live_link import LIVE_LINK_ROTATIONS, LIVE_LINK_UNITS, timecode
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.export import write_export
from ecoface_model.flame import FlameHead
from ecoface_model.transfer import from_arkit

HEADER = (
    "Timecode,BlendShapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,"
    "EyeSquintLeft,EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,"
    "EyeSquintRight,EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,"
    "MouthRight,MouthLeft,MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,"
    "MouthDimpleRight,MouthStretchLeft,MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,"
    "MouthShrugUpper,MouthPressLeft,MouthPressRight,MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,"
    "MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,"
    "CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,TongueOut,HeadYaw,HeadPitch,HeadRoll,"
    "LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)
"""The first line of a file that the app wrote."""


@pytest.fixture(scope="module")
def motion() -> FlameMotion:
    """Two seconds in which the jaw opens and the left side of the mouth smiles."""
    head = read_head()
    weights = np.zeros((50, 52), np.float32)
    weights[:, head.arkit_names.index("jawOpen")] = np.linspace(0, 0.6, 50)
    weights[:, head.arkit_names.index("mouthSmileLeft")] = np.linspace(0.5, 0, 50)
    return FlameMotion(from_arkit(weights, head), 25.0, {"head": head.name, "source": "liné.wav"})


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open(newline="") as file:
        first, *rows = csv.reader(file)
    return first, rows


def test_the_columns_are_those_of_the_app(motion, tmp_path):
    write_export(motion, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == HEADER
    assert len(LIVE_LINK_UNITS) == 52 and len(LIVE_LINK_ROTATIONS) == 9


def test_the_curves_stand_in_their_columns(motion, tmp_path):
    write_export(motion, tmp_path / "a.csv")
    first, rows = read_csv(tmp_path / "a.csv")
    values = {name: np.array([float(row[k]) for row in rows]) for k, name in enumerate(first) if k > 1}
    assert {row[1] for row in rows} == {"61"}
    assert {len(row) for row in rows} == {63}
    np.testing.assert_allclose(values["JawOpen"], np.linspace(0, 0.6, 50), atol=1e-3)
    np.testing.assert_allclose(values["MouthSmileLeft"], np.linspace(0.5, 0, 50), atol=0.02)
    assert values["MouthSmileRight"].max() < 0.02
    assert all((curve >= 0).all() and (curve <= 1).all() for curve in values.values())


def test_times_count_frames_of_the_chosen_rate(motion, tmp_path):
    for fps, frames in ((25, 50), (30, 60), (60, 120), (29.97, 60)):
        write_export(motion, tmp_path / "a.csv", fps=fps)
        rows = read_csv(tmp_path / "a.csv")[1]
        assert len(rows) == frames
        for k, row in enumerate(rows):
            hours, minutes, seconds, rest = row[0].split(":")
            assert float(rest) < fps
            time = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(rest) / fps
            assert time == pytest.approx(k / fps, abs=0.001 / fps)


def test_timecodes_carry_into_minutes_and_hours():
    assert timecode(0, 25) == "00:00:00:00.000"
    assert timecode(24, 25) == "00:00:00:24.000"
    assert timecode(25, 25) == "00:00:01:00.000"
    assert timecode(60 * 60 - 1, 60) == "00:00:59:59.000"
    assert timecode(30 * 3600, 30) == "01:00:00:00.000"
    assert timecode(30, 29.97) == "00:00:01:00.030"
    codes = [timecode(k, 23.976) for k in range(5000)]
    assert codes == sorted(codes) and len(set(codes)) == 5000


def test_json_holds_the_curves_the_motion_and_where_it_came_from(motion, tmp_path):
    write_export(motion, tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert content["fps"] == 25 and content["seconds"] == 2 and content["metadata"]["source"] == "liné.wav"
    np.testing.assert_allclose(content["flame"]["frames"], motion.motion, atol=1e-6)
    assert len(content["flame"]["names"]) == 53
    head = read_head()
    assert content["arkit"]["names"] == list(head.arkit_names)
    np.testing.assert_allclose(content["arkit"]["frames"], to_arkit(motion, head), atol=1e-6)


def test_vertices_are_those_of_the_head(motion, tmp_path):
    write_export(motion, tmp_path / "a.npz", vertices=True)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["vertices"].dtype == np.float32 and float(arrays["fps"]) == 25
        wanted = FlameHead.from_file(read_head()).vertices(torch.from_numpy(motion.motion))
        np.testing.assert_allclose(arrays["vertices"], wanted, atol=1e-6)


def test_landmarks_come_with_the_rest_gap_and_the_rate(motion, tmp_path):
    write_export(motion, tmp_path / "a.npz", landmarks=True, fps=50)
    head = FlameHead.from_file(read_head())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["landmarks"].shape == (100, 68, 3) and arrays["landmarks"].dtype == np.float32
        assert float(arrays["fps"]) == 50
        assert float(arrays["rest"]) == pytest.approx(head.rest_lip_gap())
        wanted = head.landmarks(torch.from_numpy(motion.resample(50.0).motion))
        np.testing.assert_allclose(arrays["landmarks"], wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "what", "sentence"),
    [
        ("a.fbx", {}, "expected a name ending in .csv, .json, .npz"),
        ("a.csv", {"vertices": True}, "expected a name ending in .npz for vertices or landmarks"),
        ("a.npz", {}, "expected either --vertices or --landmarks for 'a.npz', found neither"),
        ("a.npz", {"vertices": True, "landmarks": True}, "found both; choose one"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(motion, tmp_path, name, what, sentence):
    with pytest.raises(RequestError, match=sentence):
        write_export(motion, tmp_path / name, **what)
    assert not list(tmp_path.iterdir())


def test_a_motion_of_another_head_is_refused(motion, tmp_path):
    with pytest.raises(MotionError, match="expected a motion for the head"):
        write_export(replace(motion, metadata={"head": "somebody"}), tmp_path / "a.csv")


def test_a_rate_of_zero_is_refused(motion, tmp_path):
    with pytest.raises(MotionError, match="frame rate above 0"):
        write_export(motion, tmp_path / "a.csv", fps=0)


def test_a_missing_folder_is_named(motion, tmp_path):
    with pytest.raises(RequestError, match="expected a folder"):
        write_export(motion, tmp_path / "none" / "a.csv")
