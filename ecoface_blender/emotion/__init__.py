"""Where an emotion comes from: labels keyed over time, references, a voice baseline."""

from . import operators, panel, properties

CLASSES = (
    *properties.CLASSES,
    *operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES,)
