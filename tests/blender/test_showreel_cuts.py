"""The showreel's cuts: in silence, on shut mouths, and not into blinks that are seen."""

import sys
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from showreel_cuts import AT_REST, MOVED, TRIMMED, Shot, Watched, end, moved, planned, watch
from showreel_lines import SPEECH, dialogue

BOTH, FIRST, SECOND = Shot(), Shot(0), Shot(1)


def watched(blinks=None, parted=None, n=200):
    """Two heads that do nothing else."""
    none = np.zeros((2, n), bool)
    return Watched(
        none if blinks is None else blinks, none if parted is None else parted, np.zeros((2, n, 3, 3))
    )


def test_a_cut_moves_out_of_the_blinks_of_whoever_is_seen_and_no_further():
    blinks = np.zeros((2, 200), bool)
    blinks[0, 98:104] = blinks[1, 148:154] = True  # frames 99 to 104 and 149 to 154
    seen = watched(blinks)
    assert moved([(1, BOTH), (60, FIRST), (100, BOTH)], seen) == [(1, BOTH), (60, FIRST), (96, BOTH)]
    assert moved([(1, BOTH), (100, SECOND)], seen) == [(1, BOTH), (99, SECOND)], "until the cut one is seen"
    assert moved([(60, SECOND), (100, SECOND)], seen) == [(60, SECOND), (100, SECOND)], "nobody sees that one"
    assert moved([(60, SECOND), (153, FIRST)], seen) == [(60, SECOND), (149, FIRST)]
    blinks[:, 80:120] = True
    assert moved([(60, SECOND), (100, FIRST)], seen)[1] == (100, FIRST), f"none within {MOVED}"


def test_a_cut_moves_to_where_mouths_that_are_seen_are_shut_but_never_into_a_blink():
    parted = np.zeros((2, 200), bool)
    parted[1, 95:104] = True  # frames 96 to 104
    assert moved([(60, SECOND), (100, FIRST)], watched(parted=parted))[1] == (96, FIRST), (
        "shut before the cut"
    )
    assert moved([(60, FIRST), (100, SECOND)], watched(parted=parted))[1] == (95, SECOND), "shut after it"
    parted[1] = True
    blinks = np.zeros((2, 200), bool)
    blinks[0, 98:102] = True
    assert moved([(60, SECOND), (100, FIRST)], watched(blinks, parted))[1][0] in (96, 103), "nowhere shut"


def test_a_cut_does_not_follow_a_blink_at_once_if_it_can_precede_it():
    blinks = np.zeros((2, 200), bool)
    blinks[0, 93:97] = True  # frames 94 to 97
    assert moved([(60, FIRST), (102, SECOND)], watched(blinks))[1] == (108, SECOND)
    assert moved([(60, FIRST), (100, SECOND)], watched(blinks))[1] == (94, SECOND)
    assert moved([(60, SECOND), (100, FIRST)], watched(blinks))[1] == (100, FIRST), "nobody saw it"


def test_the_end_is_moved_before_the_last_blink():
    blinks = np.zeros((2, 200), bool)
    assert end(watched(blinks), 200) == 200
    blinks[1, 190:196] = True
    assert end(watched(blinks), 200) == 190
    blinks[:, ::5] = True
    assert end(watched(blinks), 200) == 200, f"no {AT_REST} frames at rest within {TRIMMED}"


def test_both_are_seen_at_first_and_at_last_and_each_speaking_alone_and_past_the_other_and_listening():
    lines = dialogue([[SPEECH], [SPEECH]], 60.0)
    cuts = planned(lines)
    frames = [frame for frame, _ in cuts]
    assert frames == sorted(frames) and cuts[0] == (1, BOTH) and cuts[1][0] > 25
    assert cuts[-1][1] == BOTH and cuts[-1][0] > lines[-1].end_frame
    spoken = np.zeros(lines[-1].end_frame + 100, bool)
    for line in lines:
        spoken[line.first_frame : line.end_frame] = True
    assert not spoken[frames].any(), "cuts are in silence"
    assert all(before != after for (_, before), (_, after) in pairwise(cuts))
    shown = {(_shown(cuts, line.first_frame), line.speaker) for line in lines}
    assert shown >= {(Shot(head, past), head) for head in (0, 1) for past in (False, True)}
    assert shown >= {(FIRST, 1), (SECOND, 0)}, "who listens"


def _shown(cuts, frame):
    return [shot for start, shot in cuts if start <= frame][-1]


def test_what_a_head_does_is_seen_in_its_keys():
    scene = bpy.context.scene
    bpy.ops.ecoface.add_head(face=0, beside=False)
    head = bpy.context.object
    scene.frame_start, scene.frame_end = 1, 500
    bpy.ops.ecoface.fill_silence(head=head.name, seed=1)
    seen = watch([head], 500)
    begins = np.flatnonzero(seen.blinks[0, 1:] & ~seen.blinks[0, :-1])
    assert seen.blinks.shape == (1, 500) and 3 <= len(begins) <= 10 and 0.03 < seen.blinks.mean() < 0.3
    assert not seen.parted.any(), "a listener's lips are shut"
    assert np.abs(np.diff(seen.turned, axis=1)).max() > 1e-3
