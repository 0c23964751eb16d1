"""The recipe at a toy size, corpus to model file to one evaluation, by the commands that a user types."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecoface_model.core.constants import EMOTIONS, MOTION_DIM, SAMPLE_RATE
from ecoface_model.pipeline import EcoFace
from training.data.clips import read_manifest
from training.synthetic.animator.styles import STYLES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LONGEST = 600  # s; three minutes on two idle cores


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a toy recipe spoken by hibari, which needs no Debian package."""
    folder = tmp_path_factory.mktemp("toy")
    command = [sys.executable, "tools/toy_recipe.py", "--out", str(folder), "--voices", "hibari"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_the_corpus_of_the_toy_recipe_is_spoken_by_hibari_in_all_emotions(recipe):
    rows = read_manifest(recipe / "corpus")
    assert {row.voice.split("-")[0] for row in rows} == {"hibari"}
    assert {row.emotion for row in rows if row.split == "train"} == set(EMOTIONS)


def test_the_model_file_of_the_toy_recipe_speaks(recipe):
    model = EcoFace.load(recipe / "toy.safetensors", device="cpu")
    assert model.styles == tuple(STYLES)
    waveform = np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32) / 20
    motion = model.generate(waveform, emotion="happy:2").motion
    assert motion.shape == (25, MOTION_DIM) and np.isfinite(motion).all() and motion.std(axis=0).max() > 0


def test_the_evaluation_of_the_toy_recipe_has_numbers_for_the_model_and_for_the_performances(recipe):
    sets = json.loads((recipe / "evaluation" / "table.json").read_text())["sets"]
    (methods,) = sets.values()
    assert math.isfinite(methods["own style"]["lips (mm)"]) and methods["own style"]["lips (mm)"] > 0
    assert math.isfinite(methods["performances"]["sync confidence (ours)"])


def test_a_recipe_of_other_voices_is_refused(tmp_path):
    command = [sys.executable, "tools/toy_recipe.py", "--out", str(tmp_path), "--voices", "flite"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)
    assert done.returncode == 2 and "expected the voices 'hibari' or" in done.stderr
