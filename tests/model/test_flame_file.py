"""Heads on disk: the one that ships, FLAME's files, and files that are broken or dangerous."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from flame_samples import Ch, chumpy_pretended, flame_arrays, write_companions, write_flame

from ecoface_model.core.errors import HeadError
from ecoface_model.core.head_file import MASKS, REFERENCE_HEAD, read_head


def test_the_reference_head_has_every_array_of_the_contract():
    head = read_head()
    v, f = len(head.v_template), len(head.faces)
    assert head.shapedirs.shape == (v, 3, 150) and head.n_shape == 100
    assert head.expression_directions.shape == (v, 3, 50)
    assert head.J_regressor.shape == (5, v) and head.posedirs.shape == (v, 3, 36)
    assert head.kintree_table.tolist() == [[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]]
    assert head.landmark_faces.shape == (68,) and head.uv_faces.shape == (f, 3)
    assert set(head.masks) == set(MASKS) and all(len(mask) for mask in head.masks.values())
    assert len(head.arkit_names) == 52 and head.arkit_coefficients.shape == (52, 53)
    assert {
        "skin",
        "lips",
        "teeth",
        "lower teeth",
        "tongue",
        "mouth",
        "sclera",
        "iris",
        "pupil",
        "brow",
    } <= set(head.material_names[i] for i in np.unique(head.material))
    assert head.vertex_colors.min() >= 0 and head.vertex_colors.max() <= 1
    assert all(a.dtype == np.float32 for a in (head.v_template, head.shapedirs, head.arkit_units))
    np.testing.assert_allclose(head.weights.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(head.landmark_barycentric.sum(1), 1, atol=1e-6)


def test_the_reference_head_stays_small():
    assert REFERENCE_HEAD.stat().st_size < 8e6


@pytest.mark.parametrize("protocol", range(5))
def test_a_flame_file_with_chumpy_objects_loads(tmp_path: Path, protocol: int):
    head = read_head(write_flame(tmp_path, protocol=protocol))
    arrays = flame_arrays()
    assert head.name == "FLAME (generic_model)"
    np.testing.assert_allclose(head.v_template, arrays["v_template"], atol=1e-7)
    np.testing.assert_allclose(head.J_regressor, arrays["J_regressor"], atol=1e-7)
    np.testing.assert_allclose(head.expression_directions, arrays["shapedirs"][..., 300:350], atol=1e-7)
    assert head.n_shape == 300 and head.faces.tolist() == arrays["f"].tolist()
    assert head.arkit_names == () and head.uv.shape == (0, 2)


@pytest.mark.parametrize("kind", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix, scipy.sparse.csr_array])
def test_sparse_regressors_are_written_out(tmp_path: Path, kind: type):
    arrays = flame_arrays()
    regressor = arrays["J_regressor"] * (arrays["J_regressor"] > 1e-3)
    (tmp_path / "head.pkl").write_bytes(pickle.dumps(arrays | {"J_regressor": kind(regressor)}, 2))
    np.testing.assert_allclose(read_head(tmp_path / "head.pkl").J_regressor, regressor, atol=1e-7)


def test_companions_give_masks_materials_and_68_landmarks_that_keep_flames_51(tmp_path: Path):
    head = read_head(write_flame(tmp_path))
    embedding = pickle.loads((tmp_path / "flame_static_embedding.pkl").read_bytes())
    assert head.landmark_faces[17:].tolist() == embedding["lmk_face_idx"].tolist()
    np.testing.assert_allclose(head.landmark_barycentric[17:], embedding["lmk_b_coords"], atol=1e-6)
    assert head.masks["eyeballs"].tolist() == list(range(20)) and len(head.masks["teeth"]) == 0
    assert head.material_names == ("skin", "lips", "sclera")


def test_the_contour_made_for_flame_runs_from_the_right_ear_round_the_chin_to_the_left(tmp_path: Path):
    """On our own head written as a FLAME file, the contour comes out near the one we placed by hand."""
    ours = read_head()
    arrays = flame_arrays() | {
        "v_template": ours.v_template, "f": ours.faces, "weights": ours.weights, "posedirs": ours.posedirs,
        "J_regressor": ours.J_regressor, "shapedirs": np.zeros((len(ours.v_template), 3, 400), np.float16),
    }  # fmt: skip
    (tmp_path / "head.pkl").write_bytes(pickle.dumps(arrays))
    embedding = {"lmk_face_idx": ours.landmark_faces[17:], "lmk_b_coords": ours.landmark_barycentric[17:]}
    (tmp_path / "flame_static_embedding.pkl").write_bytes(pickle.dumps(embedding))
    head = read_head(tmp_path / "head.pkl")
    corners = head.v_template[head.faces[head.landmark_faces[:17]]]
    contour = np.einsum("lc,lcx->lx", head.landmark_barycentric[:17], corners)
    assert contour[0, 0] < -0.05 and contour[16, 0] > 0.05
    assert contour[:, 1].argmin() in (7, 8, 9) and abs(contour[8, 0]) < 0.004
    assert np.all(np.diff(contour[2:15, 0]) > 0)


def test_without_companions_a_flame_head_is_plain_skin_without_landmarks(tmp_path: Path):
    head = read_head(write_flame(tmp_path, companions=False))
    assert not head.has_landmarks and head.landmark_barycentric.shape == (0, 3)
    assert head.material_names == ("skin",) and not head.material.any()
    assert all(len(mask) == 0 for mask in head.masks.values())


class Call:
    """Pickles as a call of any function by name, as attackers write it."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call


def attacks(canary: Path) -> dict[str, bytes]:
    """Pickles that would make the file `canary` if they were believed."""
    shell, python = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    with chumpy_pretended():
        hidden = pickle.dumps(flame_arrays() | {"weights": Ch({"x": Call(os.system, shell)})}, 2)  # type: ignore[arg-type]
    return {
        "posix.system": pickle.dumps(Call(os.system, shell)),
        "builtins.eval": pickle.dumps(Call(eval, python), 4),
        "numpy.f2py.crackfortran.myeval": b"cnumpy.f2py.crackfortran\nmyeval\n(V"
        + python.encode()
        + b"\ntR.",
        "numpy.testing._private.utils.runstring": b"cnumpy.testing._private.utils\nrunstring\n(V1\n}tR.",
        "builtins.getattr": pickle.dumps(Call(getattr, "x", "upper")),
        "subprocess.Popen": b"csubprocess\nPopen\n(V" + shell.encode() + b"\ntR.",
        "numpy.ndarray.tofile": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        "scipy.sparse.load_npz": b"cscipy.sparse\nload_npz\n(Vx\ntR.",
        "in an array of objects": pickle.dumps(flame_arrays() | {"f": np.array([Call(os.system, shell)])}),
        "inside a chumpy object": hidden,
    }


@pytest.mark.parametrize("kind", list(attacks(Path("x"))))
def test_a_malicious_pickle_is_refused_with_a_sentence_and_never_run(tmp_path: Path, kind: str):
    canary = tmp_path / "canary"
    (tmp_path / "generic_model.pkl").write_bytes(attacks(canary)[kind])
    with pytest.raises(HeadError, match=r"nothing but arrays, found '.*', which could run code; do not use"):
        read_head(tmp_path / "generic_model.pkl")
    assert not canary.exists()


def test_a_malicious_companion_is_refused(tmp_path: Path):
    path = write_flame(tmp_path)
    (tmp_path / "FLAME_masks.pkl").write_bytes(attacks(tmp_path / "canary")["posix.system"])
    with pytest.raises(HeadError, match="could run code"):
        read_head(path)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "trick",
    [
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
        b"c_codecs\nencode\n(Vx\nVrot13\ntR.",
    ],
)
def test_helpers_of_old_pickles_serve_arrays_alone(tmp_path: Path, trick: bytes):
    (tmp_path / "head.pkl").write_bytes(trick)
    with pytest.raises(HeadError, match=r"^expected .* found .*"):
        read_head(tmp_path / "head.pkl")


def test_a_missing_head_is_one_sentence(tmp_path: Path):
    with pytest.raises(HeadError, match=r"expected a head file at '.*nobody.npz', found nothing; check"):
        read_head(tmp_path / "nobody.npz")


def test_another_ending_is_one_sentence(tmp_path: Path):
    (tmp_path / "head.obj").write_text("v 0 0 0")
    with pytest.raises(HeadError, match=r"ending in .npz \(ours\) or .pkl \(FLAME\), found 'head.obj'"):
        read_head(tmp_path / "head.obj")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_reference_head_is_one_sentence(tmp_path: Path, share: float):
    content = REFERENCE_HEAD.read_bytes()
    (tmp_path / "head.npz").write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        HeadError, match=r"expected a whole head in 'head.npz', found a file that cannot be read"
    ):
        read_head(tmp_path / "head.npz")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_flame_file_is_one_sentence(tmp_path: Path, share: float):
    path = write_flame(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        HeadError, match=r"expected a pickle of FLAME in 'generic_model.pkl', found a damaged"
    ):
        read_head(path)


def test_an_npz_of_something_else_is_one_sentence(tmp_path: Path):
    np.savez(tmp_path / "motion.npz", motion=np.zeros((5, 53)))
    with pytest.raises(
        HeadError, match=r"expected the array 'name' in 'motion.npz', found none; is it a head"
    ):
        read_head(tmp_path / "motion.npz")


def test_an_npz_with_pickled_objects_is_refused(tmp_path: Path):
    np.savez(tmp_path / "head.npz", name=np.array([{}], dtype=object))
    with pytest.raises(HeadError, match="found a file that cannot be read"):
        read_head(tmp_path / "head.npz")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("f", None, "expected the array 'faces'|expected the array 'f'"),
        (
            "posedirs",
            np.zeros((3, 3, 36)),
            r"expected 'posedirs' of shape \(192, 3, 36\) .*found \(3, 3, 36\)",
        ),
        ("shapedirs", np.zeros((192, 2, 400)), r"expected 'shapedirs' of shape .*found \(192, 2, 350\)"),
        ("v_template", np.zeros((3,)), "expected a mesh of triangles"),
        ("f", np.array([[0, 1, 999]]), "expected indices below 192 in the faces .*found 999"),
        ("weights", np.full((192, 5), np.nan), "expected finite numbers"),
        ("weights", "text", "expected an array of numbers as 'weights'"),
    ],
)
def test_a_flame_file_that_does_not_fit_together_is_one_sentence(tmp_path: Path, name, value, message):
    content = flame_arrays()
    if value is None:
        del content[name]
    else:
        content[name] = value
    (tmp_path / "head.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(HeadError, match=message):
        read_head(tmp_path / "head.pkl")


def test_a_pickle_of_no_dictionary_is_one_sentence(tmp_path: Path):
    (tmp_path / "head.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(HeadError, match=r"expected FLAME's arrays in 'head.pkl', found a list"):
        read_head(tmp_path / "head.pkl")


def test_a_broken_sparse_matrix_is_one_sentence(tmp_path: Path):
    matrix = scipy.sparse.csc_matrix(flame_arrays()["J_regressor"])
    matrix.indices = matrix.indices + 1000
    (tmp_path / "head.pkl").write_bytes(pickle.dumps(flame_arrays() | {"J_regressor": matrix}))
    with pytest.raises(
        HeadError, match=r"expected a sparse matrix as 'J_regressor' in 'head.pkl', found a broken"
    ):
        read_head(tmp_path / "head.pkl")


@pytest.mark.parametrize(
    ("embedding", "message"),
    [
        (
            {"wrong": 1},
            "expected lmk_face_idx and lmk_b_coords in 'flame_static_embedding.pkl', found neither",
        ),
        ({"lmk_face_idx": np.zeros(5, int), "lmk_b_coords": np.zeros((5, 3))}, "expected 51 landmarks"),
        ({"lmk_face_idx": np.full(51, 10**6), "lmk_b_coords": np.zeros((51, 3))}, "expected 51 landmarks"),
    ],
)
def test_a_wrong_embedding_is_one_sentence(tmp_path: Path, embedding: dict[str, object], message: str):
    path = write_flame(tmp_path, companions=False)
    write_companions(tmp_path)
    (tmp_path / "flame_static_embedding.pkl").write_bytes(pickle.dumps(embedding))
    with pytest.raises(HeadError, match=message):
        read_head(path)


@pytest.mark.parametrize(
    ("columns", "n_shape", "found"), [(400, 300, 50), (310, 300, 10), (150, 100, 50), (20, 0, 20)]
)
def test_a_flame_file_has_as_many_identities_and_expressions_as_are_found(tmp_path, columns, n_shape, found):
    path = write_flame(tmp_path)
    content = flame_arrays()
    content["shapedirs"] = content["shapedirs"][..., :columns]
    path.write_bytes(pickle.dumps(content))
    head = read_head(path)
    assert head.n_shape == n_shape and head.expression_directions.shape[-1] == 50
    expected = content["shapedirs"][..., n_shape : n_shape + found]
    np.testing.assert_allclose(head.expression_directions[..., :found], expected, atol=1e-7)
    assert not head.expression_directions[..., found:].any()
