"""What the extension says when something outside it is not as expected."""


class EcoFaceBlenderError(Exception):
    """A request cannot be fulfilled; the message is one sentence, fit for a pop-up."""
