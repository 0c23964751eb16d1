"""Out of the scene: files for other programs."""

from . import operators, panel

CLASSES = (*operators.CLASSES,)
PANELS = (*panel.CLASSES,)
PROPERTIES = (*operators.PROPERTIES,)
