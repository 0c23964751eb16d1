"""ARKit curves by numpy: the same as the library's with torch, and what is refused."""

import subprocess

import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, small_head, talking_motion
from engine_python import ENGINE_PYTHON

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import own_head as heads
from ecoface_blender.heads.arkit_fit import ArkitUnits

LIBRARY = """
import sys
import numpy as np
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.core.arkit import to_arkit
np.save(sys.argv[2], to_arkit(FlameMotion(np.load(sys.argv[1])), read_head()))
"""


def test_the_curves_are_those_of_the_library(tmp_path):
    motion = talking_motion(20).astype(np.float32)
    np.save(tmp_path / "motion.npy", motion)
    root = str(REFERENCE_HEAD.parents[2])
    command = [ENGINE_PYTHON, "-c", LIBRARY, str(tmp_path / "motion.npy"), str(tmp_path / "curves.npy")]
    subprocess.run(command, check=True, cwd=root)
    curves = ArkitUnits.of(heads.load_head(REFERENCE_HEAD)).curves(motion)
    assert curves.shape == (20, 52) and curves.min() >= 0 and curves.max() <= 1
    np.testing.assert_allclose(curves, np.load(tmp_path / "curves.npy"), atol=1e-3)


def test_a_head_without_units_is_refused():
    with pytest.raises(EcoFaceBlenderError, match="Expected ARKit units with the head 'small head'"):
        ArkitUnits.of(small_head())
