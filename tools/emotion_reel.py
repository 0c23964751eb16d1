"""Two minutes of the default model on recorded speech, to be looked at: `python tools/emotion_reel.py`.

Writes emotion_reel.mp4, and emotion_reel_N.png with one picture of every second, into work/emotion_reel.
"""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float32
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ecoface_model.core.constants import EMOTIONS, FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.pipeline import EcoFace
from ecoface_model.preview.soundtrack import read_soundtrack
from ecoface_model.preview.video import pictures, write_video
from ecoface_model.reference_emotion.strength import EmotionStrength
from ecoface_model.renderer.portrait import Portrait
from training.data.real_speech import read_recordings

OUT = Path("work/emotion_reel")
SIZE = (480, 384)  # pixels, height and width
PAUSE = 10  # frames from one line to the next
COLUMNS, ROWS, SMALL = 10, 4, (160, 200)  # of a sheet; width and height of its pictures


@dataclass(frozen=True)
class Line:
    """One recording, and how it is asked for."""

    recording: str
    caption: str
    how: dict[str, Any] = field(default_factory=dict)


LINES = (
    *(Line(name, "from the speech") for name in ("0870", "0880", "0890", "0920", "0930")),
    *(Line("0890", f"{name}:2", {"emotion": f"{name}:2"}) for name in EMOTIONS[1:]),
    *(
        Line("0880", f"style {name}, happy", {"emotion": "happy", "style": name})
        for name in ("lively", "mumbler", "orator", "warm", "stern", "poised", "quirky", "average")
    ),
    *(
        Line("0930", f"angry, strength {x:g}", {"emotion": "angry", "amounts": EmotionStrength(strength=x)})
        for x in (0.0, 0.5, 1.5)
    ),
    Line("0870", "sad, then surprised", {"emotion": "sad:2@1 surprised:2@5"}),
    Line("0920", "fearful, upper face only", {"emotion": "fearful:2", "amounts": EmotionStrength(mouth=0.0)}),
)


def main() -> None:
    """Generate, join, draw, write."""
    OUT.mkdir(parents=True, exist_ok=True)
    motion, sound, captions = joined(EcoFace.load())
    head = read_head()
    frames = []
    for frame, caption in zip(pictures(motion, head, Portrait(head, SIZE), workers=2), captions, strict=True):
        picture = Image.fromarray(frame)
        ImageDraw.Draw(picture).text((12, 10), caption, fill="white", font_size=18)
        frames.append(np.asarray(picture))
    with TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        soundfile.write(wave, sound, SAMPLE_RATE)
        track = read_soundtrack(wave, len(frames) / FRAME_RATE)
        write_video(OUT / "emotion_reel.mp4", iter(frames), track)
    per_sheet = COLUMNS * ROWS
    seconds = frames[FRAME_RATE // 2 :: FRAME_RATE]
    for number in range(-(-len(seconds) // per_sheet)):
        write_sheet(seconds[number * per_sheet :][:per_sheet], OUT / f"emotion_reel_{number}.png")
    print(f"{len(frames) / FRAME_RATE:.0f} s in {OUT}")


def joined(model: EcoFace) -> tuple[FlameMotion, Float32[NDArray[Any], " samples"], list[str]]:
    """All lines one after the other, the face moving from one to the next in silence; a caption per frame."""
    recordings = {clip.name: clip.waveform for clip in read_recordings()}
    motions: list[NDArray[np.float32]] = []
    sounds: list[NDArray[np.float32]] = []
    captions: list[str] = []
    for seed, line in enumerate(LINES):
        waveform = recordings[line.recording]
        made = model.generate(waveform, seed=seed, **line.how)
        if motions:
            way = (1 - np.cos(np.pi * np.arange(1, PAUSE + 1) / (PAUSE + 1)))[:, None] / 2
            between = motions[-1][-1] + way * (made.motion[0] - motions[-1][-1])
            motions.append(between.astype(np.float32))
            sounds.append(np.zeros(PAUSE * SAMPLES_PER_FRAME, np.float32))
            captions += [""] * PAUSE
        length = made.n_frames * SAMPLES_PER_FRAME
        motions.append(made.motion)
        sounds.append(np.pad(waveform[:length], (0, max(0, length - len(waveform)))))
        captions += [line.caption] * made.n_frames
    return FlameMotion(np.concatenate(motions), metadata=made.metadata), np.concatenate(sounds), captions


def write_sheet(frames: list[NDArray[np.uint8]], path: Path) -> None:
    """Pictures in rows."""
    sheet = Image.new("RGB", (COLUMNS * SMALL[0], ROWS * SMALL[1]))
    for place, frame in enumerate(frames):
        corner = (place % COLUMNS * SMALL[0], place // COLUMNS * SMALL[1])
        sheet.paste(Image.fromarray(frame).resize(SMALL), corner)
    sheet.save(path)


if __name__ == "__main__":
    main()
