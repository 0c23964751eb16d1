"""What other tools call their keys, and what becomes of them."""
# ruff: noqa: SIM905 (names in a line are read more easily)

import numpy as np
import pytest

from ecoface_blender.heads import coverage, recognition
from ecoface_blender.heads.emotion_names import PARTS, WHOLE
from ecoface_blender.heads.key_names import ARKIT
from ecoface_blender.heads.recognition import BOTH_SIDES
from ecoface_blender.heads.unit_names import NAMINGS

SIDES = ("L", "R")


def pairs(*names):
    """Each name with both sides in the place of {}."""
    return [name.format(side) for name in names for side in (SIDES if "{}" in name else ("",))]


CC4_EXTENDED = pairs(
    *"Brow_Raise_Inner_{} Brow_Raise_Outer_{} Brow_Drop_{} Eye_Blink_{} Eye_Squint_{} Eye_Wide_{}".split(),
    *"Nose_Sneer_{} Cheek_Raise_{} Cheek_Puff_{} Mouth_Smile_{} Mouth_Frown_{} Mouth_Stretch_{}".split(),
    *"Mouth_Dimple_{} Mouth_Press_{} Mouth_Pucker_Up_{} Mouth_Pucker_Down_{} Mouth_Funnel_Up_{}".split(),
    *"Mouth_Funnel_Down_{} Mouth_Roll_In_Upper_{} Mouth_Roll_In_Lower_{} Mouth_Up_Upper_{}".split(),
    *"Mouth_Down_Lower_{} Eye_{}_Look_Up Eye_{}_Look_Down Mouth_Shrug_Upper Mouth_Shrug_Lower".split(),
    *"Mouth_Close Mouth_L Mouth_R Jaw_Open Jaw_Forward Jaw_L Jaw_R Tongue_Out".split(),
)
METAHUMAN = [f"CTRL_expressions_{name}" for name in pairs(
    *"browDown{} browRaiseIn{} browRaiseOuter{} eyeBlink{} eyeWiden{} eyeSquintInner{}".split(),
    *"eyeCheekRaise{} noseWrinkle{} mouthCornerPull{} mouthCornerDepress{} mouthStretch{}".split(),
    *"mouthUpperLipRaise{} mouthLowerLipDepress{} mouthLipsPurseU{} mouthLipsPurseD{} mouthFunnelU{}".split(),
    *"mouthFunnelD{} mouthLipsTogetherU{} mouthLipsTogetherD{} mouthLowerLipRollIn{}".split(),
    *"mouthUpperLipRollIn{} mouthLipsPress{} mouthCheekBlow{} jawChinRaiseD{} jawOpen jawFwd".split(),
)]  # fmt: skip
UNIFIED = (
    "EyeClosedRight EyeClosedLeft EyeSquintRight EyeSquintLeft EyeWideRight EyeWideLeft BrowLowererRight"
    " BrowLowererLeft BrowInnerUpRight BrowInnerUpLeft BrowOuterUpRight BrowOuterUpLeft NoseSneerRight"
    " NoseSneerLeft CheekSquintRight CheekSquintLeft CheekPuffRight CheekPuffLeft JawOpen MouthClosed"
    " JawRight LipSuckUpperRight LipSuckUpperLeft LipSuckLowerRight LipSuckLowerLeft LipFunnelUpperRight"
    " LipFunnelUpperLeft LipFunnelLowerRight LipFunnelLowerLeft LipPuckerUpperRight LipPuckerUpperLeft"
    " LipPuckerLowerRight LipPuckerLowerLeft MouthUpperUpRight MouthUpperUpLeft MouthLowerDownRight"
    " MouthLowerDownLeft MouthCornerPullRight MouthCornerPullLeft MouthFrownRight MouthFrownLeft"
    " MouthStretchRight MouthStretchLeft MouthPressRight MouthPressLeft MouthRaiserUpper MouthRaiserLower"
).split()
SRANIPAL = (
    "Jaw_Right Jaw_Left Jaw_Forward Jaw_Open Mouth_Upper_UpRight Mouth_Upper_UpLeft Mouth_Lower_DownRight"
    " Mouth_Lower_DownLeft Mouth_Upper_Overturn Mouth_Lower_Overturn Mouth_Pout Mouth_Smile_Right"
    " Mouth_Smile_Left Mouth_Sad_Right Mouth_Sad_Left Cheek_Puff_Right Cheek_Puff_Left Mouth_Upper_Inside"
    " Mouth_Lower_Inside Mouth_Lower_Overlay Eye_Left_Blink Eye_Right_Blink Eye_Left_Wide Eye_Right_Wide"
).split()
DAZ = [f"facs_bs_{name}_div2" for name in (
    "BrowDownLeft BrowDownRight BrowInnerUpLeft BrowInnerUpRight BrowOuterUpLeft BrowOuterUpRight"
    " CheekSquintLeft CheekSquintRight NoseSneerLeft NoseSneerRight MouthClose MouthFunnel MouthPucker"
    " MouthSmileLeft MouthSmileRight MouthFrownLeft MouthFrownRight MouthRollLower MouthRollUpper"
    " MouthUpperUpLeft MouthLowerDownLeft MouthPressLeft EyeSquintLeft"
).split()]  # fmt: skip
DAZ += [f"facs_jnt_{name}" for name in "JawOpen EyeBlinkLeft EyeBlinkRight EyesWideLeft".split()]
GENESIS_9 = [f"facs_bs_Mouth{name}" for name in (
    "PurseUpperLeft PurseUpperRight PurseLowerLeft PurseLowerRight FunnelUpperLeft FunnelUpperRight"
    " FunnelLowerLeft FunnelLowerRight CloseUpperLeft CloseUpperRight CloseLowerLeft CloseLowerRight"
    " RollUpperLeft RollUpperRight PressUpperLeft PressLowerLeft SmileLeft SmileRight"
).split()]  # fmt: skip
FUSE = (
    "Blink_Left Blink_Right BrowsDown_Left BrowsDown_Right BrowsUp_Left BrowsUp_Right EyesWide_Left"
    " EyesWide_Right Squint_Left Squint_Right Smile_Left Smile_Right Frown_Left Frown_Right NoseScrunch_Left"
    " NoseScrunch_Right UpperLipUp_Left UpperLipUp_Right LowerLipDown_Left LowerLipDown_Right UpperLipIn"
    " LowerLipIn MouthNarrow_Left MouthNarrow_Right MouthOpen CheekPuff_Left CheekPuff_Right JawForeward"
).split()
AR_EMOJI = (
    "EyeBlink_Left EyeBlink_Right EyeSquint_Left EyeSquint_Right EyeOpen_Left EyeOpen_Right BrowsDown_Left"
    " BrowsDown_Right BrowsUp_Center BrowsUp_Left BrowsUp_Right JawFwd JawLeft JawOpen JawRight MouthLeft"
    " MouthRight MouthFrown_Left MouthFrown_Right MouthSmile_Left MouthSmile_Right MouthDimple_Left"
    " LipsStretch_Left LipsStretch_Right LipsUpperClose LipsLowerClose LipsUpperUp LipsLowerDown LipsFunnel"
    " LipsPucker ChinLowerRaise ChinUpperRaise Sneer Puff CheekSquint_Left CheekSquint_Right"
).split()
MAKEHUMAN = (
    "eye-left-closure eye-right-closure eye-left-opened-up eye-right-opened-up eye-left-slit eye-right-slit"
    " eyebrows-left-down eyebrows-right-down eyebrows-left-inner-up eyebrows-right-inner-up"
    " eyebrows-left-extern-up eyebrows-right-extern-up nose-left-elevation nose-right-elevation mouth-open"
    " mouth-corner-puller mouth-depression mouth-compression mouth-retraction mouth-pursing mouth-elevation"
).split()
TOOLS = {
    "Character Creator": CC4_EXTENDED,
    "MetaHuman": METAHUMAN,
    "Unified Expressions": UNIFIED,
    "SRanipal": SRANIPAL,
    "Mixamo Fuse": FUSE,
    "AR Emoji": AR_EMOJI,
    "MakeHuman": MAKEHUMAN,
}


@pytest.mark.parametrize("tool", TOOLS)
def test_all_keys_of_a_tool_are_known_by_its_name(tool):
    names = TOOLS[tool]
    assert recognition.kind_of(names) == recognition.ARKIT_KIND
    assert recognition.naming_of(names, recognition.ARKIT_KIND) == tool
    rows = recognition.rows_of(names, recognition.ARKIT_KIND)
    assert {row.target for row in rows} == set(names)
    assert {"jaw", "pucker", "blink", "inner brow"} & set(
        coverage.lacks({r.source for r in rows}, False)
    ) <= ({"inner brow"} if tool in ("SRanipal", "Mixamo Fuse") else set())


@pytest.mark.parametrize("names", [DAZ, GENESIS_9])
def test_daz_facs_keys_are_known(names):
    rows = recognition.rows_of(names, recognition.kind_of(names))
    assert {row.target for row in rows} == set(names)


def test_every_table_speaks_of_units_that_exist():
    known = {*ARKIT, *BOTH_SIDES}
    for tables in NAMINGS.values():
        for table in tables:
            for name, units in table.items():
                assert {unit.partition("*")[0] for unit in units.split()} <= known, name


def test_sides_are_told_from_one_another():
    rows = {row.target: row.source for row in recognition.rows_of(SRANIPAL, recognition.ARKIT_KIND)}
    assert rows["Eye_Left_Blink"] == "eyeBlinkLeft" and rows["Mouth_Sad_Right"] == "mouthFrownRight"
    rows = {row.target: row.source for row in recognition.rows_of(CC4_EXTENDED, recognition.ARKIT_KIND)}
    assert rows["Eye_L_Look_Up"] == "eyeLookUpLeft" and rows["Mouth_L"] == "mouthLeft"


def test_units_that_a_head_splits_or_merges_are_all_moved():
    """ICT FaceKit splits browInnerUp and cheekPuff; others have one smile for both sides."""
    split = [n for n in ARKIT if n not in ("browInnerUp", "cheekPuff")]
    split += ["browInnerUp_L", "browInnerUp_R", "cheekPuff_L", "cheekPuff_R"]
    rows = recognition.rows_of(split, recognition.ARKIT_KIND)
    assert {row.target: row.source for row in rows}["browInnerUp_R"] == "browInnerUp" and len(rows) == 54
    merged = [n for n in ARKIT if not n.startswith(("mouthSmile", "eyeBlink"))] + ["mouthSmile", "eyeBlink"]
    sources = {row.target: row.source for row in recognition.rows_of(merged, recognition.ARKIT_KIND)}
    assert sources["mouthSmile"] == "mouthSmile" and sources["eyeBlink"] == "eyeBlink"
    both = [*ARKIT, "mouthSmile", "mouthOpen", "browInnerUp_L"]  # beside its own, a second one would add up
    assert {row.target for row in recognition.rows_of(both, recognition.ARKIT_KIND)} == set(ARKIT)


OCULUS = "sil PP FF TH DD kk CH SS nn RR aa E ih oh ou".split()


@pytest.mark.parametrize(
    "names,kind,count",
    [
        (OCULUS, recognition.OCULUS, 15),
        ([f"viseme_{n}" for n in OCULUS] + ["mouthOpen", "mouthSmile"], recognition.OCULUS, 16),
        ([f"AA_VI_{i:02}_{n}" for i, n in enumerate(OCULUS)], recognition.OCULUS, 15),
        ("aa ih ou ee oh blink happy angry sad relaxed surprised".split(), recognition.VRM, 11),
        ("AI E etc FV L MBP O rest U WQ".split(), recognition.BLAIR, 10),
        ([f"Genesis8Female__eCTRLv{n}" for n in "AA EE EH ER F IH IY K L M OW S SH T TH UW W".split()],
         recognition.DAZ, 17),
        ("Open Explosive Dental_Lip Tight-O Tight Wide Affricate Lip_Open".split(),
         recognition.CHARACTER_CREATOR, 8),
        (["mouthOpen", "mouthSmile"], recognition.ARKIT_KIND, 2),
        (["Big", "Small", "A", "E"], None, 0),
        (["Open", "Wide", "Closed"], None, 0),
    ],
)  # fmt: skip
def test_kinds_are_told_by_their_names(names, kind, count):
    assert recognition.kind_of(names) == kind
    assert kind is None or len(recognition.rows_of(names, kind)) == count


def test_mmd_shows_emotions_by_brows_eyes_and_mouth_and_blinks_with_both_eyes():
    names = "まばたき 笑い ウィンク ウィンク右 ウィンク２ あ い う え お".split()
    names += "困る 怒り 真面目 にこり びっくり 口角上げ にやり".split()
    rows = {row.target: row.source for row in recognition.rows_of(names, recognition.VRM)}
    assert rows["困る"] == "emotion_brow_sad" and rows["怒り"] == "emotion_brow_angry"
    assert rows["笑い"] == "emotion_eye_happy" and rows["口角上げ"] == "emotion_mouth_relaxed"
    assert not {"真面目", "にやり", "ウィンク", "ウィンク右", "ウィンク２"} & set(rows)
    assert rows["まばたき"] == "vrm_blink"


def test_a_sentence_says_what_is_missing_and_the_bone():
    said = coverage.sentence(28, 71, ["pucker", "inner brow"], "jaw_master")
    assert said == "28 of 71 shape keys; it has no pucker, no inner brow; the jaw's bone 'jaw_master' is used"
    assert coverage.sentence(5, 5, []) == "5 of 5 shape keys"
    everything = coverage.lacks({*ARKIT}, False)
    assert everything == [] and "jaw" in coverage.lacks({*ARKIT} - {"jawOpen"}, False)
    assert coverage.lacks({*ARKIT} - {"jawOpen"}, True) == []
    assert coverage.too_little(coverage.lacks({"vrm_aa", "vrm_blink"}, False))
    many = coverage.sentence(1, 9, [str(np.int64(n)) for n in range(9)])
    assert many.endswith("no 5 and 3 more")


def test_sources_of_emotions_are_apart_from_one_another():
    assert len({*PARTS, *WHOLE}) == len(PARTS) + len(WHOLE) == 20
