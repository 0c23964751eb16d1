"""Small random files in the form of FLAME's, for tests that read one: the real ones may not be shared."""

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

N_RINGS, N_AROUND = 12, 16


class Ch:
    """Pickles like a chumpy array: an object of the module chumpy.ch with its array under "x"."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x


Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"


@contextmanager
def chumpy_pretended() -> Iterator[None]:
    """Lets pickle find chumpy.ch.Ch while it writes; nothing of it is left for reading."""
    modules = {name: types.ModuleType(name) for name in ("chumpy", "chumpy.ch")}
    modules["chumpy.ch"].Ch = Ch  # type: ignore[attr-defined]
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


def egg() -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) of an egg the size of a head, face to +z, and outward faces (F, 3)."""
    polar, turn = np.meshgrid(
        np.linspace(0.15, np.pi - 0.15, N_RINGS), np.arange(N_AROUND) * 2 * np.pi / N_AROUND, indexing="ij"
    )
    vertices = np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], -1)
    vertices = vertices.reshape(-1, 3) * [0.075, 0.12, 0.1]
    index = np.arange(N_RINGS * N_AROUND).reshape(N_RINGS, N_AROUND)
    a, b = index, np.roll(index, -1, axis=1)
    quads = np.stack([a[:-1], a[1:], b[1:], b[:-1]], -1).reshape(-1, 4)
    return vertices, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def flame_arrays(seed: int = 0) -> dict[str, Any]:
    """The arrays of a FLAME file under their names, with random directions."""
    random = np.random.default_rng(seed)
    vertices, faces = egg()
    n = len(vertices)
    weights, regressor = random.random((n, 5)) ** 3, random.random((5, n)) ** 30
    return {
        "v_template": vertices,
        "f": faces.astype(np.uint32),
        "shapedirs": random.standard_normal((n, 3, 400)) * 1e-3,
        "posedirs": random.standard_normal((n, 3, 36)) * 1e-3,
        "weights": weights / weights.sum(1, keepdims=True),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "bs_type": "lrotmin",
    }


def write_flame(folder: Path, *, protocol: int = 2, companions: bool = True, seed: int = 0) -> Path:
    """Writes generic_model.pkl as FLAME's: chumpy objects, a sparse regressor; companions beside it."""
    arrays = flame_arrays(seed)
    content = dict(arrays)
    for name in ("shapedirs", "v_template", "weights"):
        content[name] = Ch(arrays[name])
    content["J_regressor"] = scipy.sparse.csc_matrix(arrays["J_regressor"])
    path = folder / "generic_model.pkl"
    with chumpy_pretended():
        path.write_bytes(pickle.dumps(content, protocol))
    if companions:
        write_companions(folder)
    return path


def write_companions(folder: Path) -> None:
    """flame_static_embedding.pkl and FLAME_masks.pkl for the egg."""
    random = np.random.default_rng(1)
    n_faces, n = len(egg()[1]), len(egg()[0])
    corners = random.random((51, 3))
    embedding = {
        "lmk_face_idx": random.integers(0, n_faces, 51).astype(np.uint32),
        "lmk_b_coords": corners / corners.sum(1, keepdims=True),
    }
    (folder / "flame_static_embedding.pkl").write_bytes(pickle.dumps(embedding, 2))
    masks = {name: random.integers(0, n, 30) for name in ("lips", "eye_region", "forehead", "neck")}
    masks |= {"left_eyeball": np.arange(0, 10), "right_eyeball": np.arange(10, 20)}
    (folder / "FLAME_masks.pkl").write_bytes(pickle.dumps(masks, 2))
