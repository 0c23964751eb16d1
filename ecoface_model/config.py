"""One frozen config per network; the clocks and names they build on are `core.constants`."""

from dataclasses import dataclass, field

from ecoface_model.core.constants import MOTION_DIM

LOOK_AHEAD = 50
"""Steps, 1 s, that the default model's content encoder looks ahead in each layer: a voice that goes on is
animated nearly as all of it is at once, whose later seconds would move its lips by up to a millimetre."""


@dataclass(frozen=True, kw_only=True)
class ContentConfig:
    """Frozen speech content encoder (Sec. 3.1)."""

    kind: str = "whisper"
    """"whisper": the default model's (ours); "hubert": the paper's."""
    feature_dim: int = 384
    n_layers: int = 3
    """Transformer layers used; Whisper tiny.en has 4, HuBERT-large 24."""
    n_heads: int = 6
    feedforward_dim: int = 1536
    look_ahead: int = 0
    """Steps, 50 a second, that each layer of the kind "whisper" looks ahead; 0, as in earlier files: all of
    the window."""

    def __post_init__(self) -> None:
        if self.kind not in ("whisper", "hubert"):
            raise ValueError(f"expected a content encoder 'whisper' or 'hubert', found {self.kind!r}")
        _expect_whole_heads(self.feature_dim, self.n_heads)


@dataclass(frozen=True, kw_only=True)
class EmotionConfig:
    """Audio emotion encoder (Sec. 3.2, Fig. 5a)."""

    kind: str = "whisper"
    """"whisper": a transformer on the content encoder's hidden states (default model, ours); "hubert":
    HuBERT's structure (paper)."""
    feature_dim: int = 192
    n_layers: int = 2
    n_heads: int = 4
    feedforward_dim: int = 384
    hidden_dim: int = 0
    """Hidden units of the classifier on the front's mean rows; 0, as in earlier files: a linear layer."""
    frame_units: int = 0
    """Units of the classifier on single rows, before the mean, that lead to the hidden ones; 0, as in earlier
    files: none."""
    dropout: float = 0.3
    """Of the kind "whisper", while it is trained; HuBERT has its own."""

    def __post_init__(self) -> None:
        if self.kind not in ("whisper", "hubert"):
            raise ValueError(f"expected an emotion encoder 'whisper' or 'hubert', found {self.kind!r}")
        if self.frame_units and not self.hidden_dim:
            raise ValueError(f"expected a hidden_dim with frame_units, found 0 and {self.frame_units}")
        _expect_whole_heads(self.feature_dim, self.n_heads)


@dataclass(frozen=True, kw_only=True)
class VisualConfig:
    """Visual emotion encoder (Sec. 3.2, Fig. 5b): ResNet-18 at any width; the defaults are ours."""

    widths: tuple[int, int, int, int] = (16, 32, 64, 128)
    """Channels of the four stages, two blocks each; ResNet-18 has 64, 128, 256, 512."""
    feature_dim: int = 192
    """The audio emotion encoder's: both features lie in one space."""
    image_size: int = 64
    """Pixels, height and width of the grey faces it sees; the paper's 128."""


@dataclass(frozen=True, kw_only=True)
class MotionGeneratorConfig:
    """Shape of the motion generator (Sec. 3.3, Fig. 6; numbers the paper leaves out are marked ours)."""

    content_dim: int = 384
    emotion_dim: int = 192
    n_styles: int = 8
    n_sets: int = 1
    """Data sets, each with its own mean and deviation of the coefficients; styles belong to one of them."""
    motion_dim: int = MOTION_DIM
    hidden_dim: int = 192
    latent_dim: int = 16
    """Channels of the motion latent z; ours, not given in the paper."""
    stride: int = 4
    """Frames per latent step, the paper's q in Eq. (8); value ours."""
    condition_dim: int = 64
    """Channels to which content and emotion are each reduced; ours."""
    kernel: int = 5
    n_encoder_layers: int = 8
    n_decoder_layers: int = 4
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    """Cycled over the layers; ours: the paper's doubling would see +-82 s at 25/4 Hz."""
    flow_hidden_dim: int = 64
    flow_kernel: int = 3
    n_flow_layers: int = 4
    n_couplings: int = 4
    n_slow_channels: int = 8
    """Latent channels whose prior noise is an AR(1) process, for what changes slowly (brows, mood);
    ours. 0: independent noise, the paper's form."""
    slow_correlation: float = 0.9
    """Of that noise from one latent step to the next (0.16 s)."""
    steady_face: bool = True
    """Ours: a decoder of its own gives what content, emotion and style say of the whole face; z adds what
    they leave open, and nothing at the lips. False: the paper's form, everything through z."""
    n_lip_directions: int = 24
    """Directions of the 53 that move the lips, which z may not take; only with steady_face."""
    n_lid_directions: int = 4
    """Further directions that move the lids: what z does in them may be as fast as a blink."""
    life_smoothing: int = 7
    """Frames, odd: width of the Hann window over what z does off lips and lids; ours. Prior noise would
    otherwise tremble in the brows."""
    n_steady_layers: int = 4
    steady_smoothing: int = 9
    """Frames, odd: width of the Hann window over what the steady face does off the lips; ours. Brows and mood
    change slowly, and would otherwise tremble with the syllables."""

    def __post_init__(self) -> None:
        for name in ("kernel", "flow_kernel", "life_smoothing", "steady_smoothing"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"expected an odd {name}, found {getattr(self, name)}")
        if self.stride < 1 or self.latent_dim % 2 or self.n_slow_channels > self.latent_dim:
            raise ValueError(
                "expected a stride of 1 or more and an even latent_dim of n_slow_channels or more, found "
                f"{self.stride}, {self.latent_dim} and {self.n_slow_channels}"
            )


@dataclass(frozen=True, kw_only=True)
class EcoFaceConfig:
    """Everything that shapes one model; travels in the model file's header."""

    content: ContentConfig = field(default_factory=ContentConfig)
    emotion: EmotionConfig = field(default_factory=EmotionConfig)
    visual: VisualConfig = field(default_factory=VisualConfig)
    generator: MotionGeneratorConfig = field(default_factory=MotionGeneratorConfig)

    def __post_init__(self) -> None:
        if self.content.kind != self.emotion.kind:
            raise ValueError(
                f"expected a content and an emotion encoder on one front, found {self.content.kind!r} and "
                f"{self.emotion.kind!r}"
            )
        wanted = (self.content.feature_dim, self.emotion.feature_dim)
        found = (self.generator.content_dim, self.generator.emotion_dim)
        if wanted != found:
            raise ValueError(f"expected generator widths {wanted} for content and emotion, found {found}")
        if self.visual.feature_dim != self.emotion.feature_dim:
            raise ValueError(
                f"expected visual features as wide as the audio's, {self.emotion.feature_dim}, "
                f"found {self.visual.feature_dim}"
            )


def paper_config(n_styles: int = 324) -> EcoFaceConfig:
    """The paper's size: two HuBERT-large, 1024-d features, styles of RAVDESS's 24 and HDTF's 300 speakers."""
    return EcoFaceConfig(
        content=ContentConfig(kind="hubert", feature_dim=1024, n_layers=24, n_heads=16, feedforward_dim=4096),
        emotion=EmotionConfig(kind="hubert", feature_dim=1024, n_layers=24, n_heads=16, feedforward_dim=4096),
        visual=VisualConfig(widths=(64, 128, 256, 512), feature_dim=1024, image_size=128),
        generator=MotionGeneratorConfig(
            content_dim=1024,
            emotion_dim=1024,
            n_styles=n_styles,
            hidden_dim=256,
            dilations=(1, 2, 4, 8, 16, 32, 64, 128),
            n_slow_channels=0,
            steady_face=False,
        ),
    )


def _expect_whole_heads(feature_dim: int, n_heads: int) -> None:
    if n_heads < 1 or feature_dim % n_heads:
        raise ValueError(f"expected a feature_dim in multiples of n_heads, found {feature_dim} and {n_heads}")
