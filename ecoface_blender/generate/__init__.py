"""From the panel or a script to a request, from its answer to keys."""

from . import again_operators, operators, panel, properties

CLASSES = (
    *properties.CLASSES,
    *operators.CLASSES,
    *again_operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES,)
