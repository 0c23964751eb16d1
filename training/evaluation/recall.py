"""How often an emotion is heard as it was meant: recall, an interval over actors, listeners beside it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from numpy.typing import NDArray

from ecoface_model.core.constants import EMOTIONS
from training.evaluation.recognition import Recognised

N_DRAWN = 2000
"""Sets of actors of the bootstrap."""
PLAIN = ("neutral", "calm")
"""As what plain speech may be heard."""


@dataclass(frozen=True)
class NamedClips(Recognised):
    """Clips of some actors with what was meant, and the share of each emotion over the whole clip."""

    actors: Shaped[NDArray[Any], " clips"]

    @property
    def emotions(self) -> tuple[str, ...]:
        """Those that are meant, in EMOTIONS' order."""
        return tuple(EMOTIONS[place] for place in np.unique(self.meant))

    @property
    def n_actors(self) -> int:
        """How many people speak."""
        return len(np.unique(self.actors))

    def among(self, emotions: tuple[str, ...]) -> "NamedClips":
        """The same clips, where nothing but these emotions may be named; other shares are -1."""
        allowed = np.isin(EMOTIONS, emotions)
        return replace(self, shares=np.where(allowed, self.shares, np.float32(-1)))

    def of(self, chosen: Int[NDArray[Any], " chosen"]) -> "NamedClips":
        """Some of the clips."""
        return NamedClips(self.meant[chosen], self.shares[chosen], self.actors[chosen])

    @property
    def recall(self) -> dict[str, float]:
        """Share of the clips of each emotion meant that are named so."""
        right = self.found == self.meant
        return {name: float(right[self.meant == EMOTIONS.index(name)].mean()) for name in self.emotions}

    @property
    def confusion(self) -> Float[NDArray[Any], "8 8"]:
        """Shares of each emotion meant (rows) that got each name (columns); nan where nothing was meant."""
        counts = np.zeros((len(EMOTIONS), len(EMOTIONS)))
        np.add.at(counts, (self.meant, self.found), 1)
        with np.errstate(invalid="ignore"):
            shares: NDArray[Any] = counts / counts.sum(axis=1, keepdims=True)
        return shares

    @property
    def plain(self) -> float:
        """Share of the neutral clips that are named neutral or calm; nan without any."""
        named = self.found[self.meant == EMOTIONS.index("neutral")]
        return (
            float(np.isin(named, [EMOTIONS.index(name) for name in PLAIN]).mean()) if len(named) else np.nan
        )

    def interval(self, seed: int, n_drawn: int = N_DRAWN) -> tuple[float, float]:
        """Within which 95 % of the UARs lie of as many actors, drawn from these again; nan of a single actor.

        Clips of one actor are alike, so actors are drawn, each with all of their clips. An emotion that
        nobody drawn has acted does not count.
        """
        actors, place = np.unique(self.actors, return_inverse=True)
        if len(actors) < 2:
            return np.nan, np.nan
        right, clips = np.zeros((2, len(actors), len(EMOTIONS)))
        np.add.at(clips, (place, self.meant), 1)
        np.add.at(right, (place, self.meant), self.found == self.meant)
        drawn = np.random.default_rng(seed).integers(len(actors), size=(n_drawn, len(actors)))
        with np.errstate(invalid="ignore"):
            recalls = right[drawn].sum(axis=1) / clips[drawn].sum(axis=1)  # (drawn, emotions)
        low, high = np.percentile(np.nanmean(recalls, axis=1), [2.5, 97.5])
        return float(low), float(high)

    def scores(self, emotions: tuple[str, ...], seed: int) -> dict[str, Any]:
        """What the tables say of a way to name the clips of a corpus that has these emotions."""
        own = self.among(emotions)
        return {
            "clips": len(self.meant),
            "actors": self.n_actors,
            "uar": own.uar,
            "interval": own.interval(seed),
            "uar of all eight": self.uar,
            "interval of all eight": self.interval(seed),
            "neutral named neutral or calm": self.plain,
        }


def listeners_recall(
    meant: Int[NDArray[Any], " clips"], agreement: Float[NDArray[Any], " clips"]
) -> dict[str, float]:
    """By emotion: mean agreement with the actor of those who only heard the clips, where any was asked."""
    asked = ~np.isnan(agreement)
    return {
        EMOTIONS[place]: float(agreement[asked & (meant == place)].mean())
        for place in np.unique(meant[asked])
    }
