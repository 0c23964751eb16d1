"""The poses in which a head is checked: what each asks of a face, as a motion and as speech. Pure numpy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..core.constants import INTENSITIES
from ..heads.coarticulation import SOUNDS
from ..heads.feelings import EMOTIONS
from ..heads.speech import Speech
from ..heads.visemes import Articulation

SAID = 0.8  # of a viseme: as loud speech has it


@dataclass(frozen=True)
class Pose:
    """One picture of the sheet."""

    title: str
    units: Mapping[str, float] = field(default_factory=dict)
    """ARKit's, of the reference head; both sides by one name."""
    phone: str = ""
    feeling: str = ""
    needs: tuple[str, ...] = ()
    """What a face must be able to show, in the words of `coverage`."""


POSES = (
    Pose("rest"),
    Pose("P", {"mouthPress": 0.25, "mouthRollLower": 0.1, "mouthRollUpper": 0.1}, "P",
         needs=("lip closing", "P B M")),
    Pose("F", {"jawOpen": 0.06, "mouthRollLower": 0.45, "mouthUpperUp": 0.25}, "F",
         needs=("rolled lip", "F V")),
    Pose("A", {"jawOpen": 0.55, "mouthLowerDown": 0.15}, "AA", "", ("jaw", "A")),
    Pose("O", {"jawOpen": 0.3, "mouthFunnel": 0.55, "mouthPucker": 0.2}, "AO", "", ("pucker", "O")),
    Pose("I", {"jawOpen": 0.1, "mouthStretch": 0.4, "mouthSmile": 0.25, "mouthLowerDown": 0.3,
               "mouthUpperUp": 0.15}, "IY", "", ("wide mouth", "I")),
    Pose("U", {"jawOpen": 0.08, "mouthPucker": 0.8, "mouthFunnel": 0.25}, "UW", "", ("pucker", "U")),
    Pose("blink", {"eyeBlink": 1.0}, needs=("blink",)),
    Pose("smile", {"mouthSmile": 0.8, "cheekSquint": 0.5}, "", "happy", ("smile", "joy")),
    Pose("frown", {"mouthFrown": 0.7, "browInnerUp": 0.8, "mouthShrugLower": 0.3}, "", "sad",
         ("frown", "inner brow", "sorrow")),
    Pose("anger", {"browDown": 1.0, "noseSneer": 0.5, "eyeSquint": 0.4, "mouthPress": 0.3}, "", "angry",
         ("lowered brow", "anger")),
)  # fmt: skip
TITLES = tuple(pose.title for pose in POSES)


def motion(names: tuple[str, ...], coefficients: np.ndarray) -> np.ndarray:
    """(poses, 53) of the reference head, by the coefficients (units, 53) of its units of these names."""
    weights = np.zeros((len(POSES), len(names)))
    for row, pose in zip(weights, POSES, strict=True):
        for unit, value in pose.units.items():
            row[[name.removesuffix("Left").removesuffix("Right") == unit for name in names]] = value
    return (weights @ coefficients).astype(np.float32)


def speech() -> Speech:
    """The same as what is said and felt."""
    n = len(POSES)
    weights, feelings = np.zeros((n, len(SOUNDS))), np.zeros((n, len(EMOTIONS)))
    closed, shut = np.zeros(n), np.ones(n)
    for number, pose in enumerate(POSES):
        if pose.phone == "P":
            closed[number] = 1.0
        elif pose.phone:
            weights[number, list(SOUNDS).index(pose.phone)], shut[number] = SAID, 0.0
        if pose.feeling:
            feelings[number, EMOTIONS.index(pose.feeling)] = len(INTENSITIES)  # as strong as it gets
    said = Articulation(weights, closed, shut)
    return Speech(said, feelings, closed, said.speaking)
