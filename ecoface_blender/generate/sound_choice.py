"""Which soundtrack and channel of a file is heard, where it has several: chosen per strip, or for the file.

What there is to choose the engine tells when it has read the file; until then it chooses by itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import PropertyGroup

from ..errors import EcoFaceBlenderError
from ..request import GenerationRequest
from ..sound import packed, sequencer

KINDS = ("track", "channel")
AUTOMATIC = "Auto"
MOST = 64
"""Tracks or channels that a menu shows."""
_items: dict[tuple[str, ...], list[tuple[str, str, str, int]]] = {}
"""Blender does not keep the texts of a dynamic enum alive, so we do."""


def _menu(kind: str) -> Any:
    def items(choice: "SoundChoice", _context: bpy.types.Context | None) -> list[tuple[str, str, str, int]]:
        names = tuple(choice.names(kind))
        most = max(len(names), getattr(choice, kind))
        key = (kind, str(most), *names)
        if key not in _items:
            named = [
                f"{n} ({names[n - 1]})" if n <= len(names) and names[n - 1] else str(n)
                for n in range(1, most + 1)
            ]
            _items[key] = [(str(n), name, "", n) for n, name in enumerate([AUTOMATIC, *named])]
        return _items[key]

    return EnumProperty(
        name={"track": "Soundtrack", "channel": "Channel"}[kind],
        description=f"Which {kind} of the sound is heard; Auto is the one with the voice",
        items=items,
        get=lambda choice: getattr(choice, kind),
        set=lambda choice, value: setattr(choice, kind, value),
    )


class SoundChoice(PropertyGroup):
    """What of a sound is heard."""

    track: IntProperty(name="Soundtrack", description="From 1 on; 0 is automatic", min=0, max=MOST)
    channel: IntProperty(name="Channel", description="From 1 on; 0 is automatic", min=0, max=MOST)
    tracks: StringProperty(description="Names of the soundtracks that the file has, a line each")
    channels: StringProperty(description="Names of its channels, where they differ, a line each")
    track_menu: _menu("track")
    channel_menu: _menu("channel")

    def names(self, kind: str) -> list[str]:
        """Of what there is to choose; empty where it is one, or not known yet."""
        text = getattr(self, f"{kind}s")
        return text.split("\n")[:MOST] if text else []

    def shown(self) -> list[str]:
        """The menus that have something to choose."""
        return [f"{kind}_menu" for kind in KINDS if len(self.names(kind)) > 1 or getattr(self, kind)]

    def as_asked(self) -> dict[str, int | None]:
        """Fields of a request."""
        return {kind: getattr(self, kind) or None for kind in KINDS}


def given_or(choice: SoundChoice | None, given: Mapping[str, Any]) -> dict[str, int | None]:
    """What a script or a row says, else what was chosen."""
    asked = choice.as_asked() if choice else dict.fromkeys(KINDS)
    return asked | {kind: given[kind] or None for kind in KINDS if kind in given}


def of_strip(strip: bpy.types.Strip) -> SoundChoice | None:
    """The choice for a strip; None where EcoFace runs without being an add-on."""
    return getattr(sequencer.own_sound(strip) or strip, "ecoface_choice", None)


def expect_unaltered(strip: bpy.types.Strip, heard: sequencer.Sound) -> None:
    """Raise EcoFaceBlenderError where only Blender's own mixdown tells what a strip plays."""
    if heard.altered:
        raise EcoFaceBlenderError(
            f"The strip '{strip.name}' is retimed or fades, so it is heard as Blender plays it; set its "
            "soundtrack and channel to Auto, or save the voice as a .wav and add that."
        )


def remember(context: bpy.types.Context, request: GenerationRequest, answer: Mapping[str, Any]) -> None:
    """Keep with the sound of a request what the engine has found to choose in it."""
    for choice in _choices_for(context, request):
        for kind in KINDS:
            found = answer.get(f"{kind}s")
            names: Sequence[str] = found if isinstance(found, list) else ()
            setattr(choice, f"{kind}s", "\n".join(" ".join(str(name).split()) for name in names[:MOST]))


def _choices_for(context: bpy.types.Context, request: GenerationRequest) -> Iterator[SoundChoice]:
    panel = getattr(context.scene, "ecoface", None)
    if panel and bpy.path.abspath(panel.sound) == request.sound:
        yield panel.choice
    name = packed.file_name(request.sound)
    for strip in sequencer.voice_strips(context):
        path = sequencer.path_of(strip)
        same = str(path) == request.sound
        if (same or (_is_packed(strip) and packed.file_name(str(path)) == name)) and (
            choice := of_strip(strip)
        ):
            yield choice


def _is_packed(strip: bpy.types.Strip) -> bool:
    return strip.type == "SOUND" and strip.sound is not None and strip.sound.packed_file is not None


CLASSES = (SoundChoice,)

PROPERTIES = (
    (
        bpy.types.Strip,
        "ecoface_choice",
        PointerProperty(
            name="Choice", description="Which soundtrack and channel of it is heard", type=SoundChoice
        ),
    ),
)
