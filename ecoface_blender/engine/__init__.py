"""The worker process that computes: which Python, which model, its life and its jobs."""

from . import operators

CLASSES = (*operators.CLASSES,)
