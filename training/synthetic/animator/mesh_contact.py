"""Contacts of the lips, solved on the actual head: closures really close, lips never cross.

Everything before works with weights; what those do to the gap between the lips is measured here through the
head's own landmarks, and mouthClose and mouthLowerDown are corrected until the gap is right.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray

from ecoface_model.core.constants import LOWER_LIDS, MOTION_DIM, UPPER_LIDS
from ecoface_model.core.head_file import FlameFile
from ecoface_model.flame import FlameHead
from ecoface_model.postprocess.lips import aperture
from training.synthetic.animator.articulation import Mouth
from training.synthetic.animator.channels import INDEX, columns, jaw_row, mixing_matrix

_CLOSED_GAP = -0.45  # mm, of P, B and M: airtight to the corners
_LEAST_GAP = -0.48  # mm; never below -0.5
_LABIODENTAL_GAP = 1.0  # mm between the lips when the lower one touches the upper teeth
_BILABIAL = {"roll_upper": 0.05, "roll_lower": 0.06, "shrug_lower": 0.1, "pucker": 0.18, "funnel": 0.04}
_BILABIAL_JAW = 1.0  # degrees
_LABIODENTAL = {"upper_lip_up": 0.8, "roll_lower": 0.65}
_LABIODENTAL_JAW = 1.5
_STEP = 0.02  # of a weight, to measure what it does
_ITERATIONS = 3
_NOTICED = 1e-3
_SHUT_EYE = -0.2  # mm between the lid landmarks of a shut eye
_MOST_SHUT = 0.72  # weight of eyeBlink above which this head's lid sags onto the cheek


@dataclass(frozen=True)
class Face:
    """A head as the animator uses it: controls in, frames of 53 and the gap between the lips out."""

    head: FlameHead
    mixing: Float[NDArray[Any], "channels 53"]
    jaw: Float[NDArray[Any], "53"]
    rest_gap: float
    """mm"""

    @staticmethod
    def of(file: FlameFile, asymmetry: float = 0.0) -> "Face":
        """The controls of a head that has ARKit units."""
        head = FlameHead.from_file(file)
        return Face(
            head,
            mixing_matrix(file.arkit_names, file.arkit_coefficients, asymmetry),
            jaw_row(file.arkit_names, file.arkit_coefficients),
            1000 * head.rest_lip_gap(),
        )

    def motion(
        self, weights: Float[NDArray[Any], "times channels"], jaw: Float[NDArray[Any], " times"]
    ) -> Float[NDArray[Any], "times 53"]:
        """Controls as frames."""
        frames: NDArray[Any] = weights @ self.mixing + jaw[:, None] * self.jaw
        assert frames.shape[1] == MOTION_DIM
        return frames

    def gap(
        self, weights: Float[NDArray[Any], "times channels"], jaw: Float[NDArray[Any], " times"]
    ) -> Float[NDArray[Any], " times"]:
        """mm between the lips, 0 where they just touch, negative where they cross."""
        motion = torch.from_numpy(self.motion(weights, jaw).astype(np.float32))
        with torch.inference_mode():
            gap = 1000 * aperture(self.head.landmarks(motion)) - self.rest_gap
        return gap.double().numpy()

    def blink(
        self, weights: Float[NDArray[Any], "times channels"], blinks: Float[NDArray[Any], " times"]
    ) -> Float[NDArray[Any], "times channels"]:
        """The same controls with the eyes shut as far as `blinks` (0..1) says, squinting or wide."""
        lid, wide = INDEX["eye_blink"], INDEX["eye_wide"]
        weights = weights.copy()
        weights[:, wide] *= 1 - blinks  # a wide eye does not shut
        active = blinks > _NOTICED
        if active.any():
            probe = np.zeros((1, weights.shape[1]))
            rest = self._eye(probe)
            probe[0, lid] = _MOST_SHUT
            slope = (self._eye(probe) - rest) / _MOST_SHUT
            shut = weights[active, lid] + (_SHUT_EYE - self._eye(weights[active])) / slope
            weights[active, lid] += blinks[active] * (np.minimum(shut, _MOST_SHUT) - weights[active, lid])
        return weights

    def _eye(self, weights: Float[NDArray[Any], "times channels"]) -> Float[NDArray[Any], " times"]:
        """mm between the lids, mean of both eyes."""
        motion = torch.from_numpy(self.motion(weights, np.zeros(len(weights))).astype(np.float32))
        with torch.inference_mode():
            height = 1000 * self.head.landmarks(motion)[..., 1].double().numpy()
        opening: NDArray[Any] = (height[:, UPPER_LIDS] - height[:, LOWER_LIDS]).mean(axis=1)
        return opening

    def solve(
        self,
        weights: Float[NDArray[Any], "times channels"],
        jaw: Float[NDArray[Any], " times"],
        channel: str,
        goal: Float[NDArray[Any], " times"] | float,
    ) -> Float[NDArray[Any], "times channels"]:
        """The same controls with one channel changed so that the gap is `goal` mm."""
        weights = weights.copy()
        column = INDEX[channel]
        for _ in range(_ITERATIONS):
            now = self.gap(weights, jaw)
            weights[:, column] += _STEP
            slope = (self.gap(weights, jaw) - now) / _STEP
            weights[:, column] += (goal - now) / slope - _STEP
        return weights


def make_contact(
    face: Face, mouth: Mouth
) -> tuple[Float[NDArray[Any], "times channels"], Float[NDArray[Any], " times"]]:
    """Weights and jaw with F, V, then P, B, M forced to touch, and the lips kept from crossing."""
    weights, jaw = _separate(face, mouth.weights, mouth.jaw)
    for gate, pose, degrees, goal in (
        (mouth.gate.labiodental, _LABIODENTAL, _LABIODENTAL_JAW, _LABIODENTAL_GAP),
        (mouth.gate.bilabial, _BILABIAL, _BILABIAL_JAW, _CLOSED_GAP),
    ):
        weights, jaw = _blend(face, weights, jaw, gate, pose, degrees, goal)
    return _separate(face, weights, jaw)


def _blend(
    face: Face,
    weights: Float[NDArray[Any], "times channels"],
    jaw: Float[NDArray[Any], " times"],
    gate: Float[NDArray[Any], " times"],
    pose: dict[str, float],
    degrees: float,
    goal: float,
) -> tuple[Float[NDArray[Any], "times channels"], Float[NDArray[Any], " times"]]:
    """Towards the pose of a contact as far as its gate is shut."""
    active = gate > _NOTICED
    if not active.any():
        return weights, jaw
    touching = weights[active].copy()
    touching[:, columns(("upper_lip_up", "lower_lip_down", "funnel", "mouth_close", "tongue_out"))] = 0
    touching[:, columns(("stretch", "smile"))] *= 0.7
    for name, weight in pose.items():
        touching[:, INDEX[name]] = np.maximum(touching[:, INDEX[name]], weight)
    held = np.full(len(touching), degrees)
    touching = face.solve(touching, held, "mouth_close", goal)
    share = gate[active]
    weights, jaw = weights.copy(), jaw.copy()
    weights[active] += share[:, None] * (touching - weights[active])
    jaw[active] += share * (held - jaw[active])
    return weights, jaw


def _separate(
    face: Face, weights: Float[NDArray[Any], "times channels"], jaw: Float[NDArray[Any], " times"]
) -> tuple[Float[NDArray[Any], "times channels"], Float[NDArray[Any], " times"]]:
    """Lips that would cross come apart by lowering the lower one."""
    crossing = face.gap(weights, jaw) < _LEAST_GAP
    if crossing.any():
        weights = weights.copy()
        weights[crossing] = face.solve(weights[crossing], jaw[crossing], "lower_lip_down", _LEAST_GAP + 0.05)
    return weights, jaw
