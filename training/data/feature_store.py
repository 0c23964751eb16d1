"""Features of a corpus on disk, as `training.features` wrote them: float16, mapped into memory."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.clips import CorpusError


class FeatureStore:
    """Features of one kind and variant, one row of `index` per clip."""

    def __init__(self, folder: Path, kind: str, variant: int) -> None:
        """Open a finished store.

        Raises:
            CorpusError: if it was not made yet, or is damaged.
        """
        index = folder / f"{kind}_{variant}.json"
        if not index.exists():
            raise CorpusError(
                f"expected features in {index}, found none: run `python -m training.features` first."
            )
        try:
            self.spans: dict[str, tuple[int, int]] = json.loads(index.read_text())
            steps = max(stop for _, stop in self.spans.values())
            data = np.memmap(index.with_suffix(".f16"), np.float16, "r")
            self.data = data.reshape(steps, -1)
        except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
            raise CorpusError(
                f"expected whole features in {index} and its .f16, found damaged ones; delete both and run "
                "`python -m training.features` again"
            ) from error

    def __getitem__(self, clip_id: str) -> NDArray[np.float16]:
        """(2T, F) of one clip."""
        start, stop = self.spans[clip_id]
        return self.data[start:stop]
