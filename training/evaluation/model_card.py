"""MODEL_CARD.md: what a model is, what it was trained on, what it is for and where it ends."""

from collections.abc import Sequence
from typing import Any

from ecoface_model.config import EcoFaceConfig
from ecoface_model.core.constants import EMOTIONS
from training.data.sources import Source
from training.evaluation.report import markdown_table

MODEL_CARD = "MODEL_CARD.md"
LIMITS = (
    "Emotions are those that actors show when they are asked to; what somebody feels is not heard by it.",
    "A single clip of an unknown voice is often named wrongly; a baseline of the voice helps. What is unsure "
    "is drawn towards neutral.",
    "Languages, ages, accents and microphones that are not among its recordings may be heard less well.",
    "Teeth and tongue do not move; head and eyes move by rules, which know no words. Two people in one "
    "recording are taken for one.",
)
ODBL = (
    "Contains information from {}, which is made available under the Open Database License (ODbL) 1.0: "
    "https://opendatacommons.org/licenses/odbl/1-0/"
)
NOT_FOR = (
    "It is not for judging people: not in hiring, teaching, insurance, policing or health, and not for "
    "telling whether somebody lies. Such uses are wrong, and in some places against the law."
)


def model_card(
    config: EcoFaceConfig, styles: Sequence[str], info: dict[str, Any], sources: Sequence[Source], size: int
) -> str:
    """Markdown; figures stand in docs/results.md, where they come from commands.

    Args:
        size: of the model file in bytes.
    """
    table = markdown_table(
        ["data", "licence", "clips", "voices", "hours"],
        [
            [
                source.title,
                source.licence or ("our own" if not source.recorded else "not stated"),
                f"{source.n_clips:,}",
                source.n_voices,
                f"{source.hours:.2f}",
            ]
            for source in sources
        ],
    )
    parts = [
        f"# {info['name']}",
        f"EcoFace's model: mono speech at 16 kHz in, a face's motion at 25 Hz out, with the emotion of the "
        f"speech, of a label, or of another clip; and which of {len(EMOTIONS)} emotions "
        f"({', '.join(EMOTIONS)}) a voice speaks with, over time. {size / 1e6:.1f} MB, half precision. "
        f"Motion is for the head '{info['head']}', in the styles {', '.join(styles)}.",
        "## Networks",
        f"- content encoder, frozen: {config.content.kind}, {config.content.n_layers} layers\n"
        f"- emotion encoder on the same front: {config.emotion.n_layers} layers, "
        f"{config.emotion.feature_dim} features at 50 Hz; a classifier of these and of the front's\n"
        f"- visual emotion encoder: pictures of {config.visual.image_size} pixels\n"
        f"- motion generator: hidden width {config.generator.hidden_dim}",
        "## Trained on",
        info["training"],
        f"Emotion encoders (training split):\n\n{table}",
        *learned_from_synthetic(sources),
        "## Licences",
        "\n".join(f"- {line}" for line in info["licences"]),
        *(ODBL.format(source.title) for source in sources if "ODbL" in source.licence),
        "## For",
        "Animating faces: games, films, previews, research on talking heads, with people in front of the "
        "screen who look at the result and correct it.",
        NOT_FOR,
        "## Limits",
        "\n".join(f"- {line}" for line in LIMITS),
        "## Figures",
        "In the project's docs/results.md, each with the command that gives it.",
    ]
    return "\n\n".join(parts) + "\n"


def learned_from_synthetic(sources: Sequence[Source]) -> list[str]:
    """What no recorded voice taught, as a paragraph; none if there is nothing."""
    heard = {name for source in sources if source.recorded for name in source.emotions}
    names = [name for name in EMOTIONS if name not in heard]
    if not heard:
        return ["No recorded voice: do not expect it to name the emotions of people."]
    return [f"No recorded voice taught {', '.join(names)}: synthetic speech alone did."] if names else []
