"""The demo's own line on the shipped head: what Blender shows is what exact skinning gives."""

import os
import subprocess
from pathlib import Path

import numpy as np
from blender_support import REFERENCE_HEAD, empty_blend, seen_vertices
from engine_python import ENGINE_PYTHON

from ecoface_blender import head as heads
from ecoface_blender import jaw_keys

ROOT = Path(__file__).resolve().parents[1]
EVERY = 4  # frames: evaluating the mesh takes a while


def test_the_demo_motion_in_blender_follows_exact_skinning_within_half_a_millimetre(tmp_path):
    motion_file = tmp_path / "demo.npz"
    command = [ENGINE_PYTHON, "-m", "ecoface_model", "generate", str(ROOT / "demo" / "speech.wav")]
    subprocess.run([*command, "-o", str(motion_file)], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    with np.load(motion_file) as arrays:
        motion = arrays["motion"][::EVERY]
    arrays = heads.load_head(REFERENCE_HEAD)
    head = heads.add_head(empty_blend(), arrays, "Head")
    keys = head.data.shape_keys.key_blocks
    errors = []
    exact = heads.to_blender(jaw_keys.skinned(arrays, motion))
    for values, vertices in zip(heads.key_values(head, motion), exact, strict=True):
        for name, value in zip(heads.key_names(head), values, strict=True):
            keys[name].value = value
        errors.append(np.linalg.norm(seen_vertices(head) - vertices, axis=1))
    print(f"jaw keys on the demo: 99.9th percentile {1000 * np.percentile(errors, 99.9):.3f} mm")
    assert np.percentile(errors, 99.9) < 0.0005
