"""Check Head: a sheet of poses, and what would mend those that are wrong."""

from . import operators

CLASSES = (*operators.CLASSES,)
