"""What the tests in Blender share: EcoFace registered once; one engine and one tiny model for all of them."""

import importlib.util

import pytest
from engine_python import ENGINE_PYTHON, write_tiny_model

import ecoface_blender


@pytest.fixture(scope="session")
def model(request, tmp_path_factory):
    """A tiny random model for the reference head."""
    if importlib.util.find_spec("torch"):
        return request.getfixturevalue("tiny_model_file")
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="session", autouse=True)
def registered():
    """The engine that a test has started stays for the next, as long as both want the same of it."""
    ecoface_blender.register()
    yield
    ecoface_blender.unregister()


@pytest.fixture(autouse=True)
def engine_python(monkeypatch):
    """The Python with torch, where no preferences name one."""
    monkeypatch.setenv("ECOFACE_PYTHON", ENGINE_PYTHON)
