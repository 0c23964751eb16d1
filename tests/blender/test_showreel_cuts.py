"""The showreel's cuts: they do not fall into blinks that are seen."""

import sys
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from showreel_cuts import MOVED, beside_blinks, blinking


def test_a_cut_moves_out_of_the_blinks_of_whoever_is_seen_and_no_further():
    blinks = np.zeros((2, 200), bool)
    blinks[0, 98:104] = blinks[1, 148:154] = True  # frames 99 to 104 and 149 to 154
    assert beside_blinks([(1, None), (60, 0), (100, None)], blinks) == [(1, None), (60, 0), (96, None)]
    assert beside_blinks([(1, None), (100, 1)], blinks) == [(1, None), (99, 1)], "until the cut one is seen"
    assert beside_blinks([(60, 1), (100, 1)], blinks) == [(60, 1), (100, 1)], "nobody sees that one"
    assert beside_blinks([(60, 1), (153, 0)], blinks) == [(60, 1), (149, 0)]
    blinks[:, 80:120] = True
    assert beside_blinks([(60, 1), (100, 0)], blinks)[1] == (100, 0), f"none within {MOVED}"


def test_blinks_of_a_head_are_seen_in_its_keys():
    scene = bpy.context.scene
    bpy.ops.ecoface.add_head(face=0, beside=False)
    head = bpy.context.object
    scene.frame_start, scene.frame_end = 1, 500
    bpy.ops.ecoface.fill_silence(head=head.name, seed=1)
    found = blinking([head], 500)
    begins = np.flatnonzero(found[0, 1:] & ~found[0, :-1])
    assert found.shape == (1, 500) and 3 <= len(begins) <= 10 and 0.03 < found.mean() < 0.3
