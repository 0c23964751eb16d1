"""Grey faces of a corpus on disk, as `training.faces` rendered them: bytes, mapped into memory."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from training.data.clips import CorpusError

INDEX, PIXELS = "faces.json", "faces.u8"


@dataclass(frozen=True)
class Piece:
    """Faces of one clip from a frame on."""

    start: int
    """The clip's frame that the first face shows."""
    faces: UInt8[NDArray[np.uint8], "frames size size"]


class FaceStore:
    """The faces of a corpus, by clip."""

    def __init__(self, folder: Path) -> None:
        """Open a finished store.

        Raises:
            CorpusError: if it was not made yet, or is damaged.
        """
        if not (folder / INDEX).is_file():
            raise CorpusError(
                f"expected rendered faces in {folder}, found none: run `python -m training.faces` first."
            )
        try:
            index = json.loads((folder / INDEX).read_text())
            self.image_size: int = index["image_size"]
            self.places: dict[str, tuple[int, int, int]] = index["clips"]
            """Row of the first face, its frame in the clip, and how many there are."""
            pixels = np.memmap(folder / PIXELS, np.uint8, "r")
            self.pixels = pixels.reshape(-1, self.image_size, self.image_size)
        except (KeyError, OSError, RecursionError, TypeError, ValueError) as error:
            raise CorpusError(
                f"expected whole faces in {folder}, found damaged ones; delete the folder and run "
                "`python -m training.faces` again"
            ) from error

    def __contains__(self, clip_id: object) -> bool:
        return clip_id in self.places

    def __getitem__(self, clip_id: str) -> Piece:
        row, start, n_frames = self.places[clip_id]
        return Piece(start, self.pixels[row : row + n_frames])
