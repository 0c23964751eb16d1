"""Audio emotion encoders: waveform -> how it is said, 50 steps a second (Sec. 3.2, Fig. 5a)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from ecoface_model.config import FEATURE_RATE, EmotionConfig
from ecoface_model.content import SpeechEncoder
from ecoface_model.mel import MEL_RATE, N_MELS, LogMel
from ecoface_model.transformer import TransformerLayer, nearby

QUIET, LOUD = (
    -6.0,
    1.0,
)  # log10 of mel power, put to -1 and 1; what is quieter than a quiet room counts as one
POSITION_KERNEL = 31  # steps, 0.6 s: positions are told by a convolution, so that any length will do
REACH = 50  # steps, 1 s: how far attention looks to either side in each layer, about what it is trained on
DROPOUT = 0.1


class MelEmotion(SpeechEncoder):
    """A transformer on log-mel whose level is kept: loudness tells emotions apart.

    Attention is local, so that a sentence sounds the same alone and within a long recording of other moods
    (with global attention the right emotion was found half as often there).
    Deviation: the paper takes HuBERT's structure; this one is small enough to ship.
    """

    def __init__(self, config: EmotionConfig) -> None:
        super().__init__()
        dim = config.feature_dim
        self.log_mel = LogMel()
        self.conv1 = nn.Conv1d(N_MELS, dim, 3, padding=1)
        self.conv2 = nn.Conv1d(dim, dim, 3, stride=MEL_RATE // FEATURE_RATE, padding=1)
        self.positions = nn.Conv1d(
            dim, dim, POSITION_KERNEL, padding=POSITION_KERNEL // 2, groups=config.n_heads
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.layers = nn.ModuleList(
            TransformerLayer(dim, config.n_heads, config.feedforward_dim, DROPOUT)
            for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(dim)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 0"]:
        """Nothing of the whole clip: the level is the signal."""
        return waveform[:, :0]

    def forward(
        self,
        waveform: Float[Tensor, "batch samples"],
        measured: Float[Tensor, "batch 0"] | None = None,
    ) -> Float[Tensor, "batch steps feature"]:
        """Layer-normalised features, one step per 320 samples: (B, 2T, F) of 640 T samples."""
        return self.encode(self.log_mel(waveform))

    def encode(self, log_mel: Float[Tensor, "batch 80 mel_steps"]) -> Float[Tensor, "batch steps feature"]:
        """The network after its (fixed) spectrum, for those who computed that before."""
        level = 2 * (log_mel.clamp_min(QUIET) - QUIET) / (LOUD - QUIET) - 1  # (B, 80, 4T)
        x = gelu(self.conv2(gelu(self.conv1(level))))  # (B, F, 2T)
        x = self.dropout((x + gelu(self.positions(x))).mT)  # (B, 2T, F)
        seen = nearby(x.shape[1], REACH, x.device)
        for layer in self.layers:
            x = layer(x, seen)
        features: Tensor = self.norm(x)
        return features


def build_emotion(config: EmotionConfig, content: SpeechEncoder | None = None) -> SpeechEncoder:
    """The audio emotion encoder of a config, still random; shares HuBERT's frontend with `content`."""
    if config.kind == "hubert":
        from ecoface_model.hubert import HubertContent, HubertEmotion

        return HubertEmotion(config, content.frontend if isinstance(content, HubertContent) else None)
    return MelEmotion(config)
