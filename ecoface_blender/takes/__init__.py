"""Takes: actions that carry what made them; switched, adjusted, edited, baked."""

from . import handle_operators, layer_operators, marker_operators, operators, panel, properties

CLASSES = (
    *properties.CLASSES,
    *operators.CLASSES,
    *layer_operators.CLASSES,
    *handle_operators.CLASSES,
    *marker_operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES, *panel.PROPERTIES)
