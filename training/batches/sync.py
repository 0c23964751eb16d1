"""Batches for the sync-expert: windows of lips, what was said meanwhile, and what was said at another time.

Lips that look alike are no evidence: in a pause, or within a long vowel, content from another time fits just
as well. A wrong content whose own lips lie within `ALIKE` of the window's (each clip's mean mouth taken off,
since a smile says nothing of the time) is drawn again, and left out if none is found.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.flame import FlameHead
from training.data.clips import CorpusError, read_clip, read_manifest
from training.data.feature_store import FeatureStore
from training.objectives.sync_expert import FRAMES, MOUTH, STEPS

KINDS = ("other", "elsewhere", "shifted")
"""Where wrong content comes from: another clip, another place of the clip, 2 to 5 frames away."""
NEAREST_SHIFT, FARTHEST_SHIFT = 2, 5  # frames
ELSEWHERE = FARTHEST_SHIFT + 1  # frames away, at least
FEWEST_WINDOWS = 2 * ELSEWHERE  # of a clip: then every window has an "elsewhere" and a shift within it
ALIKE = 0.0005  # m, root mean square over 5 frames x 20 points


@dataclass(frozen=True, kw_only=True)
class NegativeShares:
    """How often wrong content comes from where; GeneFace's numbers."""

    other: float = 0.25
    elsewhere: float = 0.375
    shifted: float = 0.375

    def __post_init__(self) -> None:
        total = self.other + self.elsewhere + self.shifted
        if abs(total - 1) > 1e-6:
            raise ValueError(f"expected shares of negatives that add up to 1, found {total:g}")


@dataclass(frozen=True)
class SyncBatch:
    """Windows of lips in metres with right and wrong content."""

    mouth: Float[Tensor, "batch 5 20 3"]
    content: Float[Tensor, "batch 10 feature"]
    wrong_content: Float[Tensor, "batch 10 feature"]
    kind: Int[Tensor, " batch"]
    """Of the wrong content, an index into KINDS."""
    clear: Bool[Tensor, " batch"]
    """Whether the lips of the wrong content look unlike these."""
    ids: tuple[str, ...]
    """Of the windows' clips."""

    def part(self, rows: slice, device: torch.device) -> "SyncBatch":
        """Some rows of it, on a device."""
        tensors = {name: value[rows].to(device) for name, value in vars(self).items() if name != "ids"}
        return SyncBatch(**tensors, ids=self.ids[rows])


class SyncClips:
    """All windows of one split, numbered through: lips in memory (24 MB an hour), content mapped."""

    def __init__(self, corpus: Path, features: Path, split: str, n_variants: int, head: FlameHead) -> None:
        """Move the head through every clip.

        Raises:
            CorpusError: if a motion is missing, or fewer than two clips of the split are long enough.
        """
        rows = [row for row in read_manifest(corpus) if row.split == split]
        self.content = [FeatureStore(features, "content", variant) for variant in range(n_variants)]
        mouths, ids = [], []
        for row in rows:
            motion = read_clip(corpus, row).motion
            if motion is None:
                raise CorpusError(f"expected a motion for clip {row.id}, found none: make the motions first.")
            spans = [store.spans[row.id] for store in self.content]
            n_frames = min(len(motion), *((stop - start) // FEATURES_PER_FRAME for start, stop in spans))
            if n_frames >= FEWEST_WINDOWS + FRAMES - 1:
                mouths.append(_mouth(head, motion[:n_frames]))
                ids.append(row.id)
        if len(ids) < 2:
            raise CorpusError(
                f"expected two clips of a second or more in the split {split!r} of {corpus}, "
                f"found {len(ids)}; make a larger corpus."
            )
        self.ids = ids
        n_frames_each = np.array([len(mouth) for mouth in mouths])
        self.mouths = np.concatenate(mouths)  # (frames, 20, 3)
        self.moved = np.concatenate([mouth - mouth.mean(axis=0) for mouth in mouths])
        self.n_windows = n_frames_each - FRAMES + 1  # of each clip
        self.first = np.cumsum(self.n_windows) - self.n_windows  # window of each clip
        self.clip = np.repeat(np.arange(len(ids)), self.n_windows)  # of each window
        place = np.arange(len(self.clip)) - self.first[self.clip]
        self.frame = (np.cumsum(n_frames_each) - n_frames_each)[
            self.clip
        ] + place  # of each window, in mouths
        starts = [np.array([store.spans[clip_id][0] for clip_id in ids]) for store in self.content]
        self.step = [start[self.clip] + FEATURES_PER_FRAME * place for start in starts]  # in each store

    def statistics(self) -> dict[str, NDArray[np.float32]]:
        """Mean and deviation of lips and content, for the expert to normalise by."""
        lips = self.mouths.reshape(len(self.mouths), -1)
        content = np.concatenate([self.content[0][clip_id] for clip_id in self.ids[::7]]).astype(np.float32)
        return {
            "mouth_mean": lips.mean(axis=0),
            "mouth_std": np.maximum(lips.std(axis=0), 0.1 * lips.std(axis=0).max()),
            "content_mean": content.mean(axis=0),
            "content_std": content.std(axis=0) + 1e-3,
        }

    def batch(self, rng: np.random.Generator, size: int, shares: NegativeShares, n_tries: int) -> SyncBatch:
        """Random windows; right and wrong content of one are heard through the same recording.

        `n_tries`: how often content is drawn for a pair before it stays one whose lips look alike.
        """
        windows = rng.integers(len(self.clip), size=size)
        kinds = rng.choice(len(KINDS), size=size, p=[shares.other, shares.elsewhere, shares.shifted])
        wrong = np.zeros_like(windows)
        clear = np.zeros(size, bool)
        for _ in range(n_tries):
            again = np.flatnonzero(~clear)
            wrong[again] = self._elsewhen(rng, windows[again], kinds[again])
            clear[again] = self._difference(windows[again], wrong[again]) > ALIKE
        variant = rng.integers(len(self.content), size=size)
        return SyncBatch(
            mouth=torch.from_numpy(self.mouths[self._frames(windows)]),
            content=torch.from_numpy(self._content(windows, variant)),
            wrong_content=torch.from_numpy(self._content(wrong, variant)),
            kind=torch.from_numpy(kinds),
            clear=torch.from_numpy(clear),
            ids=tuple(self.ids[number] for number in self.clip[windows]),
        )

    def clips(self) -> list[tuple[Float[Tensor, "frames 20 3"], Float[Tensor, "steps feature"]]]:
        """Lips and unaugmented content of each whole clip."""
        out = []
        for number, clip_id in enumerate(self.ids):
            start, n_frames = self.frame[self.first[number]], self.n_windows[number] + FRAMES - 1
            content = self.content[0][clip_id][: FEATURES_PER_FRAME * n_frames].astype(np.float32)
            out.append((torch.from_numpy(self.mouths[start : start + n_frames]), torch.from_numpy(content)))
        return out

    def _elsewhen(
        self, rng: np.random.Generator, windows: NDArray[np.int64], kinds: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """A window for each whose content is wrong, as its kind says."""
        clip = self.clip[windows]
        first, n = self.first[clip], self.n_windows[clip]
        place = windows - first
        draw = rng.random(len(windows))
        # another clip: any window that is not of this one
        other = np.floor(draw * (len(self.clip) - n)).astype(np.int64)
        other = np.where(other >= first, other + n, other)
        # elsewhere: the places before, then the places after
        n_before = np.maximum(0, place - ELSEWHERE + 1)
        n_after = np.maximum(0, n - ELSEWHERE - place)
        far = np.floor(draw * (n_before + n_after)).astype(np.int64)
        far = first + np.where(far < n_before, far, far - n_before + place + ELSEWHERE)
        # shifted: to either side, or to the one where the clip goes on
        shift = rng.integers(NEAREST_SHIFT, FARTHEST_SHIFT + 1, size=len(windows))
        side = np.where(place < shift, 1, np.where(place + shift >= n, -1, np.where(draw < 0.5, 1, -1)))
        chosen: NDArray[np.int64] = np.choose(kinds, [other, far, windows + side * shift])
        return chosen

    def _difference(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
        """Root mean square distance in metres of two windows' lips, as moved from their clips' means."""
        between = self.moved[self._frames(a)] - self.moved[self._frames(b)]  # (N, 5, 20, 3)
        distance: NDArray[np.float32] = np.sqrt((between**2).sum(axis=-1).mean(axis=(1, 2)))
        return distance

    def _frames(self, windows: NDArray[np.int64]) -> NDArray[np.int64]:
        frames: NDArray[np.int64] = self.frame[windows][:, None] + np.arange(FRAMES)
        return frames  # (N, 5)

    def _content(self, windows: NDArray[np.int64], variant: NDArray[np.int64]) -> NDArray[np.float32]:
        """(N, 10, F), each from its own variant."""
        out = np.empty((len(windows), STEPS, self.content[0].data.shape[1]), np.float32)
        for number, store in enumerate(self.content):
            mine = np.flatnonzero(variant == number)
            out[mine] = store.data[self.step[number][windows[mine]][:, None] + np.arange(STEPS)]
        return out


@torch.inference_mode()
def _mouth(head: FlameHead, motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 20, 3) metres."""
    device = head.template.device
    mouth: NDArray[np.float32] = head.landmarks(torch.from_numpy(motion).to(device))[:, MOUTH].cpu().numpy()
    return mouth
