"""What the tests of generating share: EcoFace registered, with a tiny model, a small head and a voice."""

import time

import bpy
import numpy as np
import pytest
from blender_support import empty_blend, small_head, write_sound
from engine_python import ENGINE_PYTHON, ROOT

from ecoface_blender import running
from ecoface_blender.engine import job as engine_job
from ecoface_blender.engine.settings import engine_settings
from ecoface_blender.generate import gather, generation
from ecoface_blender.heads import own_head

RATE = 16_000
REFERENCE = "EcoFace reference head"


@pytest.fixture
def preferences(model):
    """An empty file, and EcoFace's preferences with the tiny model in them."""
    context = empty_blend()
    context.preferences.addons.new().module = "ecoface_blender"
    preferences = context.preferences.addons["ecoface_blender"].preferences
    preferences.python, preferences.model, preferences.device = ENGINE_PYTHON, str(model), "cpu"
    yield preferences
    running.abandon()  # by a test that failed: the others are not to fail for it
    context.preferences.addons.remove(context.preferences.addons["ecoface_blender"])


@pytest.fixture
def context(preferences):
    return bpy.context


@pytest.fixture
def speaker(context):
    """A small head that passes for the reference head, since its coefficients are as good as any here."""
    return own_head.add_head(context, small_head() | {"name": np.array(REFERENCE)}, "Anna")


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_sound(tmp_path_factory.mktemp("voice") / "voice.wav", hum(3))


@pytest.fixture(scope="module")
def long_voice(tmp_path_factory):
    """Ten minutes: a line of it is under way for long enough to be met there."""
    return write_sound(tmp_path_factory.mktemp("voice") / "long.wav", hum(600))


def hum(seconds):
    t = np.arange(seconds * RATE) / RATE
    return 0.4 * np.sin(2 * np.pi * 140 * t) * np.sin(2 * np.pi * 2.3 * t) ** 2


def step_to_stage(job, stage):
    """Step a job until it is at a stage; it may not be done before."""
    while job.stage != stage:
        assert not job.step(), f"done without being met at {stage}"
        time.sleep(0.002)


def start(context, live=False, **given):
    """A line under way, to be stepped by the test."""
    folder = engine_job.job_folder()
    line = gather.request(context, engine_settings(context), given, folder.name)
    return generation.start(line, engine_settings(context), folder, live)


def step_to_the_end(job):
    while not job.step():
        time.sleep(0.01)


FAKE = """
import os, pathlib, runpy, sys
sys.argv, sys.path[0] = sys.argv[1:], {root!r}
from ecoface_model.pipeline import EcoFace
load, generate, crashes = EcoFace.load.__func__, EcoFace.generate, pathlib.Path({crashes!r})
def load_on_the_cpu(cls, path, device):
    loaded = load(cls, path, "cpu")
    loaded.asked_for = device
    return loaded
def generate_or_fail(self, *values, **wishes):
    left = int(crashes.read_text())
    if left:
        crashes.write_text(str(left - 1))
        os._exit(9)
    if self.asked_for != "cpu":
        import torch
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
    return generate(self, *values, **wishes)
EcoFace.load, EcoFace.generate = classmethod(load_on_the_cpu), generate_or_fail
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def troubled_python(folder, *, crashes=0):
    """An engine's Python that dies in its first jobs, and whose every device but the CPU is full."""
    (folder / "crashes").write_text(str(crashes))
    (folder / "fake.py").write_text(FAKE.format(root=str(ROOT), crashes=str(folder / "crashes")))
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nshift\nexec {ENGINE_PYTHON} {folder / "fake.py"} "$@"\n')
    python.chmod(0o755)
    return python


def refusal(operator, **properties):
    """What the operator says when it refuses."""
    with pytest.raises(RuntimeError) as caught:
        operator(**properties)
    return str(caught.value)
