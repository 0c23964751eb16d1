"""The messages between Blender and the worker, and the only place that knows them; standard library only.

Each message is one line of JSON, an object whose "type" names one of the dataclasses below. Requests go to
the worker's stdin, events come from its stdout. Sounds and results are files, named by their paths.
"""

import base64
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

PROTOCOL = 1
"""Raised when a message changes its meaning; both ends are shipped together, so it only guards accidents."""

HEARTBEAT_SECONDS = 1.0
FRAME_BYTES = {"motion": 4 * 53, "head": 4 * 3, "gaze": 4 * 2}
"""Of one frame."""
MAX_LINE = 1 << 20
"""Bytes of one line; no honest message comes near it."""


class ProtocolError(ValueError):
    """A line that is not one of the messages below."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """Who are you? Answer: protocol, python, engine (name and version), device, hardware (in words)."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Load:
    """Make a model ready. Answer: name, head, hash, styles, engine, device, hardware."""

    id: int
    model: str | None
    """A model file; None is the default model."""
    device: str | None


@dataclass(frozen=True, kw_only=True)
class Generate:
    """Animate a sound with the loaded model into the .npz `result`.

    Answer: seconds, frames, peak (0..1), warnings (of the sound: what could not be read, what was chosen),
    tracks and channels (names of those that there are to choose).
    """

    id: int
    sound: str
    first_second: float
    """Where in the sound's own time to begin; negative means silence before it."""
    seconds: float | None
    """None is up to the sound's end."""
    track: int | None = None
    """Which soundtrack is heard, from 1 on; None is the one that speaks. So for the channel."""
    channel: int | None = None
    original: str | None = None
    """The file that `sound` was mixed down from: what of it cannot be read is said, too."""
    result: str
    style: str | None
    emotion: str | None
    """LABEL or LABEL:INTENSITY, or several with @SECONDS; None takes it from what follows, else the sound."""
    emotion_track: str | None = None
    """An .npz with `weights` (points, 8), `intensity` (points,) and their `rate`, from first_second on."""
    emotion_from: str | None
    """A sound whose emotion is heard, or an .npz of a performance, which is seen."""
    emotion_first_second: float = 0.0
    """Where in that sound's own time to begin."""
    emotion_seconds: float | None = None
    strength: float = 1.0
    """Of the emotion: 0 is neutral, 1 as it is; so for upper face and mouth."""
    upper: float = 1.0
    mouth: float = 1.0
    baseline: dict | None = None
    """How the voice usually sounds, where its own emotion is shown: an answer to Baseline."""
    reference_baseline: dict | None = None
    """The same of the voice in `emotion_from`."""
    head_motion: float = 1.0
    """How much the head turns, from 0 to 2; so for the gaze."""
    gaze: float = 1.0
    idle: float = 0.0
    """Seconds after the sound in which the expression fades and the face rests."""
    seed: int
    temperature: float
    head: str
    """Name of the head that will speak; a motion for another head is transferred."""
    head_file: str | None
    """Where that head is, if it is not the reference head."""
    live: bool = False
    """Whether parts of the motion are sent as Frames while the rest is computed."""


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Tell which emotions a sound speaks with, over time, into an .npz.

    Answer: heard, seconds, warnings, tracks and channels as in Generate.

    The file `result` has `weights` (points, 8), `intensity` and `speech` (points,), and their `rate`, each
    point the middle of its stretch; `heard` is what it comes to in all, as in a motion's metadata.
    """

    id: int
    sound: str
    first_second: float
    seconds: float | None
    track: int | None = None
    channel: int | None = None
    baseline: dict | None
    result: str


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Measure how a voice usually sounds. Answer: values to be given back as a `baseline`, and warnings."""

    id: int
    sounds: list
    """Of each line its `sound`, `first_second` and `seconds`, perhaps `track` and `channel`, as in Listen."""
    kind: str | None
    """lines (in whatever mood) or neutral; None is told by their number."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Write a head's arrays into the .npz `result`. Answer: name."""

    id: int
    file: str | None
    """A FLAME model or a head of ours; None is the reference head."""
    result: str


@dataclass(frozen=True, kw_only=True)
class Cancel:
    """Give up the request `id`, which then answers with Failed(cancelled=True); no answer of its own."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """End now; no answer."""


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """The worker lives; sent every HEARTBEAT_SECONDS."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The request `id` is at `done` of `total` in its `stage`."""

    id: int
    stage: str
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Frames:
    """A part of the motion that the request `id` is making, in the coefficients of its head."""

    id: int
    first: int
    """Its first frame; each part goes on where the last one ended, from 0 on."""
    motion: str
    """`packed` (n, 53) little-endian float32, at 25 frames a second."""
    head: str = ""
    """Likewise (n, 3), as in a motion's file; empty if the head does not move."""
    gaze: str = ""
    """Likewise (n, 2); empty if the eyes do not."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """The request `id` is fulfilled."""

    id: int
    answer: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The request `id` will not be fulfilled; the sentence is fit for a pop-up."""

    id: int
    sentence: str
    cancelled: bool = False
    out_of_memory: bool = False
    """Of the graphics card: the CPU might do it."""


Request = Hello | Load | Generate | Listen | Baseline | Head | Cancel | Shutdown
Answer = Progress | Frames | Done | Failed
"""Events that belong to a request."""
LAST = (Done, Failed)
"""Those that end it."""
Event = Heartbeat | Answer
REQUESTS = (Hello, Load, Generate, Listen, Baseline, Head, Cancel, Shutdown)
EVENTS = (Heartbeat, Progress, Frames, Done, Failed)


def encode(message: Request | Event) -> bytes:
    """One line for the pipe, ASCII, so that no end needs to agree on an encoding.

    Raises:
        ProtocolError: if a value does not fit its field, such as a temperature that is not a number.
    """
    _check(type(message), asdict(message))
    try:
        text = json.dumps({"type": type(message).__name__.lower(), **asdict(message)}, allow_nan=False)
    except ValueError as error:
        raise ProtocolError(f"expected values that JSON can hold, found {message}") from error
    return text.encode("ascii") + b"\n"


def decode_request(line: bytes) -> Request:
    """The request in a line. Raises ProtocolError where there is none."""
    return _decode(line, REQUESTS)  # type: ignore[return-value]


def decode_event(line: bytes) -> Event:
    """The event in a line. Raises ProtocolError where there is none."""
    return _decode(line, EVENTS)  # type: ignore[return-value]


def _decode(line: bytes, kinds: tuple[type, ...]) -> object:
    if len(line) > MAX_LINE:
        raise ProtocolError(f"expected a line of at most {MAX_LINE} bytes, found a longer one")
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise ProtocolError(f"expected one line of JSON, found {line[:60]!r}") from error
    by_name = {kind.__name__.lower(): kind for kind in kinds}
    name = values.pop("type", None) if isinstance(values, dict) else None
    if not isinstance(name, str) or name not in by_name:
        raise ProtocolError(f"expected a message of type {', '.join(by_name)}, found {line[:60]!r}")
    _check(by_name[name], values)
    message = by_name[name](**values)
    if isinstance(message, Frames):
        unpacked(message)
    return message


def packed(motion: bytes) -> str:
    """Numbers of frames as a message carries them."""
    return base64.b64encode(motion).decode("ascii")


def unpacked(frames: Frames) -> dict[str, bytes]:
    """The numbers of frames: their motion, and head and gaze, empty where there are none.

    Raises:
        ProtocolError: if they are no whole frames, or not as many of each.
    """
    try:
        numbers = {name: base64.b64decode(getattr(frames, name), validate=True) for name in FRAME_BYTES}
    except ValueError as error:
        raise ProtocolError("expected the numbers of frames in base64, found something else") from error
    for name, size in FRAME_BYTES.items():
        if not numbers["motion"] or len(numbers[name]) % size:
            raise ProtocolError(f"expected whole frames of {size} bytes, found {len(numbers[name])} bytes")
    counts = {len(numbers[name]) // size for name, size in FRAME_BYTES.items() if numbers[name]}
    if len(counts) > 1:
        raise ProtocolError(f"expected as many frames of head and gaze as of motion, found {sorted(counts)}")
    return numbers


def _check(kind: type, values: dict[str, Any]) -> None:
    """Every field there, no other, each of its type (an int passes as a float, a bool as neither)."""
    name, hints = kind.__name__.lower(), get_type_hints(kind)
    if set(values) != {field.name for field in fields(kind)}:
        raise ProtocolError(
            f"expected fields {', '.join(hints)} in a message {name}, found {', '.join(values)}"
        )
    for field, value in values.items():
        wanted = dict if field == "answer" else hints[field]
        if wanted in (float, float | None):
            wanted = wanted | int
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise ProtocolError(f"expected {field} of a message {name} as {wanted}, found {value!r}")
