"""Normalisers: coefficients by the data set of a style, speech features by the training corpus."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .config import MotionGeneratorConfig


class StyleNormaliser(nn.Module):
    """Coefficients by the statistics of the data set that a style belongs to, since trackers differ in range.

    A face without a style has the first set's.
    """

    mean: Tensor
    std: Tensor
    sets: Tensor

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.n_sets, config.motion_dim))
        self.register_buffer("std", torch.ones(config.n_sets, config.motion_dim))
        self.register_buffer("sets", torch.eye(config.n_sets)[[0] * config.n_styles])

    def normalised(
        self, motion: Float[Tensor, "batch frames 53"], style: Float[Tensor, "batch styles"]
    ) -> Float[Tensor, "batch frames 53"]:
        """Coefficients as the networks see them: by the mean and deviation of the style's data set."""
        mean, std = self._statistics(style)
        return (motion - mean) / std

    def in_coefficients(
        self, motion: Float[Tensor, "batch frames 53"], style: Float[Tensor, "batch styles"]
    ) -> Float[Tensor, "batch frames 53"]:
        """The inverse of `normalised`."""
        mean, std = self._statistics(style)
        return motion * std + mean

    def _statistics(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation, (B, 1, 53) each."""
        sets = style @ self.sets  # (B, sets)
        missing = 1 - sets.sum(dim=1, keepdim=True)
        sets = torch.cat([sets[:, :1] + missing, sets[:, 1:]], dim=1)
        return (sets @ self.mean)[:, None], (sets @ self.std)[:, None]


class FeatureNormaliser(nn.Module):
    """Content and emotion as the networks see them."""

    content_mean: Tensor
    content_std: Tensor
    emotion_mean: Tensor
    emotion_std: Tensor

    def __init__(self, config: MotionGeneratorConfig) -> None:
        super().__init__()
        self.register_buffer("content_mean", torch.zeros(config.content_dim))
        self.register_buffer("content_std", torch.ones(config.content_dim))
        self.register_buffer("emotion_mean", torch.zeros(config.emotion_dim))
        self.register_buffer("emotion_std", torch.ones(config.emotion_dim))

    def content(self, content: Float[Tensor, "batch features content"]) -> Tensor:
        """Content, normalised."""
        return (content - self.content_mean) / self.content_std

    def emotion(self, emotion: Float[Tensor, "batch features emotion"]) -> Tensor:
        """Emotion, normalised."""
        return (emotion - self.emotion_mean) / self.emotion_std
