"""Any head that says phones: visemes, and VRoid's mouth, eyes and moods."""

import numpy as np
import pytest
from blender_support import empty_blend
from speaking_meshes import mesh_with_keys, receive

from ecoface_blender.animation import actions, adjust
from ecoface_blender.heads import face_kinds, source_curves
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.key_names import OCULUS
from ecoface_blender.takes import stored
from ecoface_model.core.phones import PHONES


@pytest.fixture(autouse=True)
def context():
    return empty_blend()


@pytest.mark.parametrize(
    "names",
    [
        OCULUS,
        [f"vrc.v_{name[7:].lower()}" for name in OCULUS],
        [name[7:] for name in OCULUS],
        [f"blendShape1.AA_VI_{number:02}_{name[7:]}" for number, name in enumerate(OCULUS)],
    ],
)
def test_visemes_open_and_shut_with_the_mouth(names):
    """Of a motion without phones."""
    face = mesh_with_keys("Face", names)
    motion = np.zeros((31, 53))
    motion[13:18, 50:] = source_curves.reference_units().turn * 0.5
    values = {c.path: c.values for c in face_kinds.known_rig(face).channels(motion)}
    open_keys = np.stack(
        [values[face.data.shape_keys.key_blocks[n].path_from_id("value")] for n in names[1:]]
    )
    assert len(values) == 15 and open_keys.min() >= 0 and open_keys.max() <= 1
    assert open_keys.sum(axis=0).max() <= 1 + 1e-6
    assert open_keys[:, 15].sum() > 0.5 and open_keys[:, [0, -1]].max() < 0.02
    silence = values[face.data.shape_keys.key_blocks[names[0]].path_from_id("value")]
    assert silence[0] > 0.9 > silence[15]


VROID = [
    *(f"Fcl_MTH_{name}" for name in ("A", "I", "U", "E", "O", "Fun", "Joy", "Angry", "Sorrow", "Surprised")),
    *(f"Fcl_EYE_{name}" for name in ("Close", "Close_L", "Close_R", "Fun", "Joy", "Angry", "Sorrow")),
    *(f"Fcl_BRW_{name}" for name in ("Fun", "Joy", "Angry", "Sorrow", "Surprised")),
    *(f"Fcl_ALL_{name}" for name in ("Fun", "Joy", "Angry", "Sorrow", "Surprised")),
]


def phones_of(*timed):
    """Shares (T, 40) uint8 of (phone, frames)."""
    rows = [PHONES.index(phone) for phone, n_frames in timed for _ in range(n_frames)]
    return (255 * np.eye(len(PHONES))[rows]).astype(np.uint8)


@pytest.mark.parametrize("prefix", ["", "Face.M_F00_000_00_"])
def test_vroid_says_the_phones_feels_what_was_asked_and_blinks_once(prefix):
    face = mesh_with_keys("Face", [prefix + name for name in VROID])
    assert face_kinds.kind_of(face) == face_kinds.VRM
    phones = phones_of(("SIL", 10), ("P", 3), ("AA", 6), ("P", 3), ("OW", 6), ("SIL", 10))
    motion = np.zeros((len(phones), 53))
    motion[12:29, 50] = np.radians(8)
    reference = heads.load_head()
    units = list(reference["arkit_names"])
    for side in ("Left", "Right"):
        lids = reference["arkit_coefficients"][units.index(f"eyeBlink{side}")]
        motion[4:7, :50] += 0.72 * lids[:50]
    made_by = {"emotion": "angry:2", "phones": list(PHONES)}
    take = receive(face, motion, phones, made_by)
    curves = keys_of(take, face, len(phones))
    moved = {name.removeprefix(prefix): curve for name, curve in curves.items()}
    assert not [name for name in moved if "_ALL_" in name or name.endswith(("Close_L", "Close_R"))]
    a, o = moved["Fcl_MTH_A"], moved["Fcl_MTH_O"]
    vowels = sum(moved[f"Fcl_MTH_{vowel}"] for vowel in "AIUEO")
    assert a[15] > 0.5 > 3 * o[15] and o[23] > 0.5 > 3 * a[23]
    assert vowels[[11, 20]].max() < 1e-3 and vowels.max() <= 1
    assert moved["Fcl_EYE_Close"][5] > 0.9 > 0.1 > moved["Fcl_EYE_Close"][15]
    assert moved["Fcl_BRW_Angry"][18] > 0.8 and moved["Fcl_MTH_Angry"][18] > 0.2
    assert max(moved[f"Fcl_BRW_{name}"].max() for name in ("Joy", "Sorrow", "Surprised")) < 1e-6
    assert stored.phones_of(take).tolist() == phones.tolist()
    take.ecoface_take.lips = take.ecoface_take.jaw = 0.0
    still = keys_of(take, face, len(phones))
    assert max(still[f"{prefix}Fcl_MTH_{vowel}"].max() for vowel in "AIUEO") < 1e-3
    assert still[f"{prefix}Fcl_BRW_Angry"][18] > 0.8


def keys_of(take, face, n_frames):
    """Values (n_frames,) from frame 1 on of the keys that a take moves, by their names."""
    out = {}
    for block in face.data.shape_keys.key_blocks[1:]:
        channel = actions.Channel(face.data.shape_keys, block.path_from_id("value"), -1, np.zeros(1))
        curve = adjust.find_curve(take, channel)
        if curve is not None:
            out[block.name] = np.array([curve.evaluate(1 + frame) for frame in range(n_frames)])
    return out


def test_a_range_made_anew_brings_its_phones_and_its_emotion():
    face = mesh_with_keys("Face", VROID)
    said = phones_of(("SIL", 10), ("AA", 30), ("SIL", 10))
    motion = np.zeros((50, 53))
    motion[:, 50] = np.radians(8)
    receive(face, motion, said, {"emotion": "sad:2", "phones": list(PHONES)})
    other = phones_of(("SIL", 10), ("OW", 30), ("SIL", 10))
    made_by = {"emotion": "angry:2", "phones": list(PHONES)}
    take = receive(face, motion, other, made_by, frames=(20, 35))
    moved = keys_of(take, face, 50)
    assert moved["Fcl_MTH_A"][14] > moved["Fcl_MTH_O"][14] and moved["Fcl_MTH_O"][27] > moved["Fcl_MTH_A"][27]
    assert moved["Fcl_BRW_Sorrow"][14] > 0.7 and moved["Fcl_BRW_Angry"][27] > 0.7
    assert stored.phones_of(take)[27].argmax() == PHONES.index("OW")
    take.ecoface_take.upper = 0.5
    assert keys_of(take, face, 50)["Fcl_BRW_Angry"][27] < 0.6
