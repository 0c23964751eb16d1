"""FlameMotion: the 53 numbers of Eq. (1) per frame, head and eyes beside them; read and written as .npz."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .constants import EXPRESSION_DIM, FRAME_RATE, GAZE_DIM, HEAD_DIM, LONGEST, MOTION_DIM
from .errors import MotionError
from .npz import json_object, read_npz, write_npz


@dataclass(frozen=True)
class FlameMotion:
    """A face's motion; frame i stands at i / fps seconds.

    Raises:
        MotionError: if the motion is not (T, 53) finite numbers, or the rate is not positive.
    """

    motion: NDArray[np.float32]
    """(T, 53) float32: expression 0:50, unitless; jaw 50:53, axis-angle in radians."""
    fps: float = float(FRAME_RATE)
    metadata: dict[str, Any] = field(default_factory=dict)
    """head, style, emotion, seed, temperature, model (name, hash), source (file name), version; heard where
    the emotion was told from a voice; phones, the names of the columns below; notes on the sound and warnings
    of what could not be read of it, where there are any."""
    phones: NDArray[np.uint8] | None = None
    """(T, n) shares of the phones in each frame, 0 to 255, or None where nobody told them."""
    head: NDArray[np.float32] | None = None
    """(T, 3) FLAME's neck rotation, axis-angle in radians in the head's axes (x to the face's left, y up, z
    out of the face; positive x nods down), or None where the head does not move."""
    gaze: NDArray[np.float32] | None = None
    """(T, 2) where both eyes look, relative to the head: yaw to the face's left and pitch up, in radians; or
    None where they look ahead."""

    def __post_init__(self) -> None:
        if self.motion.ndim != 2 or self.motion.shape[1] != MOTION_DIM or len(self.motion) == 0:
            raise MotionError(f"expected motion of shape (frames, {MOTION_DIM}), found {self.motion.shape}")
        if not np.isfinite(self.motion).all():
            raise MotionError(
                "expected finite numbers in the motion, found NaN or infinity; generate it again"
            )
        if not 0 < self.fps < float("inf"):
            raise MotionError(f"expected a frame rate above 0, found {self.fps}")
        if self.seconds > LONGEST:
            raise MotionError(
                f"expected a motion of at most {LONGEST // 3600} hours, found {self.n_frames} frames at "
                f"{self.fps:g} a second; correct its rate, or cut it"
            )
        if self.phones is not None and (self.phones.ndim != 2 or len(self.phones) != len(self.motion)):
            raise MotionError(
                f"expected phones of {len(self.motion)} frames, found {self.phones.shape}; generate it again"
            )
        for name, curves, width in (("head", self.head, HEAD_DIM), ("gaze", self.gaze, GAZE_DIM)):
            if curves is None:
                continue
            if curves.shape != (len(self.motion), width) or not np.isfinite(curves).all():
                raise MotionError(
                    f"expected finite {name} of shape ({len(self.motion)}, {width}), found {curves.shape}"
                    f"{'' if np.isfinite(curves).all() else ' with NaN or infinity'}; generate it again"
                )

    @property
    def expression(self) -> NDArray[np.float32]:
        """psi: (T, 50)."""
        return self.motion[:, :EXPRESSION_DIM]

    @property
    def jaw(self) -> NDArray[np.float32]:
        """theta^jaw: (T, 3) axis-angle in radians."""
        return self.motion[:, EXPRESSION_DIM:]

    @property
    def n_frames(self) -> int:
        """T."""
        return len(self.motion)

    @property
    def seconds(self) -> float:
        """Length in time; every frame lasts 1 / fps."""
        return self.n_frames / self.fps

    def resample(self, fps: float) -> "FlameMotion":
        """The same motion at another rate, linear in time; after the last frame it holds."""
        if not 0 < fps < float("inf"):
            raise MotionError(f"expected a frame rate above 0 to resample to, found {fps}")
        if fps == self.fps:
            return self
        position = np.arange(max(1, round(self.seconds * fps))) * (self.fps / fps)
        before = np.minimum(position.astype(int), self.n_frames - 1)
        after = np.minimum(before + 1, self.n_frames - 1)
        share = (position - before).clip(0, 1)[:, None]

        def between(curves: NDArray[Any]) -> NDArray[np.float32]:
            mixed: NDArray[np.float32] = curves[before] * (1 - share) + curves[after] * share
            return mixed.astype(np.float32)

        return FlameMotion(
            between(self.motion),
            float(fps),
            self.metadata,
            None if self.phones is None else np.round(between(self.phones)).astype(np.uint8),
            None if self.head is None else between(self.head),
            None if self.gaze is None else between(self.gaze),
        )

    def write(self, path: Path | str, **beside: NDArray[Any]) -> None:
        """Write the .npz, whole or not at all, with other arrays beside the motion if some are given.

        Raises:
            RequestError: if it cannot be written there.
        """
        text = json.dumps(self.metadata, ensure_ascii=False, sort_keys=True)
        own = {"motion": self.motion.astype(np.float32), "fps": float(self.fps), "metadata": np.array(text)}
        more = {"phones": self.phones, "head": self.head, "gaze": self.gaze}
        given = {name: curves for name, curves in more.items() if curves is not None}
        write_npz(Path(path), own | given | beside)

    @classmethod
    def read(cls, path: Path | str) -> "FlameMotion":
        """Read an .npz of `write`.

        Raises:
            MotionError: if it is missing, damaged, or no motion.
        """
        path = Path(path)
        if not path.is_file():
            raise MotionError(
                f"expected a motion file at {path}, found none; make one with `ecoface generate`"
            )
        try:
            arrays = read_npz(path, ("motion", "fps", "metadata"))
            motion, fps = arrays["motion"].astype(np.float32), float(arrays["fps"])
            metadata = json_object(str(arrays["metadata"]))
            phones = arrays["phones"].astype(np.uint8) if "phones" in arrays else None
            head, gaze = (
                arrays[name].astype(np.float32) if name in arrays else None for name in ("head", "gaze")
            )
        except (TypeError, ValueError) as error:
            raise MotionError(
                f"expected a motion .npz of EcoFace in {path.name}, found something else or a damaged file;"
                " make it again with `ecoface generate`"
            ) from error
        return cls(motion, fps, metadata, phones, head, gaze)


def check_head(motion: FlameMotion, head: str) -> None:
    """See that a motion is applied to the head of the name that it belongs to.

    Raises:
        MotionError: if it belongs to another one.
    """
    owner = motion.metadata.get("head", head)
    if owner != head:
        raise MotionError(
            f"expected a motion for the head '{head}', found one for '{owner}';"
            " use it with its own head, or transfer it first"
        )
