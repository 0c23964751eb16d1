"""EmotionStrength of upper face and mouth, apart."""

import numpy as np

from ecoface_model.core.head_file import read_head
from ecoface_model.postprocess.face_regions import upper_projection

HEAD = read_head()
PROJECTION = upper_projection(HEAD)


def moved(expression):
    """mm that brows and lids' corners, and the lips, are moved by an expression."""
    offsets = 1000 * HEAD.expression_directions.astype(np.float64) @ expression
    points = np.einsum("lc,lcx->lx", HEAD.landmark_barycentric, offsets[HEAD.faces[HEAD.landmark_faces]])
    return np.linalg.norm(points[17:27], axis=1).mean(), np.linalg.norm(points[48:], axis=1).mean()


def unit(name):
    return HEAD.arkit_coefficients[HEAD.arkit_names.index(name), :50]


def test_brows_are_of_the_upper_face_and_smiles_of_the_mouth():
    for name in ("browInnerUp", "browDownLeft", "browOuterUpRight"):
        brows, lips = moved(unit(name) @ PROJECTION)
        assert brows > 0.9 * moved(unit(name))[0] and lips < 0.15
    for name in ("mouthSmileLeft", "mouthPucker", "mouthFunnel", "mouthClose"):
        rest = unit(name) - unit(name) @ PROJECTION
        brows, lips = moved(rest)
        assert lips > 0.9 * moved(unit(name))[1] and brows < 0.1
