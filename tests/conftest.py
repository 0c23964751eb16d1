"""Shared by the tests; only the standard library at the top, since Blender's tests run without torch."""

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("MATPLOTLIBRC", str(Path(__file__).with_name("support") / "matplotlibrc"))


@pytest.fixture(scope="session")
def tiny_model_file(tmp_path_factory) -> Path:
    """A whole model file of the default model's kinds, tiny and random; three styles: anna, ben, cleo.

    With graphs, as the default model has them: engines on the CPU are ONNX Runtime's, there in a second.
    """
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="session")
def tiny_ecoface(tiny_model_file):
    """The tiny model, run by PyTorch on the CPU."""
    from ecoface_model.pipeline import EcoFace

    return EcoFace.load(tiny_model_file, device="cpu", engine="torch")


@pytest.fixture(scope="session")
def tiny_onnx(tiny_model_file):
    """The tiny model as commands and workers load it on the CPU: run by ONNX Runtime."""
    from ecoface_model.pipeline import EcoFace

    return EcoFace.load(tiny_model_file, device="cpu")


LONGEST = (
    "test_whole_recipe.py",
    "test_evaluate.py",
    "test_stages_paper_size.py",
    "test_two_processes.py",
    "test_ablations.py",
    "test_blender_extension.py",
    "test_backends.py",
    "test_streaming.py",
    "test_preview.py",
    "test_command_line.py",
    "test_pipeline.py",
    "test_blender_fbx_pattern.py",
    "test_engine_install.py",
    "test_blender_batch_run.py",
    "test_blender_batch_voices.py",
    "test_train_motion.py",
)


def pytest_collection_modifyitems(items):
    """The longest files begin first, in that order, so that nobody waits for them alone at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


EXIT_STATUS = pytest.StashKey[int]()


def pytest_sessionfinish(session, exitstatus):
    """Keep the exit status for the very end."""
    session.config.stash[EXIT_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Leave at once when bpy was imported: it may crash or hang when Python takes it apart."""
    if "bpy" in sys.modules and EXIT_STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[EXIT_STATUS])
