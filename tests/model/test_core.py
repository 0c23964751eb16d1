"""Core: what Blender's Python imports, without torch and without what only the engine has."""

import gc
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ecoface_model.core import arkit, tracker
from ecoface_model.core.constants import exact_div
from ecoface_model.core.errors import ArraysError, HeadError, TrackerError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.jaw_skinning import term_offsets, term_products, terms
from ecoface_model.core.live_link import LIVE_LINK_UNITS, live_link_csv
from ecoface_model.core.npz import json_object, read_npy, read_npz, write_npz

ROOT = Path(__file__).resolve().parent
ROOT = next(parent for parent in ROOT.parents if (parent / "ecoface_model").is_dir())
CORE = ROOT / "ecoface_model" / "core"
MODULES = sorted(path.stem for path in CORE.glob("*.py") if path.stem != "__init__")
ABSENT = ("torch", "jaxtyping", "beartype", "safetensors", "av", "soundfile", "soxr", "transformers", "scipy")

WITHOUT = f"""
import importlib, sys
for name in {ABSENT!r}:
    sys.modules[name] = None  # an import of it fails
importlib.import_module("ecoface_model.core." + sys.argv[1])
known = set(sys.stdlib_module_names) | {{"numpy", "ecoface_model"}}
others = {{name.split(".")[0] for name, module in sys.modules.items() if module is not None}} - known
import numpy  # what numpy itself brings along is numpy's
assert not {{name for name in others if not name.startswith("_") and name in {ABSENT!r}}}, others
assert all(name.startswith("ecoface_model.core") for name in sys.modules if name.startswith("ecoface_model."))
"""


@pytest.mark.parametrize("module", MODULES)
def test_blender_s_python_can_import_it(module):
    subprocess.run([sys.executable, "-c", WITHOUT, module], check=True, cwd=ROOT)


def test_it_can_lie_in_another_package(tmp_path):
    """As an extension of Blender carries it: imported relatively, by whatever name."""
    library = tmp_path / "extension" / "library" / "ecoface_model"
    shutil.copytree(CORE, library / "core")
    for folder in (library.parents[1], library.parent, library):
        (folder / "__init__.py").touch()
    lines = "".join(f"import extension.library.ecoface_model.core.{module}\n" for module in MODULES)
    check = "import sys\nassert not [n for n in sys.modules if n.startswith('ecoface_model')]\n"
    subprocess.run([sys.executable, "-c", lines + check], check=True, cwd=tmp_path)


class Interrupted:
    def __array__(self, *_, **__):
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_while_arrays_are_packed_leaves_neither_a_file_nor_a_complaint(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_npz(tmp_path / "a.npz", {"first": np.arange(9), "second": Interrupted()})
    gc.collect()
    assert not list(tmp_path.iterdir())
    write_npz(tmp_path / "a.npz", {"first": np.arange(9)})
    assert read_npz(tmp_path / "a.npz")["first"].tolist() == list(range(9))


def test_arrays_come_back_and_what_lacks_one_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", motion=np.arange(3), metadata=np.array("{}"))
    assert read_npz(tmp_path / "a.npz", ["motion"], but=["metadata"]).keys() == {"motion"}
    with pytest.raises(
        ArraysError, match=r"expected the array 'fps' in a.npz, found metadata, motion; choose"
    ):
        read_npz(tmp_path / "a.npz", ["fps"])


def damaged(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.npz"
    numbers = np.random.default_rng(0).standard_normal(4000)
    np.savez_compressed(path, motion=numbers) if kind != "objects" else np.savez(path, motion=[{}, 1])
    raw = bytearray(path.read_bytes())
    if kind == "flipped":
        raw[2000:2100] = bytes(100)
    elif kind == "cut":
        raw = raw[: len(raw) // 2]
    elif kind == "text":
        raw = bytearray(b"once upon a time")
    elif kind == "empty":
        raw = bytearray()
    elif kind == "method":
        with zipfile.ZipFile(path) as archive:
            place = archive.start_dir
        raw[8:10] = raw[place + 10 : place + 12] = (97).to_bytes(2, "little")
    elif kind == "encrypted":
        with zipfile.ZipFile(path) as archive:
            place = archive.start_dir
        raw[6] |= 1
        raw[place + 8] |= 1
    path.write_bytes(raw)
    if kind in ("header", "huge"):
        said = {
            "header": "{'descr': '<f8', 'shape': (((",
            "huge": "{'descr': '<f8', 'fortran_order': False, ",
        }
        text = said[kind] + ("'shape': (10000000000000,), }" if kind == "huge" else "")
        text = text.ljust(117) + "\n"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(
                "motion.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()
            )
    return path


DAMAGES = ("flipped", "cut", "text", "empty", "method", "encrypted", "header", "huge", "objects")


@pytest.mark.parametrize("kind", DAMAGES)
def test_however_a_file_is_damaged_it_is_one_sentence(kind, tmp_path):
    with pytest.raises(ArraysError, match=rf"expected arrays in {kind}.npz, found a damaged file or pickled"):
        read_npz(damaged(tmp_path, kind))


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_head_is_a_sentence_of_its_own(kind, tmp_path):
    with pytest.raises(HeadError, match=rf"expected a whole head in '{kind}.npz'"):
        read_head(damaged(tmp_path, kind))


def test_an_archive_is_no_single_array(tmp_path):
    with pytest.raises(ArraysError, match=r"expected an array in cut.npz, found a damaged file"):
        read_npy(damaged(tmp_path, "cut"))


@pytest.mark.parametrize("text", ["[]", "3", "{", "[" * 100_000, '{"a":' * 100_000])
def test_json_that_is_no_object_is_refused(text):
    with pytest.raises(ValueError):
        json_object(text)


def test_terms_times_their_offsets_are_the_products(monkeypatch):
    head = read_head().arrays()
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((2, *head["v_template"].shape))
    whole = term_offsets(head).reshape(-1, directions[0].size) @ directions.reshape(2, -1).T
    np.testing.assert_allclose(term_products(head, directions), whole, atol=1e-9)
    assert terms(np.zeros((3, 50)), np.zeros((3, 3))).max() == 0


def test_single_precision_is_nearly_as_exact():
    head = read_head()
    rng = np.random.default_rng(0)
    motion = np.hstack([rng.standard_normal((30, 50)) * 0.5, np.abs(rng.standard_normal((30, 3))) * 0.05])
    units = arkit.ArkitUnits.of(head.arrays())
    np.testing.assert_allclose(units.curves(motion, single=True), units.curves(motion), atol=1e-3)


def test_a_unit_that_a_head_lacks_rests_in_the_table():
    first, row, _ = live_link_csv({"JAWOPEN": np.array([0.5])}, 1, 25).split("\n")
    values = dict(zip(first.split(","), row.split(","), strict=True))
    assert values["JawOpen"] == "0.500000" and values["TongueOut"] == "0.000000"
    assert set(LIVE_LINK_UNITS) <= values.keys()


def test_further_expressions_are_cut_only_where_asked():
    arrays = {"exp": np.zeros((4, 100)), "pose": np.zeros((4, 6))}
    assert tracker.sequence_of(arrays, Path("a.npz"), cut=True).expression.shape == (4, 50)
    with pytest.raises(TrackerError, match="expected exp of 50 numbers a frame"):
        tracker.sequence_of(arrays, Path("a.npz"))


def test_rates_that_do_not_divide_fail_loudly():
    assert exact_div(50, 10) == 5
    with pytest.raises(ValueError, match="expected a multiple of 25, found 44110; choose rates that divide"):
        exact_div(44_110, 25)
