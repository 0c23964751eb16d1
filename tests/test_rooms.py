"""Rooms of the three packages: who may import whom, and nobody in a circle."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())

BELOW = {
    "ecoface_model/core": [],
    "ecoface_model/renderer": ["ecoface_model/core"],
    "ecoface_model/sound": ["ecoface_model/core"],
    "ecoface_model/postprocess": ["ecoface_model/core"],
    "ecoface_model/head_motion": ["ecoface_model/core", "ecoface_model/postprocess"],
    "ecoface_model/preview": ["ecoface_model/core", "ecoface_model/postprocess", "ecoface_model/renderer"],
    "ecoface_model/reference_emotion": ["ecoface_model/core", "ecoface_model/renderer"],
    "ecoface_model/backends": ["ecoface_model/core", "ecoface_model/reference_emotion"],
    "ecoface_model/streaming": [
        "ecoface_model/core",
        "ecoface_model/postprocess",
        "ecoface_model/reference_emotion",
        "ecoface_model/backends",
        "ecoface_model/head_motion",
    ],
    "training/head": ["training/data"],
    "training/data": [],
    "training/objectives": [],
    "training/synthetic/animator": ["training/data"],
    "training/synthetic/voices": ["training/data", "training/synthetic/animator"],
    "training/batches": ["training/data", "training/objectives", "training/synthetic/animator"],
    "training/runs": ["training/batches", "training/objectives"],
    "training/evaluation": [
        "training/batches",
        "training/data",
        "training/objectives",
        "training/runs",
        "training/synthetic/animator",
        "training/synthetic/voices",
    ],
}
"""Each room, and the rooms of its package that it may use."""

EXTENSION = (
    "worker", "core", "ui", "sound", "engine", "heads", "animation", "takes", "emotion", "generate", "shot",
    "listening", "line_queue", "head_check", "export", "headless",
)  # fmt: skip
"""Rooms of ecoface_blender, each of which may use those before it."""
BELOW |= {
    f"ecoface_blender/{name}": [f"ecoface_blender/{below}" for below in EXTENSION[:number]]
    for number, name in enumerate(EXTENSION)
}

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("ecoface_model", "ecoface_blender", "training")
    for path in (ROOT / package).rglob("*.py")
}


def room(module: str) -> str:
    """The folder of a module, as BELOW names it; empty for what lies on top."""
    path = FILES[module]
    folder = path.parent.relative_to(ROOT).as_posix()
    return folder if folder in BELOW else ""


def imports(module: str) -> set[str]:
    """Modules of ours that a module imports, anywhere in it."""
    path, found = FILES[module], set()
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            whole = ".".join([*start, *((node.module or "").split(".") if node.module else [])])
            for alias in node.names:
                names = [name for name in (f"{whole}.{alias.name}", whole) if name in FILES]
                found |= set(names[:1])
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in FILES}
    return found - {module}


@pytest.mark.parametrize("name", BELOW)
def test_a_room_uses_those_below_it_alone(name):
    used = {room(other) for module in FILES if room(module) == name for other in imports(module)}
    own = name.split("/")[0]
    assert {other for other in used if other.startswith(own)} <= {name, *BELOW[name]}


def test_the_rooms_stand_in_an_order():
    standing: list[str] = []
    while len(standing) < len(BELOW):
        ready = [name for name in BELOW if name not in standing and set(BELOW[name]) <= set(standing)]
        assert ready, f"a circle among {set(BELOW) - set(standing)}"
        standing += ready


def test_every_folder_is_a_room():
    folders = {path.parent.relative_to(ROOT).as_posix() for path in FILES.values()}
    assert folders == {"ecoface_model", "ecoface_blender", "training", "training/synthetic", *BELOW}


def test_no_module_imports_itself_by_way_of_others():
    below: dict[str, set[str]] = defaultdict(set)
    for module in FILES:
        below[module] = imports(module)
    done: set[str] = set()
    while waiting := [module for module in FILES if module not in done]:
        ready = [module for module in waiting if below[module] <= done]
        assert ready, f"a circle among {waiting[:6]}"
        done |= set(ready)


def test_on_top_of_training_lie_scripts_alone():
    top = [path for path in (ROOT / "training").glob("*.py") if path.name != "__init__.py"]
    assert not [path.name for path in top if '__name__ == "__main__"' not in path.read_text("utf-8")]
