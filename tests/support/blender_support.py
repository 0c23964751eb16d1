"""What the tests in Blender share: a small head in the big one's format, an empty file, sounds, vertices."""

import time
import wave
from pathlib import Path

import bpy
import numpy as np
import pytest

from ecoface_blender.core.head_file import MASKS
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.heads import face_kinds

REFERENCE_HEAD = Path(__file__).parents[2] / "ecoface_model" / "assets" / "reference_head.npz"
N_AROUND, N_ALONG = 24, 15


def small_head(seed: int = 0) -> dict[str, np.ndarray]:
    """A ball with a jaw, 50 smooth expressions, correctives and two materials; its numbers are metres."""
    rng = np.random.default_rng(seed)
    around, along = np.meshgrid(
        np.linspace(0, 2 * np.pi, N_AROUND, endpoint=False), np.linspace(0.15, np.pi - 0.15, N_ALONG)
    )
    vertices = 0.1 * np.stack(
        [np.sin(along) * np.sin(around), np.cos(along), np.sin(along) * np.cos(around)], -1
    )
    vertices = vertices.reshape(-1, 3)
    waves = rng.normal(0, 25, (3, 50))  # smooth in space
    sizes = rng.normal(0, 0.004, (3, 50)) / np.arange(1, 51)  # falling off as principal directions do
    shapes = np.sin(vertices @ waves + rng.uniform(0, 6, 50))[:, None, :] * sizes
    jaw = 1 / (1 + np.exp((vertices[:, 1] + 0.02) / 0.01)) * (vertices[:, 2] > 0)
    weights = np.zeros((len(vertices), 5))
    weights[:, 2], weights[:, 1] = jaw, 1 - jaw
    regressor = np.zeros((5, len(vertices)))
    regressor[:, ::7] = 1 / len(vertices[::7])
    correctives = np.zeros((len(vertices), 3, 36))
    correctives[:, :, 9:18] = jaw[:, None, None] * rng.normal(0, 0.002, (3, 9))
    faces = _ball_faces()
    names = np.array(["jawOpen", "mouthSmileLeft"])
    return {
        "name": np.array("small head"),
        "n_shape": np.array(2),
        "v_template": vertices.astype(np.float32),
        "faces": faces,
        "shapedirs": np.concatenate([np.zeros((len(vertices), 3, 2)), shapes], -1).astype(np.float16),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "posedirs": correctives.astype(np.float16),
        "uv": rng.random((len(vertices), 2), dtype=np.float32),
        "uv_faces": faces,
        "material_names": np.array(["skin", "lips"]),
        "material": (np.arange(len(faces)) % 2).astype(np.uint8),
        "vertex_colors": rng.random((len(vertices), 3), dtype=np.float32),
        "arkit_names": names,
        "arkit_coefficients": rng.normal(0, 1, (2, 53)).astype(np.float32),
    }


def _ball_faces() -> np.ndarray:
    corner = np.arange(N_AROUND * N_ALONG).reshape(N_ALONG, N_AROUND)
    a, b = corner[:-1], np.roll(corner[:-1], -1, axis=1)
    c, d = corner[1:], np.roll(corner[1:], -1, axis=1)
    return np.stack([np.stack([a, c, d], -1), np.stack([a, d, b], -1)], 2).reshape(-1, 3).astype(np.int32)


def write_head(arrays: dict[str, np.ndarray], path: Path) -> Path:
    """As the worker writes it, with what it knows nothing of empty."""
    n_units = len(arrays["arkit_names"])
    unknown = {
        "kintree_table": np.array([[-1, 0, 1, 1, 1], range(5)]),
        "landmark_faces": np.zeros(0, np.int32),
        "landmark_barycentric": np.zeros((0, 3), np.float32),
        "arkit_units": np.zeros((n_units, *arrays["v_template"].shape), np.float32),
        **{f"mask_{name}": np.zeros(0, np.int32) for name in MASKS},
    }
    np.savez(path, **(unknown | arrays))
    return path


def empty_blend() -> bpy.types.Context:
    """Blender with an empty scene, for the tests that change it."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy.context


def talking_motion(n_frames: int, seed: int = 0) -> np.ndarray:
    """A smooth motion (T, 53): expressions within 2, the jaw open to 18 degrees."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_frames)[:, None] / 25
    motion = np.sin(2 * np.pi * time * rng.uniform(0.5, 4, 53) + rng.uniform(0, 6, 53)) * rng.uniform(
        0, 2, 53
    )
    motion[:, 50:] = np.radians(
        [9 + 9 * np.sin(9 * time[:, 0]), 3 * np.sin(3 * time[:, 0]), np.cos(2 * time[:, 0])]
    ).T
    return motion


def seen_vertices(item: bpy.types.Object) -> np.ndarray:
    """Where the object's vertices (V, 3) really are in the world, now."""
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    out = np.empty(len(mesh.vertices) * 3, dtype=np.float32)
    mesh.vertices.foreach_get("co", out)
    evaluated.to_mesh_clear()
    world = np.array(item.matrix_world)
    return out.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def write_sound(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    """A mono 16-bit wav of samples in -1..1."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())
    return path


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """Samples (n, channels) in -1..1 and the rate of a 16-bit wav."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        return samples / 32767, file.getframerate()


def mix_down(
    scene: bpy.types.Scene, path: Path, rate: int, container: str = "WAV", codec: str = "PCM"
) -> np.ndarray:
    """The scene as Blender mixes it down; of a wav its first channel's samples (n,), once it is whole."""
    path.unlink(missing_ok=True)
    in_a_thread = bpy.app.version >= (5, 1)
    if in_a_thread:  # it stands in the way of the next one until its scene is removed
        scene = scene.copy()
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(
            filepath=str(path), container=container, codec=codec, format="S16", mixrate=rate
        )
    size = -1
    while not path.exists() or path.stat().st_size != size:
        size = path.stat().st_size if path.exists() else -1
        if in_a_thread:
            time.sleep(0.3)
    if in_a_thread:
        bpy.data.scenes.remove(scene)
    return read_sound(path)[0][:, 0] if container == "WAV" else np.zeros(0)


retiming = pytest.mark.skipif(
    bpy.app.version < (5, 0),
    reason="Blender 4.5 crashes now and then at a retimed strip, and plays it late by chance",
)


def retime(scene: bpy.types.Scene, strip: bpy.types.Strip, frame: int, percent: float) -> None:
    """Give a strip another speed on one side of a frame, by the operators of the sequencer."""
    window = bpy.context.window_manager.windows[0]
    if hasattr(bpy.context.workspace, "sequencer_scene"):  # Blender 5.0 and later
        bpy.context.workspace.sequencer_scene = scene
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    for other in scene.sequence_editor.strips_all:
        other.select = other == strip
    scene.sequence_editor.active_strip = strip
    with bpy.context.temp_override(window=window, area=area, region=region, scene=scene):
        bpy.ops.sequencer.retiming_key_add(timeline_frame=frame)
        bpy.ops.sequencer.retiming_segment_speed_set(speed=percent)
    assert len(strip.retiming_keys) > 1


def receive_take(speaker: bpy.types.Object, motion: np.ndarray, first_frame: float = 1.0) -> None:
    """Let a head get a take of a motion (T, 53) at 25 fps, as a generated line would give it."""
    from ecoface_blender.request import GenerationRequest
    from ecoface_blender.takes import takes

    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker=speaker.name,
        head=face_kinds.known_rig(speaker).coefficients(EngineSettings()),
        sound="/hello.wav",
        first_frame=first_frame,
    )
    takes.receive(bpy.context, line, motion, 25, np.eye(50), {"style": "anna"})
