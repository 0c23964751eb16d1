"""The sync-expert (App. A.3, Eq. 12): do these lips and this speech belong together?

It sees windows of 5 frames of the mouth's landmarks and of the 10 content steps spoken meanwhile.
`train_sync` trains it; `train_motion` holds the lips to it (third term of Eq. 11); the evaluation asks it, as
a judge of our own, whose numbers are never called LSE-D or LSE-C.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ecoface_model.core.atomic_write import atomic_write
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.core.errors import ModelFileError
from training.objectives.motion import masked_mean

MOUTH = slice(48, 68)  # of the 68 landmarks
MOUTH_DIM = 60  # 20 points, x, y, z
FRAMES = 5  # T_l
STEPS = FRAMES * FEATURES_PER_FRAME  # T_a
MAX_SHIFT = 15  # frames, SyncNet's
SMALLEST_NORM = 1e-6  # ε of Eq. (12)
OFF_ENDS = 0.01  # a probability stays this far off 0 and 1
GUESSING = math.log(2)  # Eq. (12) of an expert that always says 0.5


@dataclass(frozen=True, kw_only=True)
class SyncConfig:
    """Widths of the sync-expert (Fig. 7), all ours; the paper's size is content 1024 and embedding 512."""

    content_dim: int = 384
    hidden_dim: int = 192
    embedding_dim: int = 256


class SyncExpert(nn.Module):
    """Two stacks of convolutions, batch norm and ReLU, and the cosine between what comes out of them.

    The convolutions pad nothing, and take exactly one window to one embedding: so a whole clip gives the
    embeddings of all its windows at once. Embeddings end in a ReLU, so cosines are 0 to 1.
    """

    mouth_mean: Tensor  # (60,) metres
    mouth_std: Tensor  # (60,)
    content_mean: Tensor  # (F,)
    content_std: Tensor  # (F,)

    def __init__(self, config: SyncConfig) -> None:
        super().__init__()
        self.config = config
        self.held_out: dict[str, float] = {}
        """Scores on held-out clips, by name: "loss" (Eq. 12), "accuracy", ...; empty before training."""
        for name, dim in (("mouth", MOUTH_DIM), ("content", config.content_dim)):
            self.register_buffer(f"{name}_mean", torch.zeros(dim))
            self.register_buffer(f"{name}_std", torch.ones(dim))
        n, e = config.hidden_dim, config.embedding_dim
        self.mouth_encoder = nn.Sequential(
            *_block(MOUTH_DIM, n, 3), *_block(n, e, 3), *_block(e, e, 1), *_block(e, e, 1)
        )
        self.content_encoder = nn.Sequential(
            *_block(config.content_dim, n, FEATURES_PER_FRAME, stride=FEATURES_PER_FRAME),  # 50 Hz -> 25 Hz
            *_block(n, n, 3), *_block(n, e, 3), *_block(e, e, 1), *_block(e, e, 1),
        )  # fmt: skip

    def forward(
        self, mouth: Float[Tensor, "n 5 20 3"], content: Float[Tensor, "n 10 feature"]
    ) -> Float[Tensor, " n"]:
        """Eq. (12)'s cosine, 0 to 1: how probable it is that lips (metres) and content are in sync."""
        return cosine(self.embed_mouth(mouth)[:, 0], self.embed_content(content)[:, 0])

    def embed_mouth(
        self, mouth: Float[Tensor, "batch frames 20 3"]
    ) -> Float[Tensor, "batch frames-4 embedding"]:
        """Embeddings l of all windows of a clip; window t begins at frame t."""
        x = (mouth.flatten(2) - self.mouth_mean) / self.mouth_std  # (B, T, 60)
        embedding: Tensor = self.mouth_encoder(x.mT)  # (B, E, T-4)
        return embedding.mT

    def embed_content(
        self, content: Float[Tensor, "batch steps feature"]
    ) -> Float[Tensor, "batch steps//2-4 embedding"]:
        """Embeddings a of the content that is spoken in the same windows."""
        x = (content - self.content_mean) / self.content_std
        embedding: Tensor = self.content_encoder(x.mT)  # (B, E, T-4)
        return embedding.mT

    @property
    def better_than_guessing(self) -> bool:
        """Whether it learned anything: its held-out loss is below ln 2."""
        return self.held_out.get("loss", math.inf) < GUESSING

    def save(self, path: Path) -> None:
        """Write weights, config and held-out scores as one safetensors file."""
        metadata = {"config": json.dumps(asdict(self.config)), "held_out": json.dumps(self.held_out)}
        with atomic_write(path) as temporary:
            save_file({k: v.contiguous() for k, v in self.state_dict().items()}, temporary, metadata)

    @classmethod
    def load(cls, path: Path) -> "SyncExpert":
        """A trained expert, frozen, on the CPU.

        Raises:
            ModelFileError: if the file is missing or is no sync-expert.
        """
        if not path.is_file():
            raise ModelFileError(
                f"expected a sync-expert at {path}, found none; run `python -m training.train_sync` first."
            )
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            expert = cls(SyncConfig(**json.loads(metadata["config"])))
            expert.load_state_dict(state)
            expert.held_out = json.loads(metadata["held_out"])
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"expected a sync-expert in {path}, found a file that is damaged or of another kind "
                f"({str(error).splitlines()[0]}); train it again."
            ) from error
        return expert.eval().requires_grad_(False)


def _block(n_in: int, n_out: int, kernel: int, stride: int = 1) -> tuple[nn.Module, ...]:
    return nn.Conv1d(n_in, n_out, kernel, stride, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()


def cosine(
    mouth: Float[Tensor, "*batch embedding"], content: Float[Tensor, "*batch embedding"]
) -> Float[Tensor, "*batch"]:
    """a·l / max(|a| |l|, ε)."""
    norms = mouth.norm(dim=-1) * content.norm(dim=-1)
    alike: Tensor = (mouth * content).sum(-1) / norms.clamp_min(SMALLEST_NORM)
    return alike


def log_probability(cosine: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """log of a cosine squeezed into 0.01..0.99.

    Squeezed, not clamped: a clamp has no gradient just where the expert is most surely wrong.
    """
    return (OFF_ENDS + (1 - 2 * OFF_ENDS) * cosine).log()


def sync_loss(
    expert: SyncExpert,
    landmarks: Float[Tensor, "batch frames 68 3"],
    content: Float[Tensor, "batch 2*frames feature"],
    mask: Float[Tensor, "batch frames"],
) -> Float[Tensor, ""]:
    """-E[log D_sync], third term of Eq. (11), over windows without padding; its gradient is the landmarks'.

    Raises:
        ValueError: if the expert is not frozen, as `SyncExpert.load` gives it, or the clip has no window.
    """
    if expert.training or any(parameter.requires_grad for parameter in expert.parameters()):
        raise ValueError("expected a frozen sync-expert, found one in training; take it from SyncExpert.load")
    _refuse_short(landmarks.shape[1], FRAMES)
    with torch.no_grad():
        spoken = expert.embed_content(content)  # (B, T-4, E)
    seen = expert.embed_mouth(landmarks[:, :, MOUTH])  # (B, T-4, E)
    whole = mask.unfold(1, FRAMES, 1).amin(dim=-1)  # (B, T-4)
    return -masked_mean(log_probability(cosine(seen, spoken)), whole)


def shift_cosines(
    mouth: Float[Tensor, "windows embedding"], content: Float[Tensor, "windows embedding"]
) -> Float[Tensor, "31"]:
    """Mean cosine of each window with the content -15 to +15 frames later, over the windows that have one."""
    means = []
    for shift in range(-MAX_SHIFT, MAX_SHIFT + 1):
        early, late = max(0, -shift), max(0, shift)
        n = len(mouth) - abs(shift)
        means.append(cosine(mouth[early : early + n], content[late : late + n]).mean())
    return torch.stack(means)


@torch.no_grad()
def clip_shift_cosines(
    expert: SyncExpert, mouth: Float[Tensor, "frames 20 3"], content: Float[Tensor, "2*frames feature"]
) -> Float[Tensor, "31"]:
    """`shift_cosines` of one clip's lips (metres) and content.

    Raises:
        ValueError: if the clip is shorter than 20 frames.
    """
    _refuse_short(len(mouth), FRAMES + MAX_SHIFT)
    return shift_cosines(expert.embed_mouth(mouth[None])[0], expert.embed_content(content[None])[0])


def sync_confidence(
    expert: SyncExpert,
    landmarks: Float[Tensor, "frames 68 3"],
    content: Float[Tensor, "2*frames feature"],
) -> tuple[float, float]:
    """Distance and confidence of one clip, by SyncNet's protocol but our expert: not LSE-D and LSE-C.

    The distance of two windows is 1 - cosine, averaged over the clip at each shift of -15 to +15 frames; the
    least of them is the clip's distance (0 to 1, low is good), what the median has above it the confidence.

    Raises:
        ValueError: if the clip is shorter than 20 frames.
    """
    distances = 1 - clip_shift_cosines(expert, landmarks[:, MOUTH], content)
    least = distances.min()
    return float(least), float(distances.median() - least)


def _refuse_short(n_frames: int, wanted: int) -> None:
    if n_frames < wanted:
        raise ValueError(f"expected at least {wanted} frames, found {n_frames}; take a longer clip")
