"""THE place that knows heads on disk: our reference head (.npz), a user's FLAME file (.pkl). numpy only."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, MOTION_DIM
from .errors import ArraysError, HeadError
from .flame_pickle import dense, read_pickle
from .npz import Arrays, read_npz

REFERENCE_HEAD = Path(__file__).parents[1] / "assets" / "reference_head.npz"

N_JOINTS = 5  # global, neck, jaw, left eye, right eye
N_POSE_FEATURES = 9 * (N_JOINTS - 1)  # R - I of every joint after the root
N_LANDMARKS = 68  # iBUG's order
N_CONTOUR = 17  # the first of them, along the jaw
FLAME_N_SHAPE = 300  # columns of FLAME's shapedirs that are identity; expression follows
MASKS = ("lips", "eye_region", "forehead", "teeth", "tongue", "eyeballs")
FLAME_MASKS = {
    "lips": ("lips",),
    "eye_region": ("eye_region",),
    "forehead": ("forehead",),
    "eyeballs": ("left_eyeball", "right_eyeball"),
}
"""Our masks and the keys of FLAME_masks.pkl that make them; FLAME has no teeth and no tongue."""
PLAIN_SKIN = (0.74, 0.44, 0.31)  # linear RGB, for heads without colours
PLAIN_MATERIALS = {"lips": ("lips", (0.50, 0.16, 0.14)), "eyeballs": ("sclera", (0.75, 0.73, 0.69))}
"""Mask -> material and linear RGB, for FLAME heads that come with masks."""

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class FlameFile:
    """One head in FLAME's terms: metres, y up, face to +z, the subject's left at +x."""

    name: str
    v_template: Floats  # (V, 3)
    faces: Ints  # (F, 3)
    shapedirs: Floats  # (V, 3, n_shape + 50) metres per unit of coefficient
    n_shape: int
    J_regressor: Floats  # (5, V)
    weights: Floats  # (V, 5) skinning, rows sum to 1
    posedirs: Floats  # (V, 3, 36) per entry of R - I of the joints after the root, row by row
    kintree_table: NDArray[np.int64]  # (2, 5) parents and joints; the root's parent is no joint
    landmark_faces: Ints  # (68,), empty where the file has none
    landmark_barycentric: Floats  # (68, 3)
    masks: dict[str, Ints]  # vertex indices by name, see MASKS
    uv: Floats  # (n, 2), empty where the file has none
    uv_faces: Ints  # (F, 3)
    material_names: tuple[str, ...]
    material: NDArray[np.uint8]  # (F,) index into material_names
    vertex_colors: Floats  # (V, 3) linear RGB 0..1
    arkit_names: tuple[str, ...]  # 52, empty where the file has none
    arkit_units: Floats  # (52, V, 3) displacement of each unit at 1; jawOpen with its rotation
    arkit_coefficients: Floats  # (52, 53) each unit as a motion

    @property
    def expression_directions(self) -> Floats:
        """The 50 directions (V, 3, 50) that psi weighs."""
        return self.shapedirs[:, :, self.n_shape :]

    def arrays(self) -> Arrays:
        """The same as plain arrays, by the names of our .npz: what Blender is given, and what it keeps."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {f"mask_{name}": indices for name, indices in values.pop("masks").items()}
        return {name: np.asarray(value) for name, value in values.items()}

    @property
    def has_landmarks(self) -> bool:
        """Whether lips can be measured on this head."""
        return len(self.landmark_faces) == N_LANDMARKS


def read_head(path: Path | None = None) -> FlameFile:
    """The reference head, or the head in a file (.npz of ours, .pkl of FLAME).

    Raises:
        HeadError: if the file is missing, damaged, unsafe or of another kind.
    """
    path = REFERENCE_HEAD if path is None else Path(path)
    if not path.is_file():
        raise HeadError(f"expected a head file at '{path}', found nothing; check the path to the head")
    if path.suffix.lower() == ".npz":
        head = _from_arrays(_read_npz(path), path)
    elif path.suffix.lower() == ".pkl":
        head = _from_flame(_read_flame(path), path)
    else:
        raise HeadError(f"expected a head file ending in .npz (ours) or .pkl (FLAME), found '{path.name}'")
    _check(head, path)
    return head


def _read_npz(path: Path) -> Arrays:
    try:
        return read_npz(path)
    except ArraysError as error:
        raise HeadError(
            f"expected a whole head in '{path.name}', found a file that cannot be read; fetch it again"
        ) from error


def _take(arrays: Arrays, name: str, dtype: Any, path: Path) -> NDArray[Any]:
    """One array in the wanted type."""
    if name not in arrays:
        raise HeadError(f"expected the array '{name}' in '{path.name}', found none; is it a head file?")
    try:
        return np.asarray(arrays[name]).astype(dtype, copy=False)
    except (TypeError, ValueError) as error:
        raise HeadError(f"expected numbers in '{name}' of '{path.name}', found something else") from error


def _from_arrays(arrays: Arrays, path: Path) -> FlameFile:
    """A head of our own."""
    real, whole = np.float32, np.int32
    return FlameFile(
        name=str(_take(arrays, "name", str, path)),
        v_template=_take(arrays, "v_template", real, path),
        faces=_take(arrays, "faces", whole, path),
        shapedirs=_take(arrays, "shapedirs", real, path),
        n_shape=int(_take(arrays, "n_shape", int, path)),
        J_regressor=_take(arrays, "J_regressor", real, path),
        weights=_take(arrays, "weights", real, path),
        posedirs=_take(arrays, "posedirs", real, path),
        kintree_table=_take(arrays, "kintree_table", np.int64, path),
        landmark_faces=_take(arrays, "landmark_faces", whole, path),
        landmark_barycentric=_take(arrays, "landmark_barycentric", real, path),
        masks={name: _take(arrays, f"mask_{name}", whole, path) for name in MASKS},
        uv=_take(arrays, "uv", real, path),
        uv_faces=_take(arrays, "uv_faces", whole, path),
        material_names=tuple(str(n) for n in _take(arrays, "material_names", str, path)),
        material=_take(arrays, "material", np.uint8, path),
        vertex_colors=_take(arrays, "vertex_colors", real, path),
        arkit_names=tuple(str(n) for n in _take(arrays, "arkit_names", str, path)),
        arkit_units=_take(arrays, "arkit_units", real, path),
        arkit_coefficients=_take(arrays, "arkit_coefficients", real, path),
    )


def _read_flame(path: Path) -> Arrays:
    """The dictionary of a FLAME pickle, arrays dense."""
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise HeadError(f"expected FLAME's arrays in '{path.name}', found a {type(content).__name__}")
    wanted = ("v_template", "f", "shapedirs", "J_regressor", "weights", "posedirs", "kintree_table")
    return {name: dense(content[name], name, path) for name in wanted if name in content}


def _from_flame(arrays: Arrays, path: Path) -> FlameFile:
    """A FLAME head with its companions, if they lie beside it."""
    real = np.float32
    template, faces = _take(arrays, "v_template", real, path), _take(arrays, "f", np.int32, path)
    if template.ndim != 2 or template.shape[1:] != (3,) or faces.ndim != 2 or faces.shape[1:] != (3,):
        raise HeadError(
            f"expected a mesh of triangles in '{path.name}', found {template.shape}, {faces.shape}"
        )
    shapedirs, n_shape = _flame_directions(_take(arrays, "shapedirs", real, path))
    masks = _flame_masks(path.with_name("FLAME_masks.pkl"))
    landmark_faces, barycentric = _flame_landmarks(
        path.with_name("flame_static_embedding.pkl"), template, faces
    )
    names, material, colours = _plain_materials(masks, len(template), faces)
    return FlameFile(
        name=f"FLAME ({path.stem})",
        v_template=template,
        faces=faces,
        shapedirs=shapedirs,
        n_shape=n_shape,
        J_regressor=_take(arrays, "J_regressor", real, path),
        weights=_take(arrays, "weights", real, path),
        posedirs=_take(arrays, "posedirs", real, path),
        kintree_table=_take(arrays, "kintree_table", np.int64, path),
        landmark_faces=landmark_faces,
        landmark_barycentric=barycentric,
        masks=masks,
        uv=np.zeros((0, 2), real),
        uv_faces=np.zeros((0, 3), np.int32),
        material_names=names,
        material=material,
        vertex_colors=colours,
        arkit_names=(),
        arkit_units=np.zeros((0, len(template), 3), real),
        arkit_coefficients=np.zeros((0, MOTION_DIM), real),
    )


def _flame_directions(shapedirs: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Identity and the first 50 expressions as far as the file has them, and how many are identity.

    A file that was cut to fewer than FLAME's 300 identities ends in 50 expressions; missing ones do nothing.
    """
    columns = shapedirs.shape[-1] if shapedirs.ndim == 3 else 0
    n_shape = FLAME_N_SHAPE if columns > FLAME_N_SHAPE else max(0, columns - EXPRESSION_DIM)
    missing = max(0, n_shape + EXPRESSION_DIM - columns)
    if missing and columns:
        shapedirs = np.pad(shapedirs, ((0, 0), (0, 0), (0, missing)))
    return shapedirs[..., : n_shape + EXPRESSION_DIM], n_shape


def _flame_masks(path: Path) -> dict[str, Ints]:
    """Masks of FLAME_masks.pkl; empty ones without the file."""
    content = read_pickle(path) if path.is_file() else {}
    out = {}
    for name in MASKS:
        keys = [k for k in FLAME_MASKS.get(name, ()) if k in content]
        found = [dense(content[k], k, path).astype(np.int32).ravel() for k in keys]
        out[name] = np.unique(np.concatenate([np.zeros(0, np.int32), *found]))
    return out


def _flame_landmarks(path: Path, template: Floats, faces: Ints) -> tuple[Ints, Floats]:
    """68 landmarks: FLAME's 51, and a jaw contour picked by us (FLAME's own moves with the view)."""
    if not path.is_file():
        return np.zeros(0, np.int32), np.zeros((0, 3), np.float32)
    content = read_pickle(path)
    if not isinstance(content, dict) or "lmk_face_idx" not in content or "lmk_b_coords" not in content:
        raise HeadError(f"expected lmk_face_idx and lmk_b_coords in '{path.name}', found neither")
    inner_faces = dense(content["lmk_face_idx"], "lmk_face_idx", path).astype(np.int32).ravel()
    inner = dense(content["lmk_b_coords"], "lmk_b_coords", path).astype(np.float32)
    n = N_LANDMARKS - N_CONTOUR
    if (
        inner_faces.shape != (n,)
        or inner.shape != (n, 3)
        or not 0 <= inner_faces.min() <= inner_faces.max() < len(faces)
    ):
        raise HeadError(f"expected {n} landmarks of this head in '{path.name}', found {inner_faces.shape}")
    points = np.einsum("lc,lcx->lx", inner, template[faces[inner_faces]])  # (51, 3)
    contour_faces, contour = _jaw_contour(template, faces, points)
    return np.concatenate([contour_faces, inner_faces]), np.concatenate([contour, inner])


def _jaw_contour(template: Floats, faces: Ints, points: Floats) -> tuple[Ints, Floats]:
    """17 vertices, as corners of faces, from the subject's right ear round the chin to the left.

    Each is the vertex closest to a ray that leaves the middle of the head, behind the nose's base.
    """
    size = float(np.linalg.norm(points[28] - points[19]))  # outer corners of the eyes, 45 and 36 of 68
    origin = points[14:19].mean(0) - np.array([0, 0, 0.6 * size], np.float32)
    used = np.unique(faces)
    from_origin = template[used] - origin
    found_faces, corners = [], []
    for angle in np.radians(np.linspace(-105, 105, N_CONTOUR)):
        ray = np.array([np.sin(angle), -np.cos(angle), 0.3 * np.cos(angle) - 0.15])
        ray /= np.linalg.norm(ray)
        along = from_origin @ ray
        off = np.linalg.norm(from_origin - along[:, None] * ray, axis=1)
        best = used[np.argmin(np.where(along > 0.3 * size, off - 0.2 * along, np.inf))]
        face, corner = np.argwhere(faces == best)[0]
        found_faces.append(face)
        corners.append(np.eye(3)[corner])
    return np.array(found_faces, np.int32), np.array(corners, np.float32)


def _plain_materials(
    masks: dict[str, Ints], n: int, faces: Ints
) -> tuple[tuple[str, ...], NDArray[np.uint8], Floats]:
    """Materials and colours from the masks: skin, and lips and eyeballs where they are known."""
    names, material = ["skin"], np.zeros(len(faces), np.uint8)
    colours = np.tile(np.array(PLAIN_SKIN, np.float32), (n, 1))
    for mask, (name, colour) in PLAIN_MATERIALS.items():
        if len(masks[mask]):
            chosen = np.zeros(n, dtype=bool)
            chosen[masks[mask]] = True
            colours[chosen] = colour
            material[chosen[faces].all(1)] = len(names)
            names.append(name)
    return tuple(names), material, colours


def _check(head: FlameFile, path: Path) -> None:
    """Holds every array to the shape that the others ask for."""
    v, f = len(head.v_template), len(head.faces)
    wanted: dict[str, tuple[int | None, ...]] = {
        "v_template": (v, 3),
        "faces": (f, 3),
        "shapedirs": (v, 3, head.n_shape + EXPRESSION_DIM),
        "J_regressor": (N_JOINTS, v),
        "weights": (v, N_JOINTS),
        "posedirs": (v, 3, N_POSE_FEATURES),
        "kintree_table": (2, N_JOINTS),
        "landmark_barycentric": (len(head.landmark_faces), 3),
        "material": (f,),
        "vertex_colors": (v, 3),
        "arkit_units": (len(head.arkit_names), v, 3),
        "arkit_coefficients": (len(head.arkit_names), MOTION_DIM),
    }
    for name, shape in wanted.items():
        found = getattr(head, name).shape
        if found != shape:
            raise HeadError(f"expected '{name}' of shape {shape} in '{path.name}', found {found}")
    indices = {"faces": (head.faces, v), "landmark_faces": (head.landmark_faces, f)}
    indices |= {f"mask of {name}": (mask, v) for name, mask in head.masks.items()}
    for name, (array, n) in indices.items():
        if array.size and not 0 <= array.min() <= array.max() < n:
            raise HeadError(f"expected indices below {n} in the {name} of '{path.name}', found {array.max()}")
    if not all(np.isfinite(a).all() for a in (head.v_template, head.shapedirs, head.weights, head.posedirs)):
        raise HeadError(f"expected finite numbers in '{path.name}', found others; fetch the file again")
