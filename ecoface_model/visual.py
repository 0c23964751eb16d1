"""Visual emotion encoder: rendered faces -> how they look, 50 steps a second (Sec. 3.2, Eq. 3, Fig. 5b)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ecoface_model.config import VisualConfig
from ecoface_model.core.constants import FEATURES_PER_FRAME


class VisualEmotion(nn.Module):
    """A 3D convolution over time and space, ResNet-18 on every frame, then interpolation from 25 to 50 Hz.

    Deviation: features are layer-normalised, as the audio encoder's are, so that both have one size.
    """

    def __init__(self, config: VisualConfig) -> None:
        super().__init__()
        first, last = config.widths[0], config.widths[-1]
        self.front = nn.Sequential(
            nn.Conv3d(1, first, (5, 7, 7), stride=(1, 2, 2), padding=(2, 3, 3), bias=False),
            nn.BatchNorm3d(first),
            nn.PReLU(first),
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)  # a frame at a time, as (1, 3, 3) over time does
        stages = zip((first, *config.widths), config.widths, (1, 2, 2, 2), strict=False)
        self.blocks = nn.Sequential(
            *(
                block
                for before, width, stride in stages
                for block in (ResidualBlock(before, width, stride), ResidualBlock(width, width, 1))
            )
        )
        self.out = nn.Linear(last, config.feature_dim)
        self.norm = nn.LayerNorm(config.feature_dim)

    def forward(
        self, faces_rendered: Float[Tensor, "batch frames 1 size size"]
    ) -> Float[Tensor, "batch 2*frames feature"]:
        """Features of grey pictures 0..1 at 25 Hz: steps 2k and 2k + 1 stand around frame k."""
        batch = len(faces_rendered)
        x = self.front(faces_rendered.transpose(1, 2))  # (B, width, T, S/2, S/2)
        x = self.blocks(self.pool(x.transpose(1, 2).flatten(0, 1)))  # (B T, last, S/32, S/32)
        features = self.norm(self.out(x.mean(dim=(2, 3)))).unflatten(0, (batch, -1))  # (B, T, F)
        return interpolate(features.mT, scale_factor=FEATURES_PER_FRAME, mode="linear").mT  # (B, 2T, F)


class ResidualBlock(nn.Module):
    """ResNet-18's: two 3x3 convolutions, added to what came in."""

    def __init__(self, in_dim: int, out_dim: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_dim, out_dim, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_dim)
        self.activation1 = nn.PReLU(out_dim)
        self.conv2 = nn.Conv2d(out_dim, out_dim, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_dim)
        self.activation2 = nn.PReLU(out_dim)
        self.shortcut = (
            nn.Identity()
            if (in_dim, stride) == (out_dim, 1)
            else nn.Sequential(
                nn.Conv2d(in_dim, out_dim, 1, stride=stride, bias=False), nn.BatchNorm2d(out_dim)
            )
        )

    def forward(self, x: Float[Tensor, "batch in height width"]) -> Float[Tensor, "batch out rows columns"]:
        """Halves height and width where the stride is 2."""
        inner = self.activation1(self.norm1(self.conv1(x)))
        out: Tensor = self.activation2(self.norm2(self.conv2(inner)) + self.shortcut(x))
        return out
