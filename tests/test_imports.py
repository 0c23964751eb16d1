"""Who may import whom, read from the import statements."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("ecoface_model", "ecoface_blender", "training")
WORKER = ROOT / "ecoface_blender" / "worker"


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it; its own package for relative imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0] if node.level == 0 else path.relative_to(ROOT).parts[0])
    return names


def imported_at_top(path: Path) -> set[str]:
    """Packages imported when the file is, not only inside functions."""
    return {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.level == 0)
        for alias in node.names
    }


def test_the_reader_of_imports_sees_all_kinds(tmp_path):
    path = ROOT / "tests" / "test_imports.py"
    assert {"ast", "re", "sys", "pathlib", "pytest"} <= imported(path)
    assert imported_at_top(path) == {"ast", "re", "sys", "pathlib", "pytest"}


@pytest.mark.parametrize("path", files("ecoface_model"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_model_knows_neither_blender_nor_training(path):
    assert not imported(path) & {"bpy", "mathutils", "bmesh", "ecoface_blender", "training"}


@pytest.mark.parametrize("path", files("training"), ids=lambda path: str(path.relative_to(ROOT)))
def test_training_does_not_know_blender(path):
    assert not imported(path) & {"bpy", "mathutils", "bmesh", "ecoface_blender"}


@pytest.mark.parametrize("path", files("ecoface_blender"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_extension_needs_only_blender_numpy_and_itself(path):
    allowed = sys.stdlib_module_names | {
        "bpy",
        "blf",
        "bpy_extras",
        "mathutils",
        "gpu",
        "numpy",
        "ecoface_blender",
    }
    if WORKER in path.parents:
        allowed |= {"ecoface_model", "torch", "worker"}  # it runs in the Python that has them
    assert imported(path) <= allowed
    absolute = re.search(
        r"^\s*(from|import) ecoface_blender\b", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert not absolute, "an installed extension has another name: import relatively"


def test_the_messages_need_only_the_standard_library():
    assert imported_at_top(WORKER / "protocol.py") <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", files("ecoface_model"), ids=lambda path: str(path.relative_to(ROOT)))
def test_slow_packages_are_imported_only_when_used(path):
    slow = {"transformers", "matplotlib", "av", "soundfile", "soxr", "scipy", "onnx"}
    if path.stem != "hubert":  # itself imported only where HuBERT is used
        assert not imported_at_top(path) & slow


def test_a_command_line_mistake_is_answered_without_torch():
    reached, wanted = set(), {"__main__"}
    while wanted:
        name = wanted.pop()
        reached.add(name)
        path = ROOT / "ecoface_model" / f"{name.replace('.', '/')}.py"
        assert "torch" not in imported_at_top(path), name
        tops = re.findall(
            r"^from ecoface_model\.([\w.]+) import", path.read_text(encoding="utf-8"), re.MULTILINE
        )
        wanted |= set(tops) - reached


@pytest.mark.parametrize(
    "path",
    [path for package in ("ecoface_model", "training") for path in files(package)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_only_one_place_names_cuda(path):
    words = [
        node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        else getattr(node, "attr", "")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    ]
    names = [word for word in words if re.fullmatch(r"cuda(:\d+)?", word)]
    assert not names or path == ROOT / "ecoface_model" / "device.py"
