"""A real worker, and what tests ask of it."""

import time

import pytest
import soundfile
from engine_python import ENGINE_PYTHON as PYTHON
from tiny_model import INFO, voice

from ecoface_blender.engine.client import WorkerClient, WorkerError
from ecoface_blender.worker import protocol


@pytest.fixture
def client():
    """A worker that a test may spoil."""
    client = WorkerClient(PYTHON)
    yield client
    client.close()


@pytest.fixture
def speech(tmp_path):
    return write_voice(tmp_path / "speech.wav", 2.0)


def write_voice(path, seconds):
    soundfile.write(path, voice(seconds), 16_000)
    return path


def interpreter(path, script):
    """An executable that a user might name as a Python by mistake."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def load(client, model):
    return client.wait(client.request(protocol.Load, model=str(model), device="cpu"))


def generate(client, sound, result, **changes):
    values = {"first_second": 0.0, "seconds": None, "style": None, "emotion": None, "emotion_from": None}
    values |= {"seed": 0, "temperature": 1.0, "head": INFO["head"], "head_file": None} | changes
    return client.request(protocol.Generate, sound=str(sound), result=str(result), **values)


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def failure(client, number):
    with pytest.raises(WorkerError) as caught:
        client.wait(number)
    assert "\n" not in str(caught.value)
    return str(caught.value)
