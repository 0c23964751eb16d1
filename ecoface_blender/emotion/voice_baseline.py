"""How the voice of a head usually sounds: measured once by the engine, kept with the head's object.

By it moods are told from a voice's own timbre: when the artist lets the engine listen, and where the emotion
of a line comes from the voice itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import bpy

from ..core.constants import BASELINE_KINDS
from ..core.npz import json_object
from ..errors import EcoFaceBlenderError
from ..sound import sequencer
from ..ui.translations import sentence

KEY = "ecoface_voice_baseline"
"""Custom property of a head's object: JSON of the engine's values and of `strips`, whose voice it is."""
STRIPS = "strips"
LINES, NEUTRAL = BASELINE_KINDS
FEWEST_LINES = 5
"""Lines in whatever mood whose mean says how a voice usually sounds; of fewer it is one of their moods."""
MOST_LINES = 200
"""That are listened to: more make the mean no better, but a message to the engine too long."""

Item = TypeVar("Item")


def of_head(speaker: bpy.types.Object | None) -> dict[str, Any] | None:
    """The engine's values for the voice of a head; None if they were never measured."""
    values = _kept(speaker)
    return {name: value for name, value in values.items() if name != STRIPS} or None


def of_strip(context: bpy.types.Context, name: str) -> dict[str, Any] | None:
    """The values of the head that is known to speak a strip."""
    editor = sequencer.sequencer_scene(context).sequence_editor
    strip = editor.strips_all.get(name) if editor else None
    own = strip and (sequencer.own_sound(strip) or strip)
    return of_head(own.ecoface_head) if own else None


def describe(speaker: bpy.types.Object) -> str:
    """Of what it was made, for the panel: "7 lines", "neutral line: Anna 3"; empty if there is none."""
    values = _kept(speaker)
    if not values:
        return ""
    strips = values.get(STRIPS) or [""]
    if values.get("kind") == NEUTRAL:
        return sentence("neutral line: {name}", name=strips[0])
    return sentence("{count} lines", count=values.get("n_lines"))


def keep(speaker: bpy.types.Object, values: Mapping[str, Any], strips: Sequence[str]) -> None:
    """From now on the head's voice is known by these values of the engine.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be changed.
    """
    _check_editable(speaker)
    speaker[KEY] = json.dumps({**values, STRIPS: list(strips)})


def remove(speaker: bpy.types.Object) -> None:
    """Forget it.

    Raises:
        EcoFaceBlenderError: if the head's object cannot be changed.
    """
    _check_editable(speaker)
    if KEY in speaker:
        del speaker[KEY]


def spoken_strips(context: bpy.types.Context, speaker: bpy.types.Object) -> list[bpy.types.Strip]:
    """The audible strips that a head speaks: those that remember it, else all that remember no other head.

    Raises:
        EcoFaceBlenderError: if there are too few.
    """
    strips = sequencer.voice_strips(context)
    own = [strip for strip in strips if strip.ecoface_head == speaker]
    found = [strip for strip in own or strips if strip.ecoface_head in (None, speaker) and _sounds(strip)]
    if len(found) < FEWEST_LINES:
        raise EcoFaceBlenderError(
            f"Expected at least {FEWEST_LINES} audible strips that '{speaker.name}' speaks, found "
            f"{len(found)}; add some, or make the baseline from one neutral strip."
        )
    return spread(found)


def spread(items: Sequence[Item]) -> list[Item]:
    """At most MOST_LINES of them, evenly from first to last."""
    n = min(len(items), MOST_LINES)
    return [items[number * len(items) // n] for number in range(n)]


def _check_editable(speaker: bpy.types.Object) -> None:
    if not speaker.is_editable:
        raise EcoFaceBlenderError(
            f"'{speaker.name}' is linked from another file; make its voice baseline there, or make it local."
        )


def _sounds(strip: bpy.types.Strip) -> bool:
    try:
        sequencer.located(strip)
    except EcoFaceBlenderError:  # muted, or turned down
        return False
    return True


def _kept(speaker: bpy.types.Object | None) -> dict[str, Any]:
    """Empty where there is none, or it was damaged by hand."""
    try:
        return json_object(speaker[KEY]) if speaker and KEY in speaker else {}
    except (TypeError, ValueError):
        return {}
