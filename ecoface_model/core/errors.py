"""The mistakes a user can make: one sentence each: what was expected, found, and to do."""


class EcoFaceError(ValueError):
    """Something outside this program is not as expected; the message is fit to be shown to the user."""


class SoundError(EcoFaceError):
    """A sound cannot be read, or holds nothing to animate."""


class HeadError(EcoFaceError):
    """A head file (ours or FLAME's) is missing, damaged or unsafe."""


class ModelFileError(EcoFaceError):
    """A model file is missing, damaged or of another kind."""


class MotionError(EcoFaceError):
    """A motion file is missing or damaged, or belongs to another head."""


class RequestError(EcoFaceError):
    """A style, an emotion, a device or an output that does not exist was asked for."""


class TrackerError(EcoFaceError):
    """A face tracker's output is missing, damaged or of another form."""


class ArraysError(EcoFaceError):
    """A file of arrays is damaged, of another kind, or holds objects that could run code."""
