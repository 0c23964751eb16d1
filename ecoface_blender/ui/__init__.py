"""What panels and operators share: sentences, progress, languages."""

from . import cancellation

CLASSES = ()
HANDLERS = (*cancellation.HANDLERS,)
