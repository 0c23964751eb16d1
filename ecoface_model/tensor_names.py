"""Names of the generator's tensors in model files: of format "ecoface 2", whatever its classes are called."""

IN_FILES = (
    ("motion_mean", "style_normaliser.mean"),
    ("motion_std", "style_normaliser.std"),
    ("style_sets", "style_normaliser.sets"),
    ("content_mean", "feature_normaliser.content_mean"),
    ("content_std", "feature_normaliser.content_std"),
    ("emotion_mean", "feature_normaliser.emotion_mean"),
    ("emotion_std", "feature_normaliser.emotion_std"),
    ("condition.", "condition.per_frame."),
    ("compress_condition.", "condition.compress."),
    ("compress_motion.", "posterior.compress_motion."),
    ("encoder_norm.", "posterior.norm."),
    ("encoder.", "posterior.wavenet."),
    ("to_stats.", "posterior.to_stats."),
    ("prior.", "prior."),
    ("decoder_condition.", "decoder.condition."),
    ("expand_latent.", "decoder.expand_latent."),
    ("decoder_norm.", "decoder.norm."),
    ("decoder.", "decoder.wavenet."),
    ("to_motion.", "decoder.to_motion."),
    ("steady.", "base."),
    ("lip_directions", "directions.lips"),
    ("lid_directions", "directions.lids"),
)
"""How names begin in a file, and here."""
GENERATOR = "generator."
"""How the names of its tensors begin among those of all networks."""


def in_file(name: str) -> str:
    """What a tensor of `Networks` is called in a model file."""
    return _renamed(name, [(here, file) for file, here in IN_FILES])


def from_file(name: str) -> str:
    """The inverse of `in_file`; a name that no file has stays as it is."""
    return _renamed(name, list(IN_FILES))


def _renamed(name: str, pairs: list[tuple[str, str]]) -> str:
    own = name.removeprefix(GENERATOR)
    if own == name:
        return name
    for old, new in pairs:
        if own.startswith(old):
            return GENERATOR + new + own.removeprefix(old)
    return name
