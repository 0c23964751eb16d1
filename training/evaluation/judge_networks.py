"""Judges from elsewhere (Sec. 4.2), whose weights the user brings: SyncNet v2, the frame attention network.

Written from the papers; parameters bear the names that the published weights have, so that those load.
"""

from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ecoface_model.core.errors import EcoFaceError

FRAMES = 5
"""Pictures that SyncNet sees at once."""
FACE_SIZE = 224
"""Pixels of a picture's side, of both judges."""
_COUNTER = "num_batches_tracked"  # of batch normalisation; old files lack it, and judging does not use it

Judge = TypeVar("Judge", bound=nn.Module)


class JudgeFileError(EcoFaceError):
    """A file of a judge's weights is missing or holds something else."""


def read_judge(path: Path, judge: Judge) -> Judge:
    """Fill a judge with its weights, ready to judge.

    Raises:
        JudgeFileError: if the file is missing, is no .safetensors, or has the weights of another network.
    """
    name = type(judge).__name__
    if path.suffix != ".safetensors":
        raise JudgeFileError(
            f"expected a .safetensors file with the weights of {name}, found {path.name}; convert it first: "
            "torch.load with weights_only=True, then safetensors.torch.save_file of its state dict"
        )
    try:
        found = {key.removeprefix("module."): value.float() for key, value in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise JudgeFileError(
            f"expected the weights of {name} in {path}, found no file that can be read; "
            "check the path, or convert it again"
        ) from error
    own = judge.state_dict()
    counters = {key: value for key, value in own.items() if key.endswith(_COUNTER)}
    try:
        judge.load_state_dict(counters | found)
    except RuntimeError as error:
        raise JudgeFileError(
            f"expected the {len(own) - len(counters)} weights of {name} in {path.name}, found others "
            f"({str(error).splitlines()[-1].strip()}); give the file of that network"
        ) from error
    return judge.eval().requires_grad_(False)


def _flat(n_in: int, n_out: int, kernel: tuple[int, int], padding: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(n_in, n_out, kernel, padding=padding), nn.BatchNorm2d(n_out), nn.ReLU()]


def _spatial(
    n_in: int, n_out: int, kernel: tuple[int, int, int], stride: int, padding: int
) -> list[nn.Module]:
    convolution = nn.Conv3d(n_in, n_out, kernel, (1, stride, stride), (0, padding, padding))
    return [convolution, nn.BatchNorm3d(n_out), nn.ReLU()]


def _pool(padding: int) -> nn.Module:
    return nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, padding, padding))


def _embedding() -> nn.Sequential:
    return nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024))


class SyncNet(nn.Module):
    """SyncNet v2 (Chung and Zisserman 2016): five pictures and 0.2 s of sound -> 1024 numbers each."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_flat(1, 64, (3, 3)),
            nn.MaxPool2d(1, 1),
            *_flat(64, 192, (3, 3)),
            nn.MaxPool2d(3, (1, 2)),
            *_flat(192, 384, (3, 3)),
            *_flat(384, 256, (3, 3)),
            *_flat(256, 256, (3, 3)),
            nn.MaxPool2d(3, 2),
            *_flat(256, 512, (5, 4), padding=0),
        )
        self.netfcaud = _embedding()
        self.netcnnlip = nn.Sequential(
            *_spatial(3, 96, (FRAMES, 7, 7), 2, 0),
            _pool(0),
            *_spatial(96, 256, (1, 5, 5), 2, 1),
            _pool(1),
            *_spatial(256, 256, (1, 3, 3), 1, 1),
            *_spatial(256, 256, (1, 3, 3), 1, 1),
            *_spatial(256, 256, (1, 3, 3), 1, 1),
            _pool(0),
            *_spatial(256, 512, (1, 6, 6), 1, 0),
        )
        self.netfclip = _embedding()

    def hear(self, cepstra: Float[Tensor, "windows 20 13"]) -> Float[Tensor, "windows 1024"]:
        """Embeddings of 20 steps of `mfcc.mfcc`, 10 ms each."""
        x = self.netcnnaud(cepstra.mT[:, None])  # (N, 1, 13, 20) -> (N, 512, 1, 1)
        out: Tensor = self.netfcaud(x.flatten(1))
        return out

    def see(self, faces: Float[Tensor, "windows 5 224 224 3"]) -> Float[Tensor, "windows 1024"]:
        """Embeddings of five pictures at 25 Hz, blue, green, red from 0 to 255."""
        x = self.netcnnlip(faces.movedim(-1, 1))  # (N, 3, 5, 224, 224) -> (N, 512, 1, 1, 1)
        out: Tensor = self.netfclip(x.flatten(1))
        return out


class _Block(nn.Module):
    """ResNet-18's: two 3x3 convolutions, added to what came in."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample: nn.Module = nn.Identity()
        if n_in != n_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, x: Float[Tensor, "n in height width"]) -> Float[Tensor, "n out rows columns"]:
        """Halves height and width where the stride is 2."""
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        out: Tensor = (inner + self.downsample(x)).relu()
        return out


class FrameAttention(nn.Module):
    """Frame attention network (Meng et al. 2019): ResNet-18 of every frame, weighed twice by attention."""

    N_CLASSES = 7

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(_Block(64, 64, 1), _Block(64, 64, 1))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128, 1))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256, 1))
        self.layer4 = nn.Sequential(_Block(256, 512, 2), _Block(512, 512, 1))
        self.alpha = nn.Sequential(nn.Linear(512, 1), nn.Sigmoid())
        self.beta = nn.Sequential(nn.Linear(1024, 1), nn.Sigmoid())
        self.pred_fc1 = nn.Linear(512, self.N_CLASSES)
        self.pred_fc2 = nn.Linear(1024, self.N_CLASSES)

    def frames(self, faces: Float[Tensor, "n 224 224 3"]) -> Float[Tensor, "n 512"]:
        """Features of single pictures, red, green, blue from 0 to 1."""
        x = self.maxpool(self.bn1(self.conv1(faces.movedim(-1, 1))).relu())  # (N, 64, 56, 56)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (N, 512, 7, 7)
        out: Tensor = x.mean(dim=(2, 3))
        return out

    def forward(self, faces: Float[Tensor, "frames 224 224 3"]) -> Float[Tensor, "1024"]:
        """The feature of a clip, before its classifier: sum of alpha beta [f; f'] over sum of alpha beta.

        f' is the mean of the frames' features f weighed by self-attention alpha; beta, the
        relation-attention, sees each frame beside it.
        """
        f = self.frames(faces)  # (T, 512)
        alpha = self.alpha(f)  # (T, 1)
        anchor = (alpha * f).sum(dim=0) / alpha.sum()  # (512,)
        beside = torch.cat([f, anchor.expand_as(f)], dim=1)  # (T, 1024)
        weight = alpha * self.beta(beside)  # (T, 1)
        out: Tensor = (weight * beside).sum(dim=0) / weight.sum()
        return out
