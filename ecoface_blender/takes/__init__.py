"""Takes: actions that carry what made them; switched, adjusted, edited, baked."""

from . import layer_operators, operators, panel, properties

CLASSES = (
    *properties.CLASSES,
    *operators.CLASSES,
    *layer_operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES, *panel.PROPERTIES)
