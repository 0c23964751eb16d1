"""Held-out references beside labels: told right where they agree, told apart where not, surer when longer."""

from collections.abc import Sequence

import numpy as np
from acted_corpus import clip_row
from tiny_model import tiny_prototypes

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from training.evaluation.held_out import HeldOut
from training.evaluation.prototypes import KINDS, as_tables, by_number, compared

PROTOTYPES = tiny_prototypes().numpy()
Kind = tuple[str, int]


def clip(kind: Kind, number: int) -> HeldOut:
    row = clip_row(number, "test", kind[0], INTENSITIES[max(kind[1], 1) - 1], "anna")
    return HeldOut(row, np.zeros(640, np.float32), (), np.zeros((1, 53), np.float32))


def of_label(kind: Kind) -> np.ndarray:
    return PROTOTYPES[EMOTIONS.index(kind[0]), kind[1]]


def mean_of(features: dict[str, np.ndarray]):
    """What takes clips in: the mean of what each of them means."""

    def takes_in(part: Sequence[HeldOut]) -> np.ndarray:
        return np.stack([features[one.row.id] for one in part]).mean(axis=0)

    return takes_in


def test_references_that_mean_their_label_are_nearest_to_it():
    clips = [clip(kind, 2 * number + copy) for number, kind in enumerate(KINDS) for copy in range(2)]
    found = compared(clips, mean_of({one.row.id: of_label(one.kind) for one in clips}), PROTOTYPES)
    assert [row.kind for row in found] == [row.nearest for row in found] == list(KINDS)
    assert all(row.n == 2 and abs(row.cosine - 1) < 1e-5 for row in found)
    assert by_number(found) == {1: 1.0, 2: 1.0}
    assert "15 of 15 kinds are nearest to their emotion" in as_tables({"heard": found})[0]


def test_clips_that_mean_something_else_are_found_out():
    happy, sad = clip(("happy", 1), 0), clip(("sad", 2), 1)
    meant = {happy.row.id: of_label(("sad", 1)), sad.row.id: of_label(("happy", 2))}
    found = compared([happy, sad], mean_of(meant), PROTOTYPES)
    assert [row.nearest[0] for row in found] == ["sad", "happy"]
    assert all(row.cosine < 0.9 for row in found) and by_number(found) == {1: 0.0}
    assert "0 of 2 kinds are nearest" in as_tables({"heard": found})[0]


def test_what_one_clip_leaves_open_two_can_tell():
    own, other = of_label(KINDS[3]), of_label(KINDS[9])
    clips = [clip(KINDS[3], 0), clip(KINDS[3], 1)]
    meant = {clips[0].row.id: own, clips[1].row.id: np.float32(0.35) * own + np.float32(0.65) * other}
    (row,) = compared(clips, mean_of(meant), PROTOTYPES)
    assert row.by_number == {1: 0.5, 2: 1.0} and by_number([row]) == row.by_number
    assert "| 1 clip | 2 clips |" in as_tables({"heard": [row]})[1]
