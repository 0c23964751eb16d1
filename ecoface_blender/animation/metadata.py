"""What is stored with an action of ours, held to what it must be: a .blend may come from anybody. No bpy."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..core.npz import json_object

LONGEST_TEXT = 1 << 22
"""Characters of JSON; thousands of ranges that were made anew are fewer."""
MOST_FRAME = 1_048_574
"""Blender's own."""
RATES = (1e-3, 1e5)
"""Frames a second."""


def understood(text: object) -> dict[str, Any]:
    """The metadata in a text, without what is not as we write it; empty if it is none."""
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        return {}
    with suppress(ValueError):
        return _whole(json_object(text))
    return {}


def is_number(value: object, least: float = -math.inf, most: float = math.inf) -> bool:
    """Whether a value is a finite number within these."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < math.inf
        and least <= value <= most
    )


def _whole(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _KINDS or _KINDS[name](value)}


def _is_frame(value: object) -> bool:
    return is_number(value, -MOST_FRAME, MOST_FRAME)


def _is_rate(value: object) -> bool:
    return is_number(value, *RATES)


def _is_line(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("sound", "speaker"))


def _is_heard(value: object) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("shares", {}), dict):
        return False
    return all(is_number(share, 0, 1) for share in value.get("shares", {}).values()) and is_number(
        value.get("intensity", 1), 0, 2
    )


def _are_amounts(value: object) -> bool:
    return isinstance(value, dict) and all(is_number(amount, 0, 1e3) for amount in value.values())


def _are_parts(value: object) -> bool:
    """Ranges that were made anew, each with its frames and metadata of its own."""
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        return False
    frames = [part.get("frames") for part in value]
    pairs = all(isinstance(pair, list) and len(pair) == 2 and all(map(_is_frame, pair)) for pair in frames)
    return pairs and all(_whole(part) == part for part in value)


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_KINDS: dict[str, Callable[[object], bool]] = {
    "first_frame": _is_frame,
    "last_frame": _is_frame,
    "scene_rate": _is_rate,
    "motion_rate": _is_rate,
    "line": _is_line,
    "heard": _is_heard,
    "amounts": _are_amounts,
    "parts": _are_parts,
    "phones": _are_names,
    "emotion": lambda value: value is None or isinstance(value, str),
    "style": lambda value: value is None or isinstance(value, str),
    "seed": is_number,
    "head": lambda value: isinstance(value, str),
}
"""What is read of metadata, and what it must be."""
