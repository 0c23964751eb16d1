"""What a take is called and how it is described: by what it shows, ranges that were made anew included."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..request import GenerationRequest

LENGTH = 58
"""Characters, so that Blender can still number it within 63."""
_FROM_SPEECH, _FROM_TRACK = "from the speech", "from an emotion track"
"""Emotions of metadata that are no label, as the model writes them."""
LIKE = "like"
"""In the metadata of a take and its ranges: whose emotion is shown, where it is another's."""


def shown_like(request: GenerationRequest) -> dict[str, str]:
    """Whose emotion a request shows, as part of its metadata; empty if it is its own or named."""
    if not request.emotion_from:
        return {}
    return {LIKE: str(request.emotion_head or request.emotion_strip or Path(request.emotion_from).stem)}


def take_name(story: Mapping[str, Any]) -> str:
    """After the emotions, the sound and the style of a take's metadata: in a narrow list the end is cut.

    It never ends in a dot and digits: of "happy 1.5" Blender makes "happy 1.001" when it numbers it.
    """
    emotions = dict.fromkeys(_title(shown) for shown, _, _ in emotions_shown(story))
    name = " ".join(
        f"{' + '.join(filter(None, emotions))} {_sound(story)} {story.get('style') or ''}".split()
    )
    return re.sub(r"[. (+]+\d*$", "", name[:LENGTH])


def is_own(name: str, story: Mapping[str, Any]) -> bool:
    """Whether a take is called as it was when it was made, numbers aside: not as the artist calls it."""
    return re.sub(r"\.\d{3}$", "", name) == take_name(story)


def renamed(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The name of a copy of which a range is new; one that the artist has given stays."""
    return take_name(now) if is_own(name, before) else name


def description(name: str, story: Mapping[str, Any]) -> str:
    """What a take of this name shows, as an animator says it: "hello: happy 1.5, lively, seed 4".

    Before the colon stands what the artist calls it, else the sound; ranges made anew have their frames.
    """
    said = []
    for shown, first, last in emotions_shown(story):
        where = "" if shown is story else f" in frames {first:.0f} to {last:.0f}"
        said.append(f"{_said(shown)}{where}")
    about = (_sound(story) if is_own(name, story) else "") or name
    style = str(story["style"]).replace("_", " ")
    return f"{about}: {', '.join(filter(None, dict.fromkeys(said)))}, {style}, seed {story['seed']}"


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


def _sound(story: Mapping[str, Any]) -> str:
    return Path(story.get("line", {}).get("sound", "")).stem[:28]


def _title(shown: Mapping[str, Any]) -> str:
    """ "happy:1.5" as "happy (1.5)"; "like" somebody; where it was heard, as what."""
    emotion = str(shown.get("emotion") or "")
    if LIKE in shown:
        return f"like {shown[LIKE]}"
    if emotion == _FROM_SPEECH:
        return " ".join(["heard", *_most_heard(shown)])
    if emotion == _FROM_TRACK:
        return "keyed"
    return re.sub(r":([\w.]+)", r" (\1)", emotion)


def _said(shown: Mapping[str, Any]) -> str:
    """ "happy:1.5" as "happy 1.5"; "like" somebody; where it came from."""
    emotion = str(shown.get("emotion") or "")
    if LIKE in shown:
        return f"like {shown[LIKE]}"
    if emotion in (_FROM_SPEECH, _FROM_TRACK):
        return {_FROM_SPEECH: "emotion as heard", _FROM_TRACK: "emotion as keyed"}[emotion]
    return emotion.replace(":", " ")


def _most_heard(shown: Mapping[str, Any]) -> list[str]:
    """The emotion with the largest share of what was heard; none if nothing was told."""
    heard = shown.get("heard")
    shares = heard.get("shares") if isinstance(heard, Mapping) else None
    told = shares.items() if isinstance(shares, Mapping) else ()
    known = {name: share for name, share in told if isinstance(share, (int, float))}
    return [str(max(known, key=known.__getitem__))] if known else []
