"""What is heard of a voice's emotion: as keys of the emotion track, and as a voice baseline."""

from . import operators, panel

CLASSES = (*operators.CLASSES,)
PANELS = (*panel.CLASSES,)
