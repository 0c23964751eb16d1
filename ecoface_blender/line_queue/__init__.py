"""Several strips, generated one after another."""

from . import operators, panel, properties

CLASSES = (
    *properties.CLASSES,
    *operators.CLASSES,
)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*properties.PROPERTIES,)
HANDLERS = (*properties.HANDLERS,)
