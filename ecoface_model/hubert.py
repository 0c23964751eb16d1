"""The paper's speech encoders: HuBERT's structure, from transformers (Sec. 3.1, Fig. 5a).

transformers takes seconds to import, so this module is only imported where HuBERT is used.
"""

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from ecoface_model.config import ContentConfig, EmotionConfig
from ecoface_model.core.constants import FEATURES_PER_FRAME
from ecoface_model.core.errors import ModelFileError
from ecoface_model.speech_encoder import EmotionEncoder, SpeechEncoder

try:
    from transformers import HubertConfig, HubertModel
except ImportError as error:
    raise ModelFileError(
        "expected the package transformers for a model on HuBERT, found none; pip install 'ecoface[hubert]'"
    ) from error

HALF_PADDING = (
    40  # samples on each side: N samples then give exactly N / 320 steps, each centred on its 20 ms
)


def hubert_config(config: ContentConfig | EmotionConfig) -> HubertConfig:
    """HuBERT-large's structure at the config's widths."""
    return HubertConfig(
        hidden_size=config.feature_dim,
        num_hidden_layers=config.n_layers,
        num_attention_heads=config.n_heads,
        intermediate_size=config.feedforward_dim,
        feat_extract_norm="layer",
        conv_bias=True,
        do_stable_layer_norm=True,
        apply_spec_augment=False,
        layerdrop=0.0,
    )


class HubertFrontend(nn.Module):
    """Convolutions and feature projection: frozen in both encoders, so computed once for both."""

    def __init__(self, config: ContentConfig | EmotionConfig) -> None:
        super().__init__()
        structure = hubert_config(config)
        structure.num_hidden_layers = 0  # only its front is wanted here
        hubert = HubertModel(structure)
        self.feature_extractor = hubert.feature_extractor
        self.feature_projection = hubert.feature_projection
        self.requires_grad_(False)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 2"]:
        """Mean and standard deviation of the clip, to which HuBERT's input is normalised."""
        variance, mean = torch.var_mean(waveform, dim=1, correction=0)
        return torch.stack([mean, (variance + 1e-7).sqrt()], dim=1)

    @torch.no_grad()
    def forward(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 2"] | None = None
    ) -> Float[Tensor, "batch steps hidden"]:
        """Projected features, one step per 320 samples."""
        mean, deviation = (self.measure(waveform) if measured is None else measured)[:, :, None].unbind(dim=1)
        normal = pad((waveform - mean) / deviation, (HALF_PADDING, HALF_PADDING))  # (B, samples + 80)
        self.feature_extractor._requires_grad = False  # transformers would ask for gradients in training mode
        features = self.feature_extractor(normal).mT  # (B, 2T, 512)
        out: Tensor = self.feature_projection(features)
        return out


class HubertTransformer(nn.Module):
    """HuBERT's transformer with its convolutional positions."""

    def __init__(self, config: ContentConfig | EmotionConfig) -> None:
        super().__init__()
        structure = hubert_config(config)
        structure.conv_dim = [1] * len(structure.conv_dim)  # only its encoder is wanted here
        self.encoder = HubertModel(structure).encoder

    def forward(self, features: Float[Tensor, "batch steps hidden"]) -> Float[Tensor, "batch steps hidden"]:
        """Last hidden states."""
        out: Tensor = self.encoder(features).last_hidden_state
        return out


class HubertEncoder(SpeechEncoder):
    """HuBERT whole: waveform -> last hidden states."""

    def __init__(self, config: ContentConfig | EmotionConfig, frontend: HubertFrontend | None = None) -> None:
        """With the frontend of another encoder, both share it, and its work can be done once."""
        super().__init__()
        self.frontend = frontend or HubertFrontend(config)
        self.transformer = HubertTransformer(config)

    def measure(self, waveform: Float[Tensor, "batch samples"]) -> Float[Tensor, "batch 2"]:
        """Mean and standard deviation of the clip's samples."""
        return self.frontend.measure(waveform)

    def forward(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 2"] | None = None
    ) -> Float[Tensor, "batch steps feature"]:
        """Last hidden states, 1024-d at the paper's size."""
        features: Tensor = self.transformer(self.frontend(waveform, measured))
        return features


class HubertContent(HubertEncoder):
    """The paper's content encoder: frozen."""


class HubertEmotion(HubertEncoder, EmotionEncoder):
    """The paper's audio emotion encoder: a second HuBERT, its frontend frozen, its transformer trained."""

    def __init__(self, config: EmotionConfig, frontend: HubertFrontend | None = None) -> None:
        """With the frontend of another encoder, both share it, and its work can be done once."""
        super().__init__(config, frontend)
        self.row_dim = FEATURES_PER_FRAME * config.feature_dim

    def front_rows(
        self, waveform: Float[Tensor, "batch samples"], measured: Float[Tensor, "batch 2"] | None = None
    ) -> Float[Tensor, "batch frames row"]:
        """The frontend's features, two steps side by side: (B, T, 2 hidden)."""
        features: Tensor = self.frontend(waveform, measured)  # (B, 2T, hidden)
        return torch.unflatten(features, 1, (-1, FEATURES_PER_FRAME)).flatten(2)

    def of_front(
        self,
        rows: Float[Tensor, "batch frames row"],
        baseline: Float[Tensor, "batch row"] | None = None,
        kind: Int[Tensor, " batch"] | None = None,
        trust: Float[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch steps feature"]:
        """Last hidden states; the paper knows no voice baseline, so it is left unused."""
        features: Tensor = self.transformer(steps_of_rows(rows))
        return features


def steps_of_rows(rows: Float[Tensor, "batch frames row"]) -> Float[Tensor, "batch steps feature"]:
    """Rows of two steps each -> the steps, (B, 2T, hidden)."""
    return torch.unflatten(rows, 2, (FEATURES_PER_FRAME, -1)).flatten(1, 2)


def hear_both(
    content: SpeechEncoder,
    emotion: EmotionEncoder,
    waveform: Float[Tensor, "batch samples"],
    measured: Float[Tensor, "batch 2"],
) -> tuple[Float[Tensor, "batch steps content"], Float[Tensor, "batch frames row"]]:
    """Content of one encoder and front rows of another with one frontend, whose work is done once."""
    assert isinstance(content, HubertEncoder) and isinstance(emotion, HubertEmotion)
    assert content.frontend is emotion.frontend, "built together by `Networks`"
    rows = emotion.front_rows(waveform, measured)
    return content.transformer(steps_of_rows(rows)), rows


def load_hubert(encoder: HubertEncoder, folder: Path | str) -> None:
    """Fill an encoder with the weights of a local transformers folder, such as hubert-large-ls960-ft's.

    Raises:
        ModelFileError: if the folder is missing, holds no HuBERT, or one of another size.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise ModelFileError(
            f"expected a transformers folder with HuBERT at {folder}, found no config.json in it;"
            " download facebook/hubert-large-ls960-ft and give its folder"
        )
    try:
        hubert = HubertModel.from_pretrained(folder, local_files_only=True)
        encoder.frontend.feature_extractor.load_state_dict(hubert.feature_extractor.state_dict())
        encoder.frontend.feature_projection.load_state_dict(hubert.feature_projection.state_dict())
        encoder.transformer.encoder.load_state_dict(hubert.encoder.state_dict())
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"expected HuBERT weights of this model's size in {folder}, found others or damaged ones;"
            " give the folder of the HuBERT that the config was made for"
        ) from error
