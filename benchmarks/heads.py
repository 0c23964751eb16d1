"""How often the lips of some head shut on P, B and M, its eyes in blinks, and what its visemes add up to.

    python benchmarks/heads.py [--head head.npz] [--named NAMING] [--pucker X] take.npz ...

Takes are what `ecoface generate` writes. A head is an .npz of `0_base` (V, 3), `0_faces`, `0_keys`,
`0_offsets` (K, M, 3) of the vertices `0_moved` (M,); without one it is EcoFace's own, of units alone.
NAMING is a tool's whose names it is given; of visemes, keys are sculpted from our units. By --pucker X its
mouthPucker opens the lips by X of jawOpen, as on many sculpts. Closed: the middle gap within 40 ms of the
sound is below 0.15 of its 95th percentile; plain is by what the names mean alone.
"""

import argparse
import json
import time
from pathlib import Path

import bpy
import numpy as np

import ecoface_blender
from ecoface_blender.animation.adjust import Settings
from ecoface_blender.head_check.poses import POSES
from ecoface_blender.heads import face_kinds, face_shape, source_curves
from ecoface_blender.heads import report as face_report
from ecoface_blender.heads.contact_pairs import find_lids, find_lips
from ecoface_blender.heads.own_head import to_blender
from ecoface_blender.heads.unit_names import NAMINGS
from ecoface_blender.heads.visemes import NAMES as VISEME_SOURCES
from ecoface_blender.takes import speech as spoken

CLOSED = 0.15  # of the gap's 95th percentile, or of the eye's opening at rest
AROUND = 0.04  # s
SURE = 128  # of 255: a frame is a P, B or M
SHUT = 0.1  # of its opening: the reference blinks
VISEMES = {
    "Oculus": {"PP": "P", "FF": "F", "aa": "A", "oh": "O", "ih": "I", "ou": "U", "E": "I", "SS": "I",
               "CH": "U", "RR": "U", "TH": "I", "DD": "I", "kk": "A", "nn": "I", "sil": "rest"},
    "VRM": {"A": "A", "I": "I", "U": "U", "E": "I", "O": "O", "Blink": "blink", "Joy": "smile",
            "Sorrow": "frown", "Angry": "anger"},
    "Preston Blair": {"AI": "A", "E": "I", "O": "O", "U": "U", "WQ": "U", "etc": "I", "L": "I", "FV": "F",
                      "MBP": "P", "rest": "rest"},
}  # fmt: skip
"""Keys of visemes, and the poses of a check that stand in for their sculptors'."""
MMD = {
    "MTH_A": "あ", "MTH_I": "い", "MTH_U": "う", "MTH_E": "え", "MTH_O": "お", "EYE_Close": "まばたき",
    "BRW_Sorrow": "困る", "BRW_Angry": "怒り", "BRW_Joy": "にこり", "BRW_Surprised": "上",
    "EYE_Joy": "笑い", "EYE_Surprised": "びっくり", "MTH_Fun": "口角上げ", "MTH_Sorrow": "口角下げ",
}  # fmt: skip
"""Morphs that a VRoid head's keys are renamed to."""


def read_keys(path: Path | None, pucker: float) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Positions (V, 3) and faces of a head, and the offsets (V, 3) of its keys."""
    if path is None:
        arrays = source_curves.reference_arrays()
        rest, faces = to_blender(arrays["v_template"]), arrays["faces"]
        names = [str(name) for name in arrays["arkit_names"]]
        keys = {
            n: to_blender(unit.astype(np.float32))
            for n, unit in zip(names, arrays["arkit_units"], strict=True)
        }
        keys["mouthPucker"] = keys["mouthPucker"] + pucker * keys["jawOpen"]
        return rest, faces, keys
    with np.load(path) as file:
        rest, faces, names = file["0_base"], file["0_faces"], [str(name) for name in file["0_keys"]]
        offsets = np.zeros((len(names), *rest.shape), np.float32)
        offsets[:, file["0_moved"]] = file["0_offsets"]
    return rest, faces, dict(zip(names, offsets, strict=True))


def named(keys: dict[str, np.ndarray], naming: str) -> dict[str, np.ndarray]:
    """The same head as another tool would have it."""
    if naming == "VRM 0":
        return {f"Face.M_F00_000_00_{name}": offsets for name, offsets in keys.items()}
    if naming == "MMD":
        return {MMD[n.removeprefix("Fcl_")]: o for n, o in keys.items() if n.removeprefix("Fcl_") in MMD}
    if naming in VISEMES:
        sided = {name.removesuffix("Left").removesuffix("Right") for name in keys}
        unit = {s: sum(o for n, o in keys.items() if n in (s, f"{s}Left", f"{s}Right")) for s in sided}
        poses = {
            pose.title: sum((v * unit[u] for u, v in pose.units.items()), 0 * keys["jawOpen"])
            for pose in POSES
        }
        return {name: poses[title] for name, title in VISEMES[naming].items()}
    spelled: dict[str, list[str]] = {}
    for table in NAMINGS[naming]:
        for name, units in table.items():
            if " " not in units:
                spelled.setdefault(units.partition("*")[0], []).append(name)
    out = {}
    for name, offsets in keys.items():
        theirs = spelled.get(name, [name])
        parts = [t for t in theirs if any(t[:-1] == o[:-1] for o in theirs if o != t)] or theirs[:1]
        for each in parts:  # one unit in several keys
            out[each] = offsets / len(parts)
    return out


def make_face(rest: np.ndarray, faces: np.ndarray, keys: dict[str, np.ndarray]) -> bpy.types.Object:
    """It, in an empty scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata(rest, [], faces)
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.shape_key_add(name="Basis", from_mix=False)
    for name, offsets in keys.items():
        key = face.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", np.ascontiguousarray(rest + offsets, dtype=np.float32).ravel())
        key.value = 0.0
    return face


def read_take(path: Path) -> tuple[np.ndarray, np.ndarray, dict, float]:
    """A take's motion (T, 53), phones, metadata and rate."""
    with np.load(path) as take:
        story = json.loads(str(take["metadata"]))
        rate = float(take["fps"])
        story |= {"first_frame": 0.0, "scene_rate": rate}
        return take["motion"], take["phones"], story, rate


def closures(phones: np.ndarray, story: dict, rate: float) -> list[slice]:
    """The frames around each P, B and M."""
    columns = [story["phones"].index(phone) for phone in "PBM"]
    shut, margin = phones[:, columns].sum(axis=1, dtype=int) > SURE, round(AROUND * rate)
    edges = np.flatnonzero(np.diff(np.r_[False, shut, False].astype(int)))
    return [slice(max(0, a - margin), b + margin) for a, b in edges.reshape(-1, 2)]


class Ruler:
    """Lips and lids of a face, by the values of its keys."""

    def __init__(self, face: bpy.types.Object, rest: np.ndarray, keys: dict[str, np.ndarray]):
        kind = face_kinds.rig_of(face)
        shape, axes = face_shape.shape_of(kind)
        self.lips = find_lips(shape)
        self.lids = [pairs for side in ("Left", "Right") if (pairs := find_lids(shape, side))]
        self.rest, self.keys, self.up = rest, keys, axes[1]
        self.middle = np.abs(self.lips.places).argmin()
        self.rows = [row for _, row in kind.rows]

    def gaps(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """(T,) between the lips in the middle beyond rest, in half widths of the mouth."""
        upper, lower = self.lips.upper[self.middle], self.lips.lower[self.middle]
        change = sum(v * ((self.keys[n][upper] - self.keys[n][lower]) @ self.up) for n, v in values.items())
        ajar = self.lips.open_at_rest * ((self.rest[upper] - self.rest[lower]) @ self.up)
        return (change + ajar) / self.lips.half_width

    def eyes(self, values: dict[str, np.ndarray]) -> np.ndarray:
        """(T,) of the eye that is more open: 1 as at rest, 0 shut."""
        out = []
        for pairs in self.lids:
            apart = {
                n: ((o[pairs.upper] - o[pairs.lower]) @ self.up) for n, o in self.keys.items() if n in values
            }
            at_rest = (self.rest[pairs.upper] - self.rest[pairs.lower]) @ self.up - pairs.shut
            moved = sum(np.outer(v, apart[n]) for n, v in values.items())
            out.append(((at_rest + moved) / at_rest).mean(axis=1))
        return np.max(out, axis=0)


def measured(face: bpy.types.Object, ruler: Ruler, path: Path) -> str:
    """What a head does in one take, as a line."""
    motion, phones, story, rate = read_take(path)
    blocks = {block.path_from_id("value"): block.name for block in face.data.shape_keys.key_blocks}
    start = time.process_time()
    _, curves = spoken.channels(
        face_kinds.known_rig(face), story, motion, rate, phones, np.eye(50), None, Settings()
    )
    seconds = time.process_time() - start
    values = {blocks[each.path]: each.values for each in curves}
    nominal = source_curves.curves(motion, {row.source for row in ruler.rows})
    plain = {row.target: row.gain * nominal[row.source].clip(0, 1) for row in ruler.rows}
    sounds = closures(phones, story, rate)
    shares = [[gap[sound].min() / np.percentile(gap, 95) for sound in sounds]
              for gap in map(ruler.gaps, (plain, values))]  # fmt: skip
    counts = [sum(share < CLOSED for share in each) for each in shares]
    mouths = {row.target for row in ruler.rows if row.source in VISEME_SOURCES and "link" not in row.source}
    total = sum(values[name] for name in mouths).max() if mouths else 0.0
    true = source_curves.reference_mouth().measure(motion).lids
    blinks = np.maximum(true["Left"], true["Right"]) < SHUT
    shut = (ruler.eyes(values)[blinks] < CLOSED).sum() if ruler.lids else 0
    return (
        f"{'/'.join(path.parts[-2:])[-28:]:28s} {counts[0]:5d} {counts[1]:6d} {len(sounds):2d}"
        f" {max(shares[1], default=0):6.2f} {shut:11d} {blinks.sum():2d} {total:13.2f} {seconds:6.2f}"
    )


def main() -> None:
    """Print a line for each take."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("takes", nargs="+", type=Path)
    parser.add_argument("--head", type=Path)
    parser.add_argument("--named", metavar="NAMING")
    parser.add_argument("--pucker", type=float, default=0.0)
    options = parser.parse_args()
    rest, faces, keys = read_keys(options.head, options.pucker)
    keys = named(keys, options.named) if options.named else keys
    ecoface_blender.register()
    try:
        face = make_face(rest, faces, keys)
        print(face_report.describe(face))
        ruler = Ruler(face, rest, keys)
        print(f"{'take':28s} plain closed of  worst  blinks shut of  visemes' sum  CPU s")
        for path in options.takes:
            print(measured(face, ruler, path))
    finally:
        ecoface_blender.unregister()


if __name__ == "__main__":
    main()
