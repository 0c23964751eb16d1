"""The part of a sound that a request asks for, and what could not be read of it."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

LOOKED_AT = 1 << 26
"""Bytes of a mixed down file that is read for what is damaged in it: about an hour."""
NOT_PLAYED = 0.5
"""Seconds by which Blender may end before a file: strips end on whole frames."""
FAINT, SILENT = 1e-3, 3e-5
"""Of full scale: what is less at a file's end need not be played; what is less is none that Blender mixed."""
AT_ONCE = 1 << 20  # samples that are looked at together, from the end on: memory


def sound_of(
    path: str,
    first_second: float,
    seconds: float | None,
    track: int | None = None,
    channel: int | None = None,
) -> Any:
    """The part of a sound file that is heard: a `Sound` of the library.

    Raises:
        SoundError: if there is no such sound, or nothing of it in that part.
        RequestError: if it has no such track or channel.
    """
    from ecoface_model.sound.reader import read

    sound = read(path, track, channel)
    return replace(sound, waveform=cut(sound.waveform, first_second, seconds))


def warnings_of(original: str | None, mix: Any = None) -> tuple[str, ...]:
    """What cannot be read of a file that Blender has mixed down; nothing of one that takes long to read.

    Where all of it was to be heard, `mix` is what Blender plays: of a chain of streams the first, and all too
    early of what begins late or has gaps.
    """
    found, seconds = _looked_at(original)
    warnings = tuple(found.warnings) if found else ()
    played = _last_sound(mix, SILENT) if mix is not None and seconds else 0.0
    if not played or seconds - played < NOT_PLAYED:
        return warnings
    return (
        *warnings,
        f"Blender plays {played:.1f} s of the {seconds:.1f} s of this file; save it as a .wav to have all of "
        "it in its place",
    )


def choices_in(sound: Any, original: str | None) -> dict[str, list[str]]:
    """The names of soundtracks, and of channels that differ, of which there are several in a file.

    Of the `original`, if Blender has mixed that down into `sound`.
    """
    found = _looked_at(original)[0] if original else sound
    tracks = _names_of_tracks(original) if original and not found else found.tracks
    channels = found.channels if found else ()
    return {
        "tracks": list(tracks) if len(tracks) > 1 else [],
        "channels": list(channels) if len(channels) > 1 else [],
    }


def _names_of_tracks(path: str) -> tuple[str, ...]:
    from ecoface_model.sound.reader import names_of_tracks

    return names_of_tracks(path) if Path(path).is_file() else ()


def _looked_at(original: str | None) -> tuple[Any, float]:
    """What is read of a file, and when its last sound ends; None without one, or of one that takes long to
    read or is no sound."""
    path = Path(original or "")
    if not original or not path.is_file() or path.stat().st_size > LOOKED_AT:
        return None, 0.0
    return _read_once(original, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read_once(original: str, _changed: int) -> tuple[Any, float]:
    """Once for all strips of a file, without its samples."""
    import numpy as np

    from ecoface_model.core.errors import SoundError
    from ecoface_model.sound.reader import read

    try:
        sound = read(original)
    except SoundError:
        return None, 0.0
    return replace(sound, waveform=np.zeros(0, np.float32)), _last_sound(sound.waveform, FAINT)


def _last_sound(waveform: Any, level: float) -> float:
    """When the last sample ends that is louder than so much of full scale, in seconds."""
    import numpy as np

    from ecoface_model.core.constants import SAMPLE_RATE

    for end in range(len(waveform), 0, -AT_ONCE):
        first = max(0, end - AT_ONCE)
        sounding = np.flatnonzero(np.abs(waveform[first:end]) > level)
        if len(sounding):
            return float(first + sounding[-1] + 1) / SAMPLE_RATE
    return 0.0


def cut(waveform: Any, first_second: float, seconds: float | None) -> Any:
    """The part of a 16 kHz waveform that is heard: silence before its beginning, nothing after its end.

    Raises:
        SoundError: if nothing of the sound is in that part.
    """
    import numpy as np

    from ecoface_model.core.constants import SAMPLE_RATE
    from ecoface_model.core.errors import SoundError

    first = round(first_second * SAMPLE_RATE)
    last = len(waveform) if seconds is None else first + round(seconds * SAMPLE_RATE)
    part = waveform[max(0, first) : max(0, last)]
    if len(part) == 0:
        raise SoundError(
            f"expected sound from {first_second:.2f} s on, found one of {len(waveform) / SAMPLE_RATE:.2f} s; "
            "move or lengthen the strip"
        )
    return np.pad(part, (max(0, -first), 0))
