"""What was heard of a voice's emotion, and how sure, in words."""

from collections.abc import Mapping
from typing import Any

import bpy

from ..ui.translations import sentence
from . import stored, takes

SURE = 0.5
"""The largest share from which on the engine is sure."""
LEAST_SHOWN = 0.15


def describe(heard: Mapping[str, Any]) -> str:
    """What was heard, and how sure, for people: "Heard: mostly angry 0.7, sad 0.2"."""
    shares = sorted(heard["shares"].items(), key=lambda part: -part[1])
    shown = [(name, share) for name, share in shares if share >= LEAST_SHOWN] or shares[:1]
    emotions = ", ".join(f"{sentence(name.title()).lower()} {share:.1f}" for name, share in shown)
    if shares[0][1] < SURE:
        return sentence("Heard, but not sure: {emotions}", emotions=emotions)
    return sentence("Heard: mostly {emotions}", emotions=emotions)


def heard_sentence(speaker: bpy.types.Object | None) -> str:
    """What was heard for the take that a head plays; empty where nothing was."""
    take = takes.played(speaker)
    heard = take and stored.heard_in(take)
    return describe(heard) if heard and heard.get("shares") else ""
