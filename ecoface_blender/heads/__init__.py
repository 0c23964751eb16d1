"""Heads, ours and other makers': what their keys are called and do, and the weights that let them speak."""

from . import mapping_operators, mapping_panel, mapping_properties, operators, strays

CLASSES = (
    *mapping_properties.CLASSES,
    *operators.CLASSES,
    *mapping_operators.CLASSES,
)
PANELS = (*mapping_panel.CLASSES,)
HANDLERS = (*strays.HANDLERS,)
PROPERTIES = (*mapping_properties.PROPERTIES,)
