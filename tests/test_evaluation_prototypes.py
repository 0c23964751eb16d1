"""Means of held-out clips beside prototypes: told right where they are, and told apart where they are not."""

import torch

from ecoface_model.config import EMOTIONS
from training.evaluation_prototypes import KINDS, as_tables, compared

PROTOTYPES = torch.randn(len(EMOTIONS), 3, 16, generator=torch.Generator().manual_seed(0))


def features_of(kinds):
    """Two clips of each kind, whose mean is exactly the kind's prototype."""
    means = torch.stack([PROTOTYPES[EMOTIONS.index(name), level] for name, level in kinds])
    ways = torch.randn(means.shape, generator=torch.Generator().manual_seed(1))
    return torch.cat([means + ways, means - ways])


def test_means_that_are_the_prototypes_are_nearest_to_themselves():
    found = compared([*KINDS, *KINDS], features_of(KINDS), PROTOTYPES)
    assert [row.kind for row in found] == [row.nearest for row in found] == list(KINDS)
    assert all(row.n == 2 and abs(row.cosine - 1) < 1e-5 for row in found)
    assert "15 of 15 are nearest to their emotion" in as_tables({"heard": found})[0]


def test_clips_that_mean_something_else_are_found_out():
    meant, shown = [("happy", 1), ("sad", 2)], [("sad", 1), ("happy", 2)]
    found = compared([*meant, *meant], features_of(shown), PROTOTYPES)
    assert [row.nearest[0] for row in found] == ["sad", "happy"]
    assert all(row.cosine < 0.9 for row in found)
    assert "0 of 2 are nearest" in as_tables({"heard": found})[0]
