"""Why a line of a batch failed, in one sentence."""

from ..errors import EcoFaceBlenderError
from .folder import printable


def in_one_sentence(error: Exception) -> str:
    """What to tell of anything that a line met."""
    if isinstance(error, EcoFaceBlenderError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        place = printable(str(error.filename or "a file"))
        return f"'{place}' cannot be read or written ({error.strerror}); correct its path, or make room."
    return " ".join(f"Unexpected {type(error).__name__}: {error}; please report this.".split())
