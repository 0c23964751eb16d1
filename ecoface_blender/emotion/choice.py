"""The one menu that chooses an emotion: by hearing, by name, from somebody else, or as keyed on the head."""

from typing import Any

from ..core.constants import EMOTIONS

_SOURCES = {
    "FILE": ("From a File", "The mood of a recording, or of a tracked performance (.npz)", "FILE_SOUND"),
    "STRIP": ("From a Strip", "The mood of another sound or movie strip, as far as it is heard", "SEQUENCE"),
    "HEAD": ("From a Head", "The mood of what another head of this file does now", "USER"),
}
"""Of what `reference_from` may be."""
_ORDER = ("SPEECH", *EMOTIONS, *_SOURCES, "TRACK")
ITEMS: list[Any] = [
    ("SPEECH", "As Heard", "The emotion that is heard in the voice itself", "SPEAKER", 0),
    (
        "TRACK",
        "As Keyed",
        "The emotions that are keyed on the head, below",
        "KEYFRAME",
        _ORDER.index("TRACK"),
    ),
    None,
    *((name, name.title(), "", "BLANK1", _ORDER.index(name)) for name in EMOTIONS),
    None,
    *((name, *said, _ORDER.index(name)) for name, said in _SOURCES.items()),
]
"""As the menu lists them; each sets `emotion_from` and what that needs."""


def index(settings: Any) -> int:
    """The item that the settings of a scene amount to."""
    if settings.emotion_from == "LABEL":
        return _ORDER.index(settings.emotion)
    if settings.emotion_from == "REFERENCE":
        return _ORDER.index(settings.reference_from)
    return _ORDER.index(settings.emotion_from)


def choose(settings: Any, number: int) -> None:
    """Let the settings be what an item stands for."""
    name = _ORDER[number]
    if name in EMOTIONS:
        settings.emotion_from, settings.emotion = "LABEL", name
    elif name in _SOURCES:
        settings.emotion_from, settings.reference_from = "REFERENCE", name
    else:
        settings.emotion_from = name
