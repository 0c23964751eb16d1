"""What the tests of sounds in the sequencer begin with: a scene, a noise; a plugin of pytest's."""

import numpy as np
import pytest
from blender_support import empty_blend, write_sound


@pytest.fixture
def noise(tmp_path):
    """Three seconds of noise: any part of it can be found again."""
    return write_sound(tmp_path / "noise.wav", np.random.default_rng(0).uniform(-0.5, 0.5, 48_000))


@pytest.fixture
def scene():
    return empty_blend().scene
