"""What the worker does for each request, with ecoface_model; runs in the Python that has an engine.

ecoface_model is imported inside the jobs: where a package is missing, the job fails with a sentence instead
of the process with a traceback.
"""

import platform
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import protocol
from .sounds import choices_in, sound_of, warnings_of

OnProgress = Callable[[str, int, int], None]
OnFrames = Callable[[int, Any], None]
"""Called with a first frame and the `FlameMotion` from it on."""
LONG = 60.0  # seconds of sound whose room is given back after it


class GivenUpError(Exception):
    """The user has cancelled the job that is running."""


class Jobs:
    """The jobs, and the model that they keep loaded from one to the next."""

    def __init__(self) -> None:
        self._model: Any = None
        self._loaded: tuple[object, ...] = ()

    def do(self, request: protocol.Request, on_progress: OnProgress, on_frames: OnFrames) -> dict[str, Any]:
        """The answer to a request; a job that is given up ends by the exception of the next `on_progress`."""
        on_progress("Starting", 0, 1)
        if isinstance(request, protocol.Hello):
            return self._hello()
        if isinstance(request, protocol.Load):
            return self._load(request, on_progress)
        if isinstance(request, protocol.Generate):
            return self._generate(request, on_progress, on_frames)
        if isinstance(request, protocol.Listen):
            return self._listen(request, on_progress)
        if isinstance(request, protocol.Baseline):
            return self._baseline(request, on_progress)
        assert isinstance(request, protocol.Head), request
        return self._head(request)

    def _hello(self) -> dict[str, Any]:
        from ecoface_model.device import hardware, working

        engine, device = working()
        return {
            "protocol": protocol.PROTOCOL,
            "python": platform.python_version(),
            "engine": engine,
            "device": device,
            "hardware": hardware(device),
        }

    def _load(self, request: protocol.Load, on_progress: OnProgress) -> dict[str, Any]:
        """Load a model, unless the same file is loaded already."""
        on_progress("Loading the model", 0, 1)
        from ecoface_model.device import give_back_memory, hardware
        from ecoface_model.pipeline import EcoFace

        stat = Path(request.model).stat() if request.model and Path(request.model).is_file() else None
        wanted = (request.model, request.device, stat and (stat.st_mtime_ns, stat.st_size))
        if self._loaded != wanted:
            self._model, self._loaded = None, ()  # two models need not fit into memory at once
            give_back_memory()
            self._model = EcoFace.load(request.model, device=request.device)
            self._loaded = wanted
        model = self._model.model
        return {
            "name": model.info["name"],
            "head": model.info["head"],
            "hash": model.hash,
            "styles": list(model.styles),
            "device": self._model.device,
            "engine": self._model.backend.engine,
            "hardware": hardware(self._model.device),
        }

    def _generate(
        self, request: protocol.Generate, on_progress: OnProgress, on_frames: OnFrames
    ) -> dict[str, Any]:
        """Sound file -> motion file, with the model that is loaded."""
        on_progress("Reading the sound", 0, 1)
        from ecoface_model.device import give_back_memory
        from ecoface_model.reference_emotion.strength import EmotionStrength

        model = self._loaded_model()
        sound = sound_of(request.sound, request.first_second, request.seconds, request.track, request.channel)
        reference, not_read = self._reference(request)
        motion = model.generate(
            sound.waveform,
            style=request.style,
            emotion=self._track(request.emotion_track) if request.emotion_track else request.emotion,
            emotion_from=reference,
            amounts=EmotionStrength(strength=request.strength, upper=request.upper, mouth=request.mouth),
            seed=request.seed,
            temperature=request.temperature,
            head_motion=request.head_motion,
            gaze=request.gaze,
            idle=request.idle,
            baseline=baseline_of(request.baseline),
            reference_baseline=baseline_of(request.reference_baseline),
            progress=on_progress,
            on_part=self._parts(request, on_frames) if request.live else None,
        )
        not_played = warnings_of(request.original, sound.waveform if request.seconds is None else None)
        sound = replace(sound, warnings=(*sound.warnings, *not_played))
        metadata = sound.describe(motion.metadata | {"source": Path(request.sound).name})
        motion = replace(motion, metadata=metadata)
        motion = fit(motion, request.head, request.head_file)
        on_progress("Writing the motion", 1, 1)  # the last chance to be given up
        motion.write(request.result, upper=upper_of(motion.metadata["head"], request.head_file))
        if motion.seconds > LONG:
            give_back_memory()
        return {
            "frames": motion.n_frames,
            "seconds": motion.seconds,
            "peak": float(max(sound.waveform.max(), -sound.waveform.min())),
            "warnings": [
                *metadata.get("warnings", ()),
                *not_read,
                *metadata.get("notes", ()),
            ],
            **choices_in(sound, request.original),
        }

    def _parts(self, request: protocol.Generate, on_frames: OnFrames) -> OnFrames:
        """What hands on parts of the motion in the coefficients of the head that will speak."""
        owner = {"head": self._model.model.info["head"]}

        def on_part(first: int, part: Any) -> None:
            on_frames(first, fit(replace(part, metadata=owner), request.head, request.head_file))

        return on_part

    def _listen(self, request: protocol.Listen, on_progress: OnProgress) -> dict[str, Any]:
        """Sound file -> emotions over time, with the model that is loaded."""
        on_progress("Reading the sound", 0, 1)
        import numpy as np

        from ecoface_model.core.emotion_label import TRACK_RATE
        from ecoface_model.level import remarks

        model = self._loaded_model()
        sound = sound_of(request.sound, request.first_second, request.seconds, request.track, request.channel)
        speech = model.listen(sound.waveform, baseline=baseline_of(request.baseline), progress=on_progress)
        speech = speech.neutral_if_nobody_speaks()
        on_progress("Listening", 1, 1)  # the last chance to be given up
        with open(request.result, "wb") as file:
            np.savez(
                file, weights=speech.shares, intensity=speech.intensity, speech=speech.speech, rate=TRACK_RATE
            )
        return {
            "heard": speech.summary(),
            "seconds": speech.speech_seconds,
            "warnings": [*sound.warnings, *sound.notes, *remarks(sound.waveform)],
            **choices_in(sound, None),
        }

    def _baseline(self, request: protocol.Baseline, on_progress: OnProgress) -> dict[str, Any]:
        """Sound files of one voice -> how it usually sounds."""
        waveforms, warnings = [], []
        for number, each in enumerate(request.sounds):
            on_progress("Reading the sound", number, len(request.sounds))
            sound = sound_of(
                each["sound"], each["first_second"], each["seconds"], each.get("track"), each.get("channel")
            )
            waveforms.append(sound.waveform)
            warnings += [f"{Path(each['sound']).name}: {sentence}" for sentence in sound.warnings]
        rounds = len(waveforms) * (1 if request.kind == "neutral" else 2)  # those in any mood are heard twice
        begun = 0

        def by_line(stage: str, done: int, _total: int) -> None:
            nonlocal begun
            begun += done == 0  # each line is told from its beginning
            on_progress(stage, min(begun - 1, rounds), rounds)

        baseline = self._loaded_model().voice_baseline(waveforms, request.kind, progress=by_line)
        return {**baseline.as_dict(), "warnings": warnings}

    def _loaded_model(self) -> Any:
        from ecoface_model.core.errors import RequestError

        if self._model is None:  # its loading has failed, and said why
            raise RequestError("expected a model to be loaded first, found none; load one")
        return self._model

    def _reference(self, request: protocol.Generate) -> tuple[Any, tuple[str, ...]]:
        """The waveform that is heard, or the performance that is seen, and what of it could not be read."""
        if request.emotion_from is None:
            return None, ()
        path = Path(request.emotion_from)
        if path.suffix.lower() != ".npz":
            sound = sound_of(request.emotion_from, request.emotion_first_second, request.emotion_seconds)
            return sound.waveform, sound.warnings
        from ecoface_model.core.motion_file import FlameMotion

        return fit(FlameMotion.read(path), self._model.model.info["head"], request.head_file), ()

    def _track(self, path: str) -> Any:
        """Weights of emotions over time, as Blender wrote them."""
        from ecoface_model.core.emotion_label import EmotionTrack
        from ecoface_model.core.npz import read_npz

        arrays = read_npz(Path(path), ("weights", "intensity", "rate"))
        return EmotionTrack(arrays["weights"], arrays["intensity"], float(arrays["rate"]))

    def _head(self, request: protocol.Head) -> dict[str, Any]:
        """Head file -> the same arrays in an .npz that Blender's numpy reads without any pickle."""
        import numpy as np

        from ecoface_model.core.head_file import read_head

        head = read_head(Path(request.file) if request.file else None)
        with open(request.result, "wb") as file:
            np.savez(file, **head.arrays())
        return {"name": head.name}


def fit(motion: Any, name: str, file: str | None) -> Any:
    """A motion in the coefficients of the named head, which is the reference head or the one in `file`.

    Raises:
        HeadError: if a head is not where it should be.
    """
    owner = motion.metadata["head"]
    if owner == name:
        return motion
    from ecoface_model.core.errors import HeadError
    from ecoface_model.core.head_file import read_head
    from ecoface_model.transfer import transfer

    found = [read_head(), *([read_head(Path(file))] if file else [])]
    heads = {head.name: head for head in found}
    for wanted in (owner, name):
        if wanted not in heads:
            raise HeadError(
                f"expected the file of the head '{wanted}', found only {', '.join(heads)}; "
                "choose its FLAME file in the preferences"
            )
    return transfer(motion, heads[owner], heads[name])


def upper_of(head: str, file: str | None) -> Any:
    """What tells the upper face apart (50, 50) on the named head: the reference head, or the one in `file`.

    Raises:
        HeadError: if the file is no head.
    """
    from ecoface_model.core.head_file import REFERENCE_HEAD

    name, upper = _name_and_upper(REFERENCE_HEAD, REFERENCE_HEAD.stat().st_mtime_ns)
    if head == name or not file:
        return upper
    path = Path(file)
    return _name_and_upper(path, path.stat().st_mtime_ns if path.is_file() else 0)[1]


@lru_cache(maxsize=4)
def _name_and_upper(path: Path, _changed: int) -> tuple[str, Any]:
    """Of the head in a file: to read it takes longer than to animate a short line."""
    from ecoface_model.core.head_file import read_head
    from ecoface_model.postprocess.face_regions import upper_projection

    head = read_head(path)
    return head.name, upper_projection(head)


def baseline_of(values: dict[str, Any] | None) -> Any:
    """The library's voice baseline of plain values.

    Raises:
        RequestError: if they are none.
    """
    from ecoface_model.reference_emotion.voice_baseline import VoiceBaseline

    return None if values is None else VoiceBaseline.from_dict(values)
