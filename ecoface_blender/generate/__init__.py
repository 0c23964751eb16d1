"""From the panel or a script to a request, from its answer to keys."""

from . import again_operators, operators, panel, properties, sound_choice

CLASSES = (
    *sound_choice.CLASSES,
    *properties.CLASSES,
    *operators.CLASSES,
    *again_operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES, *sound_choice.PROPERTIES)
