"""Pre-norm transformer layers, as in Whisper's encoder: shared by the content and the emotion encoder."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

UNSEEN = -30.0
"""Added to attention's logits of what is not seen: in float32 as good as minus infinity, whose exponentials
are denormal numbers, with which processors take three times as long."""


class TransformerLayer(nn.Module):
    """Self-attention, then a feed-forward network, each added to what came in."""

    def __init__(self, dim: int, n_heads: int, feedforward_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.attention_norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.attention_out = nn.Linear(dim, dim)
        self.feedforward_norm = nn.LayerNorm(dim)
        self.feedforward_in = nn.Linear(dim, feedforward_dim)
        self.feedforward_out = nn.Linear(feedforward_dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Float[Tensor, "batch steps dim"],
        seen: Bool[Tensor, "steps steps"] | Float[Tensor, "steps steps"] | None = None,
    ) -> Float[Tensor, "batch steps dim"]:
        """The same shape, each step informed by all others, or by those that its row of `seen` allows.

        Numbers in `seen` are added to attention's logits; they cost a graph half of what bools do.
        """
        x = x + self.dropout(self._attend(self.attention_norm(x), seen))
        hidden = gelu(self.feedforward_in(self.feedforward_norm(x)))  # (B, steps, feedforward)
        out: Tensor = x + self.dropout(self.feedforward_out(self.dropout(hidden)))
        return out

    def _attend(self, x: Tensor, seen: Tensor | None) -> Tensor:
        heads = self.query_key_value(x).unflatten(-1, (3, self.n_heads, -1))  # (B, steps, 3, heads, width)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (B, heads, steps, width)
        if seen is not None and seen.dtype != torch.bool:
            seen = seen.to(query.dtype)
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=seen)  # (B, heads, steps, width)
        out: Tensor = self.attention_out(mixed.transpose(1, 2).flatten(-2))  # (B, steps, dim)
        return out


def nearby(steps: int, reach: int, device: torch.device) -> Bool[Tensor, "steps steps"]:
    """Which steps lie within `reach` of each other."""
    position = torch.arange(steps, device=device)
    return (position[:, None] - position).abs() <= reach


def look_ahead_mask(steps: int, look_ahead: int, device: torch.device) -> Float[Tensor, "steps steps"]:
    """An additive attention mask, by which each step sees all before it and so many after it."""
    position = torch.arange(steps, device=device)
    return torch.where(position - position[:, None] <= look_ahead, 0.0, UNSEEN)
