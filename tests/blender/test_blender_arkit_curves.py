"""ARKit's curves in Blender: as the library computes them, in half the time."""

import numpy as np
import pytest
from blender_support import REFERENCE_HEAD, empty_blend, small_head, talking_motion

from ecoface_blender.core.arkit import ArkitUnits
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.export import shape_keys
from ecoface_blender.heads import own_head as heads


def test_the_curves_are_those_of_double_precision():
    units, motion = ArkitUnits.of(heads.load_head(REFERENCE_HEAD)), talking_motion(20)
    curves = units.curves(motion, single=True)
    assert curves.shape == (20, 52) and curves.min() >= 0 and curves.max() <= 1
    np.testing.assert_allclose(curves, units.curves(motion), atol=1e-3)


def test_a_head_without_units_is_refused():
    context, arrays = empty_blend(), small_head()
    head = heads.add_head(context, arrays, "Anna")
    sentence = r"^Expected ARKit units with the head 'small head', found none; use EcoFace's own head\.$"
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        shape_keys.arkit_curves(head, talking_motion(2), arrays)
