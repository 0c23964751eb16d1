"""Previews: exact pictures, rate and length, sound in sync, sheets, and what is refused."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from ecoface_model.core.errors import MotionError, RequestError, SoundError
from ecoface_model.core.head_file import read_head
from ecoface_model.core.motion_file import FlameMotion
from ecoface_model.preview import video as preview
from ecoface_model.preview.sheet import COLUMNS, ROWS, choose_moments
from ecoface_model.preview.soundtrack import Soundtrack, read_soundtrack
from ecoface_model.preview.video import write_preview, write_video
from ecoface_model.renderer.portrait import Portrait

CLICK = 0.48  # seconds


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    return Portrait(read_head(), (160, 128))


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch, portrait):
    """Previews at a quarter of their size, from one prepared head, so that tests are quick."""
    monkeypatch.setattr(preview, "Portrait", lambda *_, **__: portrait)


def motion(frames: int = 25, fps: float = 25.0) -> FlameMotion:
    numbers = np.zeros((frames, 53), np.float32)
    numbers[:, 50] = 0.2 * np.abs(np.sin(np.arange(frames) / 3))
    return FlameMotion(numbers, fps, {"head": read_head().name})


def click(path: Path, rate: int, channels: int = 1, seconds: float = 1.5) -> Path:
    """A click at CLICK in silence."""
    sound = np.zeros((round(seconds * rate), channels), np.float32)
    sound[round(CLICK * rate) : round((CLICK + 0.004) * rate)] = 0.8
    soundfile.write(path, sound, rate)
    return path


def decode(path: Path) -> tuple[list[av.VideoFrame], np.ndarray, int]:
    """Pictures, mono sound from time zero, and its rate."""
    with av.open(str(path)) as container:
        pictures = list(container.decode(video=0))
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return pictures, np.zeros(0), 0
        rate = container.streams.audio[0].rate
        frames = list(container.decode(audio=0))
    start = round(float(frames[0].pts * frames[0].time_base) * rate)
    sound = np.concatenate([frame.to_ndarray().mean(0) for frame in frames])
    return pictures, np.pad(sound, (max(0, start), 0))[max(0, -start) :], rate


def test_a_video_has_exactly_25_frames_a_second_and_the_motions_length(tmp_path):
    write_preview(motion(30), tmp_path / "a.mp4")
    pictures, sound, _ = decode(tmp_path / "a.mp4")
    assert len(pictures) == 30 and len(sound) == 0
    assert [frame.pts * frame.time_base for frame in pictures] == [Fraction(k, 25) for k in range(30)]
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == 25 and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.codec_context.name == "h264"
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_pictures_show_the_head_turned_and_the_eyes_looking(tmp_path, portrait):
    still = motion(3)
    turned = replace(
        still,
        head=np.array([[0, 0, 0], [0, 0.25, 0], [0, 0, 0]], np.float32),
        gaze=np.array([[0, 0], [0, 0], [0.3, 0]], np.float32),
    )
    plain = np.stack(list(preview.pictures(still, read_head(), portrait))).astype(int)
    shown = np.stack(list(preview.pictures(turned, read_head(), portrait))).astype(int)
    changed = (np.abs(plain - shown).max(axis=3) > 25).mean(axis=(1, 2))
    assert (
        changed[0] < 0.001 < changed[2] < 0.01 < changed[1]
    )  # eyes that converge, eyes aside, a head turned
    left = (shown[1] - plain[1])[:, 64:]
    assert np.abs(left).mean() > 1
    outside = portrait.empty[0].numpy().astype(int)
    rim = np.abs(shown[1] - outside).max(axis=2)  # where the head was there is wall, not darkness
    assert (shown[1][(rim > 25)].sum(axis=1) < 12).mean() < 0.02


def test_a_motion_at_another_rate_is_shown_in_real_time(tmp_path):
    write_preview(motion(60, 60.0), tmp_path / "a.mp4")
    assert len(decode(tmp_path / "a.mp4")[0]) == 25


def test_pictures_keep_their_colours_and_their_order(tmp_path):
    shades = [np.full((64, 64, 3), (200 - 5 * k, 120, 40 + 5 * k), np.uint8) for k in range(20)]
    write_video(tmp_path / "a.mp4", iter(shades), None)
    pictures = decode(tmp_path / "a.mp4")[0]
    for wanted, found in zip(shades, pictures, strict=True):
        # as a player does: BT.709, limited range
        shown = found.to_ndarray(format="rgb24", src_colorspace="ITU709").astype(int)
        assert np.abs(shown - wanted).max() <= 6


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1), (96_000, 2)])
def test_sound_is_in_sync_and_of_the_clips_length(tmp_path, rate, channels):
    path = click(tmp_path / "a.wav", rate, channels)
    shades = (np.full((64, 64, 3), 8 * k, np.uint8) for k in range(25))
    write_video(tmp_path / "a.mp4", shades, read_soundtrack(path, 1.0))
    _, sound, found_rate = decode(tmp_path / "a.mp4")
    assert np.abs(sound).argmax() / found_rate == pytest.approx(CLICK + 0.002, abs=0.005)
    assert len(sound) / found_rate == pytest.approx(1.0, abs=1024 / found_rate)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.audio[0].channels == channels
        assert container.duration / av.time_base == pytest.approx(1.0, abs=0.03)


def test_a_soundtrack_is_cut_or_filled_to_the_sample(tmp_path):
    path = click(tmp_path / "a.wav", 44_100)
    for seconds in (0.04, 1.0, 1.5, 4.0):
        track = read_soundtrack(path, seconds)
        assert track.samples.shape == (1, round(seconds * 44_100)) and track.rate == 44_100
    assert np.abs(read_soundtrack(path, 4.0).samples[0, 70_000:]).max() == 0


@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3", ".m4a", ".mp4"])
def test_any_kind_of_sound_gives_the_same_track(tmp_path, suffix):
    path = click(tmp_path / "a.wav", 48_000)
    wanted = read_soundtrack(path, 1.0).samples
    other = tmp_path / f"b{suffix}"
    if suffix in (".m4a", ".mp4"):
        track = Soundtrack(wanted, 48_000)
        with av.open(str(other), "w") as container:
            track.encode(container, track.add_to(container))
    else:
        soundfile.write(other, wanted[0], 48_000)
    found = read_soundtrack(other, 1.0)
    assert found.samples.shape == wanted.shape
    assert np.abs(found.samples).argmax() / 48_000 == pytest.approx(CLICK + 0.002, abs=0.03)


def test_a_sheet_is_a_picture_with_every_tile(tmp_path):
    click(tmp_path / "a.wav", 16_000)
    write_preview(motion(40), tmp_path / "a.png", tmp_path / "a.wav")
    from PIL import Image

    with Image.open(tmp_path / "a.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB"))
    assert pixels.shape[1] == COLUMNS * 128 and pixels.shape[0] > ROWS * 160
    for row in range(ROWS):
        for column in range(COLUMNS):
            middle = pixels[row * 160 + 50 : row * 160 + 70, column * 128 + 55 : column * 128 + 73]
            assert middle.mean() > 90  # a forehead in every tile
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.wav"]


def test_the_widest_mouth_and_the_lips_that_meet_are_on_the_sheet():
    opening = np.ones(100, np.float32)
    opening[[20, 80]] = 9, 12
    opening[50] = -1
    numbers = np.zeros((100, 53), np.float32)
    numbers[65, 0] = 3
    moments = choose_moments(FlameMotion(numbers), opening)
    assert moments[80] == "widest" and moments[50] == "lips meet" and moments[65] == "most expression"
    assert len(moments) == COLUMNS * ROWS and list(moments) == sorted(moments)
    assert 0 in moments and 99 in moments
    assert np.diff(list(moments)).max() <= 12  # no long gap


def test_a_mouth_that_never_opens_still_gives_a_sheet():
    assert len(choose_moments(motion(40), np.full(40, -0.5, np.float32))) == COLUMNS * ROWS


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_short_motion_shows_every_frame(frames, tmp_path):
    assert list(choose_moments(motion(frames), np.zeros(frames, np.float32))) == list(range(frames))
    write_preview(motion(frames), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_progress_ends_at_the_number_of_frames(tmp_path):
    seen: list[tuple[int, int]] = []
    write_preview(
        motion(20), tmp_path / "a.mp4", progress=lambda stage, done, total: seen.append((done, total))
    )
    assert seen[-1] == (20, 20) and seen == sorted(seen)


def test_torch_keeps_its_threads(tmp_path):
    before = torch.get_num_threads()
    write_preview(motion(2), tmp_path / "a.mp4")
    assert torch.get_num_threads() == before


def test_what_is_refused_leaves_nothing_behind(tmp_path):
    with pytest.raises(RequestError, match=r"expected a name ending in \.mp4 or \.png"):
        write_preview(motion(2), tmp_path / "a.gif")
    with pytest.raises(MotionError, match="expected a motion for the head"):
        write_preview(replace(motion(2), metadata={"head": "somebody"}), tmp_path / "a.mp4")
    with pytest.raises(SoundError, match="expected a sound file at"):
        write_preview(motion(2), tmp_path / "a.mp4", tmp_path / "none.wav")
    with pytest.raises(RequestError, match="expected a folder"):
        write_preview(motion(2), tmp_path / "none" / "a.mp4")
    assert not list(tmp_path.iterdir())
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(SoundError, match=r"expected sound in text\.wav"):
        write_preview(motion(2), tmp_path / "a.mp4", tmp_path / "text.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["text.wav"]
