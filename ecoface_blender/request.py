"""What is to be generated: one line with all that decides its motion, whichever door asked for it. No bpy.

The engine's settings (model, FLAME file, device) are no part of a request; they travel beside it.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from .core.constants import LONGEST, LONGEST_IDLE, MOST_MOTION
from .errors import EcoFaceBlenderError
from .worker import protocol

EMOTION_SOURCES = ("emotion", "emotion_from", "emotion_strip", "emotion_head", "emotion_track")
"""By which a script names the source of the emotion."""
EMOTION_FIELDS = (*EMOTION_SOURCES, "emotion_seconds", "baseline", "reference_baseline")
"""Of a request: those that say where the emotion comes from, None where they say nothing."""
ALTERNATIVES = ("emotion", "emotion_track", "emotion_from")
"""Of which a request has one at most; with none the emotion is the voice's own."""
MOST_TEXT = 1 << 18
"""Characters of a value; a voice baseline, the longest of them, has 8,000."""


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """What is spoken by whom and how, as plain values.

    Raises:
        EcoFaceBlenderError: if a value is not of its type or range, or two of them exclude one another.
    """

    scene: str
    speaker: str
    """Name of the head's object."""
    head: str
    """Name of the head, whose coefficients its keys speak."""
    sound: str
    track: int | None = None
    """Which soundtrack of it is heard, from 1 on; None is the one that speaks. So for the channel."""
    channel: int | None = None
    first_second: float = 0.0
    seconds: float | None = None
    first_frame: float
    """Scene time of first_second; need not be whole."""
    style: str | None = None
    emotion: str | None = None
    """LABEL or LABEL:INTENSITY, or several with @SECONDS."""
    emotion_track: str | None = None
    """An .npz of emotions over time, as `emotion.track.write_track` makes it."""
    emotion_from: str | None = None
    """A sound, or an .npz of a performance."""
    emotion_strip: str | None = None
    """The strip that plays emotion_from, where it comes from one."""
    emotion_head: str | None = None
    """The head whose performance is in emotion_from, where it is one's."""
    emotion_first_second: float = 0.0
    emotion_seconds: float | None = None
    strength: float = 1.0
    """Of the emotion; so for the upper face and the mouth."""
    upper: float = 1.0
    mouth: float = 1.0
    baseline: dict[str, Any] | None = None
    """How the voice usually sounds, where its own emotion is shown; the engine's values."""
    reference_baseline: dict[str, Any] | None = None
    """The same of the voice in emotion_from."""
    seed: int = 0
    temperature: float = 1.0
    idle: float = 0.0
    """Seconds after the sound in which the expression fades and the face rests, breathes and blinks."""
    head_motion: float = 1.0
    """How much the head turns, from 0 to 2, and how far the eyes look about; a take's controls scale both."""
    gaze: float = 1.0
    frames: tuple[int, int] | None = None
    """Of the take that is played, which alone are made anew; None makes a new take."""
    add_strip: bool = False
    mix: str | None = None
    """A file of exactly what is to be spoken, where Blender plays `sound` otherwise than it is read."""
    altered_strip: str | None = None
    """The strip that is mixed down in `mix`, where it plays `sound` at another speed or fades it."""

    def __post_init__(self) -> None:
        if isinstance(self.frames, list):  # as JSON has it
            object.__setattr__(self, "frames", tuple(self.frames))
        hints = get_type_hints(GenerationRequest)
        for field in fields(self):
            value = getattr(self, field.name)
            if not _is(value, hints[field.name]):
                _refuse(field.name, _said(hints[field.name]), value)
            self._within(field.name, _is_sendable, f"at most {MOST_TEXT} characters, none of them null")
        for name in ("strength", "upper", "mouth", "temperature"):
            self._within(name, lambda value: value >= 0, "a number from 0 on")
        for name in ("head_motion", "gaze"):
            self._within(name, lambda value: 0 <= value <= MOST_MOTION, f"a number from 0 to {MOST_MOTION:g}")
        self._within("idle", lambda value: 0 <= value <= LONGEST_IDLE, f"seconds from 0 to {LONGEST_IDLE:g}")
        self._within("seed", lambda value: 0 <= value < 1 << 63, "a whole number from 0 to below 2^63")
        for name in ("first_second", "emotion_first_second"):
            self._within(name, lambda value: abs(value) <= LONGEST, f"seconds within {LONGEST}")
        for name in ("seconds", "emotion_seconds"):
            self._within(name, lambda value: value > 0, "more than 0")
        for name in ("track", "channel"):
            self._within(name, lambda value: value >= 1, "a whole number from 1 on")
        self._within("frames", lambda frames: frames[0] < frames[1], "a first frame before the last")
        given = [name for name in ALTERNATIVES if getattr(self, name)]
        if len(given) > 1:
            found = " and ".join(f"{name} '{getattr(self, name)}'" for name in given)
            raise EcoFaceBlenderError(f"Expected one source of emotion, found {found}; leave one out.")

    def _within(self, name: str, fits: Callable[[Any], bool], wanted: str) -> None:
        value = getattr(self, name)
        if value is not None and not fits(value):
            _refuse(name, wanted, value)

    def message(self, result: Path, head_file: str | None) -> dict[str, Any]:
        """Fields of `protocol.Generate`, whose motion goes to `result`.

        `head_file` is the FLAME head of the engine's settings.
        """
        asked = {field.name for field in fields(protocol.Generate)}
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name in asked}
        original = self.sound if self.mix else None
        return own | self.part | {"original": original, "result": str(result), "head_file": head_file}

    @property
    def part(self) -> dict[str, Any]:
        """Which part of which file is spoken, as the engine is asked for it."""
        first_second = 0.0 if self.mix else self.first_second
        chosen = {"track": self.track, "channel": self.channel}
        part = {"sound": self.mix or self.sound, "first_second": first_second, "seconds": self.seconds}
        return part | (dict.fromkeys(chosen) if self.mix else chosen)

    def stored(self, left_out: tuple[str, ...] = ()) -> dict[str, Any]:
        """For the metadata of a take."""
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_stored(cls, values: object, take: str) -> "GenerationRequest":
        """The request in the metadata of the named take, whatever version of EcoFace stored it.

        Raises:
            EcoFaceBlenderError: if these are not the values of a request, as in a foreign file.
        """
        if not isinstance(values, Mapping):
            raise EcoFaceBlenderError(f"'{take}' does not say what it was made of; generate a new take.")
        known = {field.name for field in fields(cls)}
        try:
            return cls(**{name: value for name, value in values.items() if name in known})
        except (TypeError, EcoFaceBlenderError) as error:  # TypeError: something is missing
            why = str(error).split(";")[0].rstrip(".")
            raise EcoFaceBlenderError(
                f"What '{take}' was made of cannot be read ({why}); generate a new take."
            ) from error


def _is(value: object, hint: Any) -> bool:
    """Whether a value is of an annotated type; whole numbers pass as numbers, nothing infinite does."""
    if isinstance(hint, UnionType):
        return any(_is(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, tuple) or len(value) != len(kinds):
            return False
        return all(_is(each, kind) for each, kind in zip(value, kinds, strict=True))
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, hint)


def _is_sendable(value: object) -> bool:
    """Whether a text, or the values of a baseline, fit into a message to the engine."""
    text = value if isinstance(value, str) else json.dumps(value)
    return len(text) <= MOST_TEXT and "\0" not in text


def _said(hint: Any) -> str:
    """A type for people."""
    kinds = (
        [each for each in get_args(hint) if each is not NoneType] if isinstance(hint, UnionType) else [hint]
    )
    names = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}
    return " or ".join(
        names.get(kind, "two whole numbers" if "tuple" in str(kind) else "values") for kind in kinds
    )


def _refuse(name: str, wanted: str, found: object) -> None:
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
    raise EcoFaceBlenderError(f"Expected `{name}` as {wanted}, found {shown}; correct it.")
