"""Which skin lines the mouth, by a strip of triangles from the face over a lip into the mouth."""

import numpy as np

from ecoface_model.core.head_file import read_head
from ecoface_model.core.within_mouth import within_mouth

NAMES = ("skin", "lips", "mouth")
STRIP = np.stack([np.arange(6), np.arange(1, 7), np.arange(2, 8)], axis=1)  # vertex 0 outside, 7 within


def test_what_is_shown_as_lips_behind_them_is_within_the_mouth():
    inside = within_mouth(STRIP, np.array([0, 1, 1, 1, 1, 2]), NAMES, np.array([2, 3, 4]))
    assert inside.tolist() == [3, 4, 5, 6, 7]  # with the rim of the triangles that reach in


def test_lips_that_end_where_the_mouth_begins_reach_in_nowhere():
    inside = within_mouth(STRIP, np.array([0, 1, 1, 2, 2, 2]), NAMES, np.array([2, 3, 4]))
    assert inside.tolist() == [3, 4, 5, 6, 7]


def test_a_head_without_such_materials_has_none():
    assert not len(within_mouth(STRIP, np.zeros(6, dtype=int), ("skin",), np.array([2])))


def test_the_reference_head_s_mouth_lies_behind_the_front_of_its_lips():
    file = read_head()
    inside = within_mouth(file.faces, file.material, file.material_names, file.masks["lips"])
    front = file.v_template[file.masks["lips"], 2].max()
    assert 700 < len(inside) < 1000 and file.v_template[inside, 2].max() < front - 0.002
