"""Visual emotion encoder: rendered faces -> how they look, 50 steps a second (Sec. 3.2, Eq. 3, Fig. 5b)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ecoface_model.config import FEATURES_PER_FRAME

WIDTHS = (64, 128, 256, 512)  # channels of ResNet-18's four stages, two blocks each


class VisualEmotion(nn.Module):
    """A 3D convolution over time and space, ResNet-18 on every frame, then interpolation from 25 to 50 Hz."""

    def __init__(self, feature_dim: int = 1024) -> None:
        super().__init__()
        self.front = nn.Sequential(
            nn.Conv3d(1, WIDTHS[0], (5, 7, 7), stride=(1, 2, 2), padding=(2, 3, 3), bias=False),
            nn.BatchNorm3d(WIDTHS[0]),
            nn.PReLU(WIDTHS[0]),
            nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(
                    before if first else width, width, stride=2 if first and width != WIDTHS[0] else 1
                )
                for before, width in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)
                for first in (True, False)
            )
        )
        self.out = nn.Linear(WIDTHS[-1], feature_dim)

    def forward(
        self, faces_rendered: Float[Tensor, "batch frames 1 128 128"]
    ) -> Float[Tensor, "batch 2*frames feature"]:
        """Features of grey pictures 0..1 at 25 Hz, one at and one between the frames."""
        batch = len(faces_rendered)
        x = self.front(faces_rendered.transpose(1, 2))  # (B, 64, T, 32, 32)
        x = self.blocks(x.transpose(1, 2).flatten(0, 1))  # (B T, 512, 4, 4)
        features = self.out(x.mean(dim=(2, 3))).unflatten(0, (batch, -1))  # (B, T, F)
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
            nn.Sequential(nn.Conv2d(in_dim, out_dim, 1, stride=stride, bias=False), nn.BatchNorm2d(out_dim))
            if in_dim != out_dim
            else nn.Identity()
        )

    def forward(self, x: Float[Tensor, "batch in height width"]) -> Float[Tensor, "batch out rows columns"]:
        """Halves height and width where the stride is 2."""
        inner = self.activation1(self.norm1(self.conv1(x)))
        out: Tensor = self.activation2(self.norm2(self.conv2(inner)) + self.shortcut(x))
        return out
