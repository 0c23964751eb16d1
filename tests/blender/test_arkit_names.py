"""Names of shape keys in the spellings that tools write."""

import pytest

from ecoface_blender.heads import key_names


@pytest.mark.parametrize(
    "spell",
    [
        lambda n: n,
        str.lower,
        lambda n: n[0].upper() + n[1:],
        lambda n: f"Face.{n}",
        lambda n: f"head_{n}",
        lambda n: f"blendShape1.{n}",
        lambda n: f"{n}.001",
        lambda n: n.replace("Left", "_L").replace("Right", "_R"),
        lambda n: n.replace("Left", ".L").replace("Right", ".R"),
        lambda n: n.replace("Left", "L").replace("Right", "R"),
        lambda n: n.lower().replace("left", "_l").replace("right", "_r"),
        lambda n: "A01_" + "".join(f"_{c}" if c.isupper() else c for c in n).title(),
    ],
)
def test_all_52_units_are_found_in_every_spelling(spell):
    assert len(key_names.ARKIT) == 52
    for name in key_names.ARKIT:
        assert key_names.arkit(spell(name)) == name


def test_a_side_in_front_counts():
    assert key_names.arkit("L_eyeBlink") == "eyeBlinkLeft"
    assert key_names.arkit("Right.mouthSmile") == "mouthSmileRight"


@pytest.mark.parametrize("name", ["Basis", "smile", "jawOpenWide", "eyeBlink", "Exp1", "left", ""])
def test_other_names_are_no_units(name):
    assert key_names.arkit(name) is None


def test_visemes_and_vrm_are_told_apart():
    names = ["viseme_PP", "vrc.v_aa", "V_Oh", "viseme_I", "visemeFF"]
    assert [key_names.oculus(name) for name in names] == [
        "viseme_PP", "viseme_aa", "viseme_oh", "viseme_ih", "viseme_FF",
    ]  # fmt: skip
    names = ["A", "Fcl_MTH_O", "ee", "Fcl_ALL_Joy", "blinkLeft", "Fcl_EYE_Close_R", "Sorrow", "い"]
    assert [key_names.vrm(name) for name in names] == [
        "vrm_aa", "vrm_oh", "vrm_ee", "vrm_happy", "vrm_blinkLeft", "vrm_blinkRight", "vrm_sad", "vrm_ih",
    ]  # fmt: skip
    assert key_names.oculus("PP") is None and key_names.vrm("Fcl_BRW_Joy_Extra") is None


def test_flame_s_numbers_are_read():
    assert key_names.flame("Exp1") == ("expression", 1)
    assert key_names.flame("Exp_050") == ("expression", 50)
    assert key_names.flame("Pose36") == ("corrective", 36)
    assert key_names.flame("Shape1") is None and key_names.flame("Export1") is None


def test_of_several_names_for_one_unit_the_shortest_is_taken():
    found = key_names.matches(["Face.jawOpen", "jawOpen", "Key"], key_names.arkit)
    assert found == {"jawOpen": "jawOpen"}
