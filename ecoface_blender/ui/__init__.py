"""What panels and operators share: sentences, progress, languages."""

from . import cancellation, message

CLASSES = (*message.CLASSES,)
HANDLERS = (*cancellation.HANDLERS,)
