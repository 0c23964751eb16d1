"""Whose manner a motion has: a model's styles by their names, as the weights that the generator takes."""

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.errors import RequestError
from ecoface_model.model_file import ModelFacts

AVERAGE = "average"  # nobody's, learned by leaving the speaker out in training


def style_name(model: ModelFacts, style: str | None) -> str:
    """The style that is meant: without one, the model's own default."""
    default: str = model.info.get("default_style", AVERAGE)
    return style or default


def style_weights(model: ModelFacts, style: str | None) -> Float32[NDArray[np.float32], " styles"]:
    """One style, or none.

    Raises:
        RequestError: if the model has no such style.
    """
    name = style_name(model, style)
    weights = np.zeros(len(model.styles), np.float32)
    if name in model.styles:
        weights[model.styles.index(name)] = 1
    elif name != AVERAGE:
        raise RequestError(
            f"expected a style among {', '.join((AVERAGE, *model.styles))}, found {name!r};"
            " choose one of them"
        )
    return weights
