"""What went wrong in a job, as a sentence for a pop-up; standard library only."""

import sys
import traceback
from pathlib import Path

from .library import PACKAGES

ADVICE = {
    'pip install "ecoface[torch]"': "Use a Graphics Card in the preferences of EcoFace installs it, or "
    "choose a Python that has it",
    "pip install onnxruntime": f"pip install {PACKAGES} in {sys.executable}, or choose another Python, or "
    "none, in the preferences of EcoFace",
}
"""What to do for an engine: as the library says it on the command line, and in Blender."""


def sentence_of(error: Exception) -> str:
    """What went wrong, as one sentence for a pop-up; the whole story goes to stderr."""
    if any(kind.__module__ == "ecoface_model.core.errors" for kind in type(error).__mro__):
        sentence = in_a_sentence(error)
        for said, in_blender in ADVICE.items():
            sentence = sentence.replace(said, in_blender)
        return one_line(sentence)
    traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ImportError):
        if sys.flags.isolated:  # the engine that is built in
            return one_line(
                f"The engine that is built in cannot import {error.name} ({error}); install the zip of "
                "EcoFace for this platform again."
            )
        missing = PACKAGES if error.name in (None, *PACKAGES.split()) else error.name
        return one_line(
            f"The engine's Python {sys.executable} cannot import {error.name} ({error}); "
            f"install what it needs there: pip install {missing}."
        )
    if isinstance(error, MemoryError) or card_is_full(error):
        return (
            "There is not enough memory for this; close other programs, or choose the CPU in the preferences."
        )
    place = traceback.extract_tb(error.__traceback__)[-1]
    return one_line(
        f"The engine failed unexpectedly ({type(error).__name__}: {error}, in {Path(place.filename).name}, "
        f"line {place.lineno}); please report this."
    )


def card_is_full(error: Exception) -> bool:
    """Whether torch found no memory on a graphics card: CUDA has an exception of its own, MPS a sentence."""
    named = type(error).__name__ == "OutOfMemoryError"
    return named or (isinstance(error, RuntimeError) and "MPS backend out of memory" in str(error))


def in_a_sentence(error: Exception) -> str:
    """What one of ecoface_model's errors says, with a capital and a full stop."""
    return one_line(f"{str(error)[:1].upper()}{str(error)[1:]}.")


def one_line(text: str) -> str:
    """Text without line breaks, cut to what a pop-up can hold."""
    return " ".join(text.split())[:500]
