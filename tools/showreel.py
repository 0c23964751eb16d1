"""Two heads in a dialogue, made as a user makes it: `python tools/showreel.py --out FOLDER`.

Each says phrases of its clips in turn, looks at the other, and listens while the other speaks. Writes
pictures into FOLDER/frames, showreel.mp4 with sound, showreel.blend, and sheets with five pictures of every
second.
"""

import argparse
import os
from collections.abc import Iterator
from math import ceil, radians
from pathlib import Path

import bpy
import numpy as np
import showreel_body
import showreel_cuts
import showreel_stage
import soundfile
from PIL import Image
from showreel_lines import SPEECH, Line, dialogue

import ecoface_blender
from ecoface_model.core.constants import FRAME_RATE, SAMPLE_RATE
from ecoface_model.preview.soundtrack import read_soundtrack
from ecoface_model.preview.video import write_video

ENGINES = {
    "CYCLES": "CYCLES",
    "EEVEE": "BLENDER_EEVEE_NEXT" if bpy.app.version < (5, 0) else "BLENDER_EEVEE",
    "WORKBENCH": "BLENDER_WORKBENCH",
}
FACES, STYLES = (0, 1), ("natural", "lively")
APART, TURNED = 0.8, 56.0  # metres between the heads; degrees by which each is turned to the other
IDLE = 1.0  # seconds in which a face comes to rest after its own line
REST = 3.2  # seconds after the last line
SOFT = SAMPLE_RATE // 100  # samples over which a part of a clip comes and goes in the film's sound
SHEET, TILE = (5, 5), (384, 216)  # columns and rows of a sheet, width and height of its pictures


def two_heads(scene: bpy.types.Scene) -> list[bpy.types.Object]:
    """The heads of the reel, half turned to each other, each with the other to look at."""
    heads = []
    for face, side in zip(FACES, (-1, 1), strict=True):
        scene.cursor.location = (side * APART / 2, 0, 0)
        bpy.ops.ecoface.add_head(face=face, beside=False)
        heads.append(bpy.context.object)
        heads[-1].rotation_euler[2] = -side * radians(TURNED)
    bpy.context.view_layer.update()
    for head, other in zip(heads, heads[::-1], strict=True):
        head.ecoface_look_at = other
    return heads


def speak(scene: bpy.types.Scene, heads: list[bpy.types.Object], lines: list[Line]) -> None:
    """A strip of sound for each line, a take for each strip, and listening between them."""
    strips = scene.sequence_editor_create().strips
    for number, line in enumerate(lines):
        name, part = f"Line {number + 1}", line.part
        strip = strips.new_sound(name, str(part.sound.resolve()), 1 + line.speaker, line.first_frame)
        strip.frame_start = line.first_frame - part.start
        strip.frame_final_start, strip.frame_final_end = line.first_frame, line.end_frame
        strip.channel = 1 + line.speaker  # as long as it was, it did not fit between the others
        scene.ecoface.head = head = heads[line.speaker]
        bpy.ops.ecoface.generate(
            head=head.name,
            strip=name,
            emotion=line.emotion,
            style=STYLES[line.speaker],
            seed=number,
            idle=IDLE,
        )
        bpy.ops.ecoface.take_push()
    for number, head in enumerate(heads):
        bpy.ops.ecoface.fill_silence(head=head.name, seed=number)


def direct(scene: bpy.types.Scene, heads: list[bpy.types.Object], lines: list[Line]) -> None:
    """Clothes and shoulders, cameras that show who speaks and who listens, and an end with nothing to say."""
    watched = showreel_cuts.watch(heads, scene.frame_end)
    for number, (head, garment) in enumerate(zip(heads, showreel_stage.GARMENTS, strict=True)):
        own = [line for line in lines if line.speaker == number]
        said = [((one.first_frame - 1) / FRAME_RATE, (one.end_frame - 1) / FRAME_RATE) for one in own]
        moves = showreel_body.turns(watched.turned[number], said, number)
        showreel_body.put_on(head, showreel_stage.dress(head, garment), *moves)
    showreel_stage.film(scene, heads, showreel_cuts.moved(showreel_cuts.planned(lines), watched))
    scene.frame_end = showreel_cuts.end(watched, scene.frame_end)


def set_up(scene: bpy.types.Scene, options: argparse.Namespace) -> None:
    render = scene.render
    render.engine, render.fps, render.fps_base = ENGINES[options.engine], FRAME_RATE, 1.0
    render.resolution_x, render.resolution_y = options.size
    render.image_settings.color_mode = "RGB"
    scene.cycles.samples, scene.cycles.use_denoising = options.samples, True
    render.use_persistent_data = True
    scene.eevee.taa_render_samples = options.samples
    scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "MATERIAL"
    scene.display.render_aa = "5"


def render(scene: bpy.types.Scene, folder: Path, frames: range) -> list[Path]:
    """A picture of each frame, named by its number; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{frame:05}.png" for frame in frames]
    for frame, path in zip(frames, paths, strict=True):
        if not path.is_file():
            scene.frame_set(frame)
            scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True)
    return paths


def pictures(paths: list[Path], each: int) -> Iterator[np.ndarray]:
    """Every picture, held for as many frames as there are between two."""
    for path in paths:
        with Image.open(path) as picture:
            yield from [np.asarray(picture.convert("RGB"))] * each


def write_film(out: Path, lines: list[Line], paths: list[Path], frames: range) -> None:
    """The pictures with what is said meanwhile."""
    sound = np.zeros(SAMPLE_RATE * frames.stop // FRAME_RATE, np.float32)
    for line in lines:
        said = line.part.read()
        ramp = np.minimum(np.arange(len(said)) / SOFT, 1).astype(np.float32)
        there = sound[(line.first_frame - 1) * SAMPLE_RATE // FRAME_RATE :]
        there[: len(said)] += (said * ramp * ramp[::-1])[: len(there)]
    wave = out / "showreel.wav"
    soundfile.write(wave, sound[(frames.start - 1) * SAMPLE_RATE // FRAME_RATE :], SAMPLE_RATE)
    track = read_soundtrack(wave, len(frames) * frames.step / FRAME_RATE)
    write_video(out / "showreel.mp4", pictures(paths, frames.step), track)


def write_sheets(out: Path, paths: list[Path], step: int) -> None:
    """Pictures in rows, five of a second or as many as there are."""
    seen, (columns, rows) = paths[:: max(1, round(FRAME_RATE / 5 / step))], SHEET
    for number in range(ceil(len(seen) / (columns * rows))):
        sheet = Image.new("RGB", (columns * TILE[0], rows * TILE[1]))
        for place, path in enumerate(seen[number * columns * rows :][: columns * rows]):
            with Image.open(path) as picture:
                tile = picture.convert("RGB").resize(TILE)
            sheet.paste(tile, (place % columns * TILE[0], place // columns * TILE[1]))
        sheet.save(out / f"sheet_{number:02}.png")


def main() -> None:
    """Set the scene, let them speak, render."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--seconds", type=float, default=60.0, help="of dialogue, to the end of a line")
    parser.add_argument("--engine", choices=ENGINES, default="EEVEE")
    parser.add_argument("--frames", type=int, nargs=2, metavar=("A", "B"), help="only these, from 1 on")
    parser.add_argument("--step", type=int, default=1, help="render every N-th frame")
    parser.add_argument(
        "--answer", type=Path, nargs="+", default=[SPEECH], help="clips that the second head says"
    )
    parser.add_argument("--size", type=int, nargs=2, default=(960, 540), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--samples", type=int, default=16)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ecoface_blender.register()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    set_up(scene, options)
    lines = dialogue([[SPEECH], options.answer], options.seconds)
    scene.frame_start, scene.frame_end = 1, lines[-1].end_frame + ceil(REST * FRAME_RATE)
    heads = two_heads(scene)
    speak(scene, heads, lines)
    direct(scene, heads, lines)
    bpy.ops.wm.save_as_mainfile(filepath=str((options.out / "showreel.blend").resolve()))
    first, last = options.frames or (1, scene.frame_end)
    frames = range(first, last + 1, options.step)
    paths = render(scene, options.out / "frames", frames)
    write_film(options.out, lines, paths, frames)
    write_sheets(options.out, paths, options.step)
    print(f"{len(lines)} lines, {len(paths)} pictures in {options.out}")
    ecoface_blender.unregister()


if __name__ == "__main__":
    main()
    os._exit(0)  # some of Blender's wheels do not return from their own clean-up
