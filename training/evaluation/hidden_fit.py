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

STEPS, N_CLIPS, N_FRAMES = 2500, 96, 40
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


def fit_hidden(
    encoder: EmotionEncoder, classifier: EmotionClassifier, views: Sequence[View], seed: int, n_steps: int
) -> None:
    """Fit all layers that take rows, from random weights."""
    clips = _Clips(encoder, views, seed)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        layers = _RowLayers(classifier, *clips.statistics())
        optimizer = torch.optim.AdamW(layers.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, n_steps)
        for _ in range(n_steps):
            chosen = clips.drawn(N_CLIPS)
            logits = layers(*clips.frames(chosen), len(chosen))
            loss = label_loss(logits, *(each[chosen] for each in clips.labels), SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    layers.put_into(classifier)


class _Clips:
    """Clips of all views, drawn as often as they count."""

    def __init__(self, encoder: EmotionEncoder, views: Sequence[View], seed: int) -> None:
        self._encoder, self._rng = encoder, np.random.default_rng(seed)
        self._places = [(view, place) for view in views for place in range(len(view.weight))]
        weight = torch.cat([view.weight for view in views]).double().numpy()
        self._share = weight / weight.sum()
        self.labels = [torch.cat(each) for each in zip(*(view.labels() for view in views), strict=True)]

    def drawn(self, n: int) -> NDArray[np.int64]:
        """Places of so many clips."""
        places: NDArray[np.int64] = self._rng.choice(len(self._places), n, p=self._share)
        return places

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
        self, classifier: EmotionClassifier, middle: Float[Tensor, " row"], spread: Float[Tensor, " row"]
    ) -> None:
        super().__init__()
        n_rows, n_units, n_hidden = len(middle), classifier.frame_units, classifier.hidden_dim
        self._middle, self._spread = middle, spread
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
        hidden = self.mean_to_hidden(dropout((mean - self._middle) / self._spread, MEAN_DROPOUT))
        if self._n_units:
            kept = dropout(torch.ones(rows.shape[1]), FRAME_DROPOUT)
            units = self.frame_to_units(rows * kept).relu()
            told = UNIT_GAIN * dropout(_means(units, owner, n_clips), UNIT_DROPOUT)
            hidden = hidden + self.units_to_hidden(told)
        logits: Tensor = self.hidden_to_labels(dropout(hidden.relu(), HIDDEN_DROPOUT))
        return logits

    @torch.no_grad()
    def put_into(self, classifier: EmotionClassifier) -> None:
        """Spread and gain become part of the weights."""
        take(classifier.rows_to_hidden, self.mean_to_hidden, self._middle, self._spread)
        classifier.hidden_to_labels.load_state_dict(self.hidden_to_labels.state_dict())
        if self._n_units:
            classifier.rows_to_frame_units.load_state_dict(self.frame_to_units.state_dict())
            classifier.frame_units_to_hidden.weight.copy_(UNIT_GAIN * self.units_to_hidden.weight)


def _means(
    of_frames: Float[Tensor, "frames width"], owner: Int[Tensor, " frames"], n_clips: int
) -> Float[Tensor, "clips width"]:
    counts = torch.bincount(owner, minlength=n_clips)[:, None]
    return torch.zeros(n_clips, of_frames.shape[1]).index_add(0, owner, of_frames) / counts


@torch.no_grad()
def take(layer: nn.Linear, fitted: nn.Linear, middle: Tensor, spread: Tensor) -> None:
    """What was fitted to inputs less their middle over their spread, as a layer of the inputs."""
    weight = fitted.weight / spread
    layer.weight.copy_(weight), layer.bias.copy_(fitted.bias - weight @ middle)
