"""A .blend from a stranger: properties of a take, its head and its packed sound, with damage by a seed."""

import base64
import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from .mutations import MUTATIONS

TEXTS = ("metadata", "baseline", "head_baseline", "sound_path", "strip_name")
BYTES = ("motion", "upper", "phones", "track", "performance", "sound")
ABSURD: tuple[Any, ...] = (
    None, True, -1, 0, 1e300, -1e300, float("nan"), 1 << 70, 0.5, "", "x" * 100_000, "/etc/passwd",
    "//../../a", "\\\\host\\share\\a.wav", "a\0b", "\ud800", [], {}, [[[]]], {"a": 1},
)  # fmt: skip
"""What a stranger, or another program, may have put in the place of a value."""


def good_properties(folder: Path) -> bytes:
    """All that a take carries, as it is made, and the sound that is packed into its file."""
    from ecoface_model.core.head_file import read_head
    from ecoface_model.core.motion_file import FlameMotion

    rng, name = np.random.default_rng(0), read_head().name
    motion = rng.normal(0, 0.1, (50, 53)).astype("<f4")
    FlameMotion(motion, 25.0, {"head": name}).write(folder / "performance.npz")
    np.savez(
        folder / "track.npz", weights=np.full((30, 8), 0.1, "f4"), intensity=np.ones(30, "f4"), rate=10.0
    )
    line = {
        "scene": "Scene", "speaker": "Anna", "head": name, "sound": "/voices/good.wav", "first_frame": 1.0,
        "first_second": 0.0, "seconds": 2.0, "seed": 4, "style": None, "mix": None, "strength": 1.0,
        "emotion_from": "/tmp/performance.npz", "frames": None, "track": None, "channel": None,
    }  # fmt: skip
    metadata = {
        "style": "ben", "emotion": "happy:1.5", "seed": 4, "head": name, "line": line, "first_frame": 1.0,
        "first_second": 0.0, "motion_rate": 25.0, "scene_rate": 24.0, "last_frame": 48.0,
        "phones": ["AA", "P"],
        "heard": {"shares": {"happy": 0.7, "sad": 0.3}, "intensity": 1.2, "emotion": "happy"},
        "amounts": {"upper": 1.0, "mouth": 1.0, "strength": 1.0},
        "parts": [{"frames": [5.0, 20.0], "emotion": "sad", "seed": 1, "style": "ben"}],
    }  # fmt: skip
    states = base64.b64encode(np.zeros((4, 4), "<f4").tobytes()).decode()
    baseline = json.dumps({"kind": "neutral", "n_lines": 1, "shape": [4, 4], "states": states})
    values = {
        "metadata": json.dumps(metadata), "baseline": "", "head_baseline": baseline,
        "sound_path": "//voices/good.wav", "strip_name": "good",
        "motion": motion.tobytes(), "upper": np.eye(50, dtype="<f4").tobytes(), "phones": bytes(100),
        "track": (folder / "track.npz").read_bytes(),
        "performance": (folder / "performance.npz").read_bytes(),
        "sound": (folder / "good.wav").read_bytes(),
    }  # fmt: skip
    return _written(values)


def mutated_properties(data: bytes, seed: int) -> tuple[bytes, str]:
    """The same with damage in one to three of them, and its name."""
    rng, values = random.Random(seed), read_properties(data)
    names = rng.sample((*TEXTS, *BYTES, "metadata"), rng.choice([1, 1, 3]))
    for name in set(names):
        if name == "metadata" and rng.random() < 0.7:
            values[name] = json.dumps(_with_absurd(json.loads(values[name]), rng))
        elif name in TEXTS and rng.random() < 0.5:
            values[name] = rng.choice([each for each in ABSURD if isinstance(each, str)])
        elif name in TEXTS:
            raw = values[name].encode() or b"x"
            values[name] = rng.choice(MUTATIONS)(raw, rng).decode("utf-8", "replace")
        else:
            values[name] = rng.choice(MUTATIONS)(values[name], rng)
    return _written(values), "-".join(sorted(set(names)))


def _with_absurd(values: Any, rng: random.Random) -> Any:
    """JSON's values, one of which is something else, or gone."""
    inside = [values]
    while rng.random() < 0.6 and (deeper := [each for each in _within(inside[-1]) if _within(each)]):
        inside.append(rng.choice(deeper))
    at = inside[-1]
    key = rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
    if rng.random() < 0.15:
        del at[key]
    else:
        at[key] = rng.choice(ABSURD)
    return values


def _within(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _written(values: dict[str, Any]) -> bytes:
    packed = {n: base64.b64encode(v).decode() if n in BYTES else v for n, v in values.items()}
    return json.dumps(packed).encode()


def read_properties(data: bytes) -> dict[str, Any]:
    """By their names."""
    values: dict[str, Any] = json.loads(data)
    return {name: base64.b64decode(value) if name in BYTES else value for name, value in values.items()}


def open_and_use(path: Path, out: Path) -> None:
    """Open a .blend with these properties and do with its take what an artist does: look, adjust, regenerate.

    Raises:
        EcoFaceBlenderError: if it refuses in one sentence.
    """
    import bpy

    from ecoface_blender.errors import EcoFaceBlenderError
    from ecoface_blender.generate.again import request_again
    from ecoface_blender.takes import diagnosis, heard, names, stored, takes
    from ecoface_blender.worker import failures, jobs, protocol

    _make_blend(read_properties(path.read_bytes()), path.with_suffix(".blend"))
    bpy.ops.wm.open_mainfile(filepath=str(path.with_suffix(".blend")))
    speaker, take = bpy.data.objects["Anna"], bpy.data.actions["Take"]
    stored.describe(speaker)
    diagnosis.why_still(bpy.context.scene, speaker)
    heard.heard_sentence(speaker)
    names.take_name(take_story(take))
    take.ecoface_take.jaw = 0.5
    folder = path.parent / "job"
    folder.mkdir()
    asked = request_again(bpy.context, take, str(folder))
    if not set(folder.parent.rglob("*")) <= {path, path.with_suffix(".blend"), folder, *folder.rglob("*")}:
        raise AssertionError("something was written elsewhere")
    engine = jobs.Jobs()
    try:
        tiny = path.parents[2] / "good.safetensors"
        engine.do(protocol.Load(id=1, model=str(tiny), device="cpu"), lambda *_: None, lambda *_: None)
        request = protocol.Generate(id=2, **asked.message(folder / "motion.npz", None))
        engine.do(request, lambda *_: None, lambda *_: None)
    except Exception as error:
        raise EcoFaceBlenderError(failures.sentence_of(error)) from error
    takes.receive(bpy.context, asked, *stored.read_motion(folder / "motion.npz"))
    (out / "result.npz").write_bytes((folder / "motion.npz").read_bytes())


def take_story(take: Any) -> dict[str, Any]:
    """What is read of its metadata."""
    from ecoface_blender.animation import actions

    return actions.read_metadata(take)


def _make_blend(values: dict[str, Any], path: Path) -> None:
    """A file with a head, its take, and a strip of a packed sound, that hold these values."""
    import bpy
    from blender_support import empty_blend, small_head, write_sound

    from ecoface_blender.heads import own_head
    from ecoface_blender.request import GenerationRequest
    from ecoface_blender.sound import sequencer
    from ecoface_blender.takes import stored, takes
    from ecoface_model.core.head_file import read_head

    scene = empty_blend().scene
    speaker = own_head.add_head(bpy.context, small_head() | {"name": np.array(read_head().name)}, "Anna")
    asked = GenerationRequest(
        scene=scene.name, speaker="Anna", head=read_head().name, sound="/voices/good.wav", first_frame=1.0
    )
    takes.receive(bpy.context, asked, np.zeros((50, 53), "f4"), 25, np.eye(50), {"style": "ben", "seed": 4})
    take = takes.played(speaker)
    take.name = "Take"
    sound = path.with_name("packed.wav")
    write_sound(sound, np.full(48_000, 0.1))
    strip = sequencer.add_sound_strip(scene, sound, 1)
    sound.write_bytes(values["sound"])
    strip.sound.pack()
    sound.unlink()
    for name in ("motion", "upper", "phones", "track", "performance"):
        stored.store(take, getattr(stored, name.upper()), values[name])
    take["ecoface"] = _as_blender_keeps(values["metadata"])
    take["ecoface_baseline"] = _as_blender_keeps(values["baseline"])
    speaker["ecoface_voice_baseline"] = _as_blender_keeps(values["head_baseline"])
    strip.name, strip.sound.filepath = (_as_blender_keeps(values[n]) for n in ("strip_name", "sound_path"))
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def _as_blender_keeps(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "?")
