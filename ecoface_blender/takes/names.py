"""What a take is called and how it is described: by what it shows, ranges that were made anew included."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..request import GenerationRequest

LENGTH = 58
"""Characters, so that Blender can still number it within 63."""
LIKE = "like"
"""In the metadata of a take and its ranges: whose emotion is shown, where it is another's."""


def shown_like(request: GenerationRequest) -> dict[str, str]:
    """Whose emotion a request shows, as part of its metadata; empty if it is its own or named."""
    if not request.emotion_from:
        return {}
    return {LIKE: str(request.emotion_head or request.emotion_strip or Path(request.emotion_from).stem)}


def take_name(story: Mapping[str, Any]) -> str:
    """After the sound, the style and the emotions of a take's metadata.

    It never ends in a dot and digits: of "happy 1.5" Blender makes "happy 1.001" when it numbers it.
    """
    emotions = dict.fromkeys(_title(shown) for shown, _, _ in emotions_shown(story))
    sound = Path(story.get("line", {}).get("sound", "")).stem[:28]
    name = " ".join(f"{sound} {story.get('style') or ''} {' + '.join(filter(None, emotions))}".split())
    return name if len(name) <= LENGTH else re.sub(r"[. (+]+\d*$", "", name[:LENGTH])


def renamed(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The name of a copy of which a range is new; one that the artist has given stays."""
    own = re.sub(r"\.\d{3}$", "", name) == take_name(before)
    return take_name(now) if own else name


def description(story: Mapping[str, Any]) -> str:
    """Style, emotions and seed, with the frames of what was made anew."""
    said = []
    for shown, first, last in emotions_shown(story):
        where = "" if shown is story else f" in frames {first:g} to {last:g}"
        said.append(f"{shown.get('emotion')}{where}")
    return f"style {story['style']}, emotion {', '.join(dict.fromkeys(said))}, seed {story['seed']}"


def emotions_shown(story: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], float, float]]:
    """Metadata of a take or of its ranges, with the first and last frame in which they show, by time.

    What later ranges cover whole shows no more.
    """
    begin, end = story.get("first_frame", -float("inf")), story.get("last_frame", float("inf"))
    pieces = [(story, begin, end)]
    for part in story.get("parts", []):
        start, stop = part["frames"]
        before = [(shown, first, min(last, start)) for shown, first, last in pieces if first < start]
        after = [(shown, max(first, stop), last) for shown, first, last in pieces if last > stop]
        pieces = [*before, (part, max(start, begin), min(stop, end)), *after]
    return pieces


def _title(shown: Mapping[str, Any]) -> str:
    """ "happy:1.5" as "happy (1.5)"; "like" somebody."""
    if LIKE in shown:
        return f"like {shown[LIKE]}"
    return re.sub(r":([\w.]+)", r" (\1)", str(shown.get("emotion") or ""))
