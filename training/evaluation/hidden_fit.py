"""The fit of the classifier's hidden units and of its units on single frames."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import dropout

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import N_LABELS
from ecoface_model.speech_encoder import EmotionEncoder
from training.evaluation.classifier_views import View
from training.objectives.emotion import label_loss

STEPS, N_CLIPS, N_FRAMES = 1800, 96, 40
"""Of the fit: usual steps, clips a step, frames with speech that are drawn of each; ours. Frames drawn anew
keep the means of clips from being learned by heart: a corpus that was never heard is named better."""
LEARNING_RATE, WEIGHT_DECAY, SMOOTHING = 1e-3, 1e-2, 0.1
"""Of AdamW, and of the labels; ours."""
MEAN_DROPOUT, FRAME_DROPOUT, UNIT_DROPOUT, HIDDEN_DROPOUT = 0.3, 0.15, 0.3, 0.5
"""Of the mean row, of all frames' rows alike, of the mean of the frames' units, and of hidden units; ours."""
UNIT_GAIN = 2.0
"""Of the mean of the frames' units, which differ less from clip to clip than rows do; ours."""
N_MEASURED = 2000
"""Clips of which middle and spread of mean rows are measured."""
N_NETWORKS = 2
"""Networks that are fitted apart, each with its share of the units, and whose logits are averaged: they err
elsewhere."""


def fit_hidden(
    encoder: EmotionEncoder, classifier: EmotionClassifier, views: Sequence[View], seed: int, n_steps: int
) -> None:
    """Fit all layers that take rows, from random weights: some networks apart, which become one.

    Raises:
        ValueError: if the networks cannot share the units evenly.
    """
    sizes = classifier.hidden_dim, classifier.frame_units
    expect_shared_evenly(*sizes)
    n_hidden, n_units = (size // N_NETWORKS for size in sizes)
    fitted = []
    for number in range(N_NETWORKS):
        clips = _Clips(encoder, views, N_NETWORKS * seed + number)
        fitted.append(_fitted(clips, n_hidden, n_units, N_NETWORKS * seed + number, n_steps))
    _put_together(fitted, classifier)


def _fitted(clips: "_Clips", n_hidden: int, n_units: int, seed: int, n_steps: int) -> "_RowLayers":
    """One network."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        layers = _RowLayers(n_hidden, n_units, *clips.statistics())
        optimizer = torch.optim.AdamW(layers.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, n_steps)
        for _ in range(n_steps):
            chosen = clips.drawn(N_CLIPS)
            logits = layers(*clips.frames(chosen), len(chosen))
            loss = label_loss(logits, *clips.labelled(chosen), SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return layers


def expect_shared_evenly(hidden_dim: int, frame_units: int) -> None:
    """What a run asks before it trains for long.

    Raises:
        ValueError: if the networks cannot share so many units evenly.
    """
    if hidden_dim % N_NETWORKS or frame_units % N_NETWORKS:
        raise ValueError(
            f"expected hidden_dim and frame_units in multiples of {N_NETWORKS}, found {hidden_dim} and "
            f"{frame_units}"
        )


class _Clips:
    """Clips of all views, drawn as often as they count."""

    def __init__(self, encoder: EmotionEncoder, views: Sequence[View], seed: int) -> None:
        self._encoder, self._rng = encoder, np.random.default_rng(seed)
        self._places = [(view, place) for view in views for place in range(len(view.weight))]
        weight = torch.cat([view.weight for view in views]).double().numpy()
        self._share = weight / weight.sum()
        labels = zip(*(view.labels() for view in views), strict=True)
        self._emotion, self._intensity, self._known = (torch.cat(each) for each in labels)

    def drawn(self, n: int) -> NDArray[np.int64]:
        """Places of so many clips."""
        places: NDArray[np.int64] = self._rng.choice(len(self._places), n, p=self._share)
        return places

    def labelled(self, chosen: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Emotion, intensity, and whether that is known, of these clips."""
        return self._emotion[chosen], self._intensity[chosen], self._known[chosen]

    def frames(self, chosen: NDArray[np.int64]) -> tuple[Float[Tensor, "frames row"], Int[Tensor, " frames"]]:
        """Some frames with speech of each of these clips, and which of them they are of."""
        found = [self._frames(place) for place in chosen]
        owners = [torch.full((len(rows),), number) for number, rows in enumerate(found)]
        return torch.cat(found), torch.cat(owners)

    def statistics(self) -> tuple[Float[Tensor, " row"], Float[Tensor, " row"]]:
        """Mean and standard deviation of clips' mean rows."""
        means = torch.stack([self._frames(place).mean(dim=0) for place in self.drawn(N_MEASURED)])
        return means.mean(dim=0), means.std(dim=0) + 1e-3

    def _frames(self, place: np.int64) -> Float[Tensor, "frames row"]:
        view, number = self._places[place]
        return view.frames(self._encoder, number, N_FRAMES, self._rng)


class _RowLayers(nn.Module):
    """The classifier's layers of rows while they are fitted: mean rows at one spread, much of all dropped."""

    def __init__(
        self, n_hidden: int, n_units: int, middle: Float[Tensor, " row"], spread: Float[Tensor, " row"]
    ) -> None:
        super().__init__()
        n_rows = len(middle)
        self.middle, self.spread = middle, spread
        self.mean_to_hidden = nn.Linear(n_rows, n_hidden)
        self.hidden_to_labels = nn.Linear(n_hidden, N_LABELS)
        if n_units:
            self.frame_to_units = nn.Linear(n_rows, n_units)
            self.units_to_hidden = nn.Linear(n_units, n_hidden, bias=False)
        self._n_units = n_units

    def forward(
        self, rows: Float[Tensor, "frames row"], owner: Int[Tensor, " frames"], n_clips: int
    ) -> Float[Tensor, "clips 15"]:
        """Logits of clips, from some frames of each."""
        mean = _means(rows, owner, n_clips)
        hidden = self.mean_to_hidden(dropout((mean - self.middle) / self.spread, MEAN_DROPOUT))
        if self._n_units:
            kept = dropout(torch.ones(rows.shape[1]), FRAME_DROPOUT)
            units = self.frame_to_units(rows * kept).relu()
            told = UNIT_GAIN * dropout(_means(units, owner, n_clips), UNIT_DROPOUT)
            hidden = hidden + self.units_to_hidden(told)
        logits: Tensor = self.hidden_to_labels(dropout(hidden.relu(), HIDDEN_DROPOUT))
        return logits


@torch.no_grad()
def _put_together(networks: Sequence[_RowLayers], classifier: EmotionClassifier) -> None:
    """Units side by side, logits averaged; spread and gain become part of the weights."""
    share = 1 / len(networks)
    folded = [folded_layer(each.mean_to_hidden, each.middle, each.spread) for each in networks]
    classifier.rows_to_hidden.weight.copy_(torch.cat([weight for weight, _ in folded]))
    classifier.rows_to_hidden.bias.copy_(torch.cat([bias for _, bias in folded]))
    last = [each.hidden_to_labels for each in networks]
    classifier.hidden_to_labels.weight.copy_(share * torch.cat([each.weight for each in last], dim=1))
    classifier.hidden_to_labels.bias.copy_(share * torch.stack([each.bias for each in last]).sum(dim=0))
    if classifier.frame_units:
        first = [each.frame_to_units for each in networks]
        classifier.rows_to_frame_units.weight.copy_(torch.cat([each.weight for each in first]))
        classifier.rows_to_frame_units.bias.copy_(torch.cat([each.bias for each in first]))
        weights = [UNIT_GAIN * each.units_to_hidden.weight for each in networks]
        between = torch.block_diag(*weights)  # type: ignore[no-untyped-call]
        classifier.frame_units_to_hidden.weight.copy_(between)


def _means(
    of_frames: Float[Tensor, "frames width"], owner: Int[Tensor, " frames"], n_clips: int
) -> Float[Tensor, "clips width"]:
    counts = torch.bincount(owner, minlength=n_clips)[:, None]
    return torch.zeros(n_clips, of_frames.shape[1]).index_add(0, owner, of_frames) / counts


def folded_layer(fitted: nn.Linear, middle: Tensor, spread: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias for inputs as they are, of a fit to them less their middle, over their spread."""
    weight = fitted.weight / spread
    return weight, fitted.bias - weight @ middle
