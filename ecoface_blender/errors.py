"""What the extension says when something outside it is not as expected."""

from collections.abc import Iterator
from contextlib import contextmanager

from .core.errors import EcoFaceError
from .worker.failures import in_a_sentence


class EcoFaceBlenderError(Exception):
    """A request cannot be fulfilled; the message is one sentence, fit for a pop-up."""


@contextmanager
def refusals_of_core() -> Iterator[None]:
    """What `core` refuses inside becomes a refusal of the extension, with a capital and a full stop.

    Raises:
        EcoFaceBlenderError: in the place of core's own errors.
    """
    try:
        yield
    except EcoFaceError as error:
        raise EcoFaceBlenderError(in_a_sentence(error)) from error
