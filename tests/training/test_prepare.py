"""Recordings of a data set -> clips: sound, time and motion, and every way in which one can be unusable."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dataset_samples import NTSC, face, write_emoca, write_sound, write_video

from ecoface_model.core.constants import FRAME_RATE, SAMPLES_PER_FRAME
from training.data.clips import CorpusError, read_clip, read_manifest
from training.data.motion_statistics import motion_statistics
from training.data.preparation import Hdtf, Mead, Ravdess
from training.prepare import main

SECONDS = 1.0


GOOD = ["Actor_01/01-01-03-01-01-01-01", "Actor_01/01-01-05-02-02-01-01", "Actor_02/01-01-01-01-01-02-02"]


BAD = {
    "Actor_01/01-01-02-01-01-01-01": "expected .* frames in the video .*, found",  # breaks off
    "Actor_01/01-01-02-01-01-02-01": "expected tracker output for this clip",
    "Actor_01/01-01-02-01-02-01-01": "expected 30 tracked frames for this video, found 12",
    "Actor_02/01-01-04-01-01-01-02": "expected speech in .*, found silence",
    "Actor_02/01-01-04-01-01-02-02": "expected exp of 50 numbers",
    "Actor_02/01-01-04-01-02-01-02": "expected sound in",  # has no soundtrack
    "Actor_02/01-01-04-01-02-02-02": "expected a face in every quarter of a second, found none from",
    "Actor_02/01-01-04-02-02-02-02": "expected an? .*sound|found an empty file",  # zero bytes
}


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two actors of RAVDESS with EMOCA's codes: good clips, bad ones of every kind, songs, single halves."""
    source, trackers = tmp_path_factory.mktemp("ravdess"), tmp_path_factory.mktemp("emoca")
    for name in GOOD:
        n = write_video(source / f"{name}.mp4", SECONDS)
        write_emoca(trackers / name, face(np.arange(n) / float(NTSC)))
    truncated, _, short, silent, shapes, mute, lost, empty = BAD
    n = write_video(source / f"{truncated}.mp4", SECONDS, fast_start=True)
    whole = (source / f"{truncated}.mp4").read_bytes()
    (source / f"{truncated}.mp4").write_bytes(whole[: len(whole) // 2])
    motion = face(np.arange(n) / float(NTSC))
    for name in BAD:
        if not (source / f"{name}.mp4").exists():
            write_video(source / f"{name}.mp4", SECONDS, level={silent: 0.0, mute: None}.get(name, 0.3))
    (source / f"{empty}.mp4").write_bytes(b"")
    for name in (truncated, silent, mute, empty):
        write_emoca(trackers / name, motion)
    write_emoca(trackers / short, motion[:12])
    write_emoca(trackers / lost, motion, skipped=tuple(range(5, 20)))
    write_emoca(trackers / shapes, motion)
    np.save(trackers / shapes / "000003_000/exp.npy", np.zeros(100, np.float32))
    for other in ("Actor_01/01-02-03-01-01-01-01", "Actor_01/02-01-03-01-01-01-01"):  # a song, a mute video
        (source / f"{other}.mp4").write_bytes(b"not opened")
    (source / "Actor_02/03-01-03-01-01-01-02.wav").write_bytes(b"not opened")
    return source, trackers


@pytest.fixture(scope="module")
def prepared(ravdess: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    main(Ravdess(source=ravdess[0], out=out, trackers=ravdess[1], workers=2))
    return out


def test_a_clip_moves_as_the_face_did_at_25_frames_a_second(prepared: Path) -> None:
    rows = read_manifest(prepared)
    assert [row.id for row in rows] == sorted(f"ravdess-{Path(name).name}" for name in GOOD)
    for row in rows:
        clip = read_clip(prepared, row)
        assert clip.motion is not None and clip.n_frames == len(clip.motion) == FRAME_RATE * SECONDS
        assert len(clip.waveform) == SAMPLES_PER_FRAME * clip.n_frames and row.seconds == SECONDS
        np.testing.assert_allclose(clip.motion, face(np.arange(25) / FRAME_RATE), atol=3e-3)
    assert (rows[0].emotion, rows[0].intensity, rows[0].speaker) == ("neutral", "normal", "ravdess-02")
    assert (rows[2].emotion, rows[2].intensity, rows[2].dataset) == ("angry", "strong", "ravdess")


def test_the_sound_of_a_clip_is_that_of_the_video(prepared: Path) -> None:
    waveform = read_clip(prepared, read_manifest(prepared)[0]).waveform
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    assert abs(np.argmax(spectrum) - 140) <= 1  # Hz, bins of 1 Hz
    assert 0.15 < np.abs(waveform).max() < 0.45


def test_every_unusable_recording_is_listed_with_its_reason(prepared: Path) -> None:
    lines = [json.loads(line) for line in (prepared / "refused.jsonl").read_text().splitlines()]
    reasons = {line["file"].removesuffix(".mp4"): line["reason"] for line in lines}
    assert set(reasons) == set(BAD)
    for name, reason in BAD.items():
        with pytest.raises(CorpusError, match=reason):
            raise CorpusError(reasons[name])


def test_the_counts_add_up(prepared: Path) -> None:
    counts = json.loads((prepared / "counts.json").read_text())["ravdess"]
    assert counts["recordings"] == len(GOOD) + len(BAD) and counts["clips"] == len(GOOD)
    assert counts["refused"] == len(BAD) and sum(counts["split"].values()) == len(GOOD)
    assert counts["emotion"] == {"angry strong": 1, "happy normal": 1, "neutral normal": 1}
    assert counts["skipped"] == {"song": 1, "video without sound": 1, "sound without video": 1}


def test_an_interrupted_run_keeps_what_it_has_and_says_the_same(
    ravdess: tuple[Path, Path], prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = sorted((prepared / "clips").iterdir())
    written = {path: path.stat().st_mtime_ns for path in clips[1:]}
    manifest, counts = ((prepared / name).read_bytes() for name in ("manifest.jsonl", "counts.json"))
    clips[0].unlink()  # as if the run had stopped before it
    main(Ravdess(source=ravdess[0], out=prepared, trackers=ravdess[1], workers=1))
    assert sorted((prepared / "clips").iterdir()) == clips
    assert {path: path.stat().st_mtime_ns for path in clips[1:]} == written
    assert (prepared / "manifest.jsonl").read_bytes() == manifest
    assert (prepared / "counts.json").read_bytes() == counts
    said = capsys.readouterr().out
    assert "refused: 8, all in refused.jsonl" in said and "only 2 of RAVDESS's 24 actors" in said
    assert "3 clips of 11 recordings" in said and "song 1" in said


def test_a_second_data_set_joins_the_first(prepared: Path, tmp_path: Path) -> None:
    seconds, fps = 3.0, Fraction(30)
    n = write_video(tmp_path / "hdtf/WRA_EricCantor_000.mp4", seconds, fps, level=None)
    write_sound(tmp_path / "hdtf/WRA_EricCantor_000.wav", seconds)
    (tmp_path / "codes").mkdir()
    motion = face(np.arange(n) / 30)
    np.savez(
        tmp_path / "codes/WRA_EricCantor_000.npz", expression=motion[:, :50], jaw=motion[:, 50:], fps=30.0
    )
    before = read_manifest(prepared)
    main(Hdtf(source=tmp_path / "hdtf", out=prepared, trackers=tmp_path / "codes", longest=1.6, workers=1))
    rows = [row for row in read_manifest(prepared) if row.dataset == "hdtf"]
    assert [row for row in read_manifest(prepared) if row.dataset != "hdtf"] == before
    assert (
        len(rows) > 1
        and sum(row.seconds for row in rows) == seconds
        and max(row.seconds for row in rows) <= 1.6
    )
    assert {row.emotion for row in rows} == {"unknown"} and len({row.split for row in rows}) == 1
    joined = np.concatenate([read_clip(prepared, row).motion for row in rows])
    np.testing.assert_allclose(joined, face(np.arange(75) / FRAME_RATE), atol=3e-3)
    lines = (prepared / "refused.jsonl").read_text().splitlines()
    assert len(lines) == len(BAD) and set(json.loads((prepared / "counts.json").read_text())) == {
        "ravdess",
        "hdtf",
    }
    of_set = motion_statistics(prepared)["hdtf"]
    np.testing.assert_allclose(of_set.mean, joined.mean(0), atol=1e-5)
    np.testing.assert_allclose(of_set.std, joined.std(0), atol=1e-5)


def test_mead_takes_its_sound_from_beside_and_its_tracks_from_the_same_path(tmp_path: Path) -> None:
    name = "M003/video/front/angry/level_2/001"
    n = write_video(tmp_path / f"mead/{name}.mp4", 1.2, Fraction(30), level=None)
    write_sound(tmp_path / "mead/M003/audio/angry/level_2/001.m4a", 1.2)
    write_video(tmp_path / "mead/M003/video/front/sad/level_1/002.mp4", 1.2, Fraction(30), level=None)
    place = tmp_path / "codes" / name
    place.mkdir(parents=True)
    motion = face(np.arange(n) / 30)
    np.save(place / "exp.npy", motion[:, :50])
    np.save(place / "pose.npy", np.concatenate([np.ones((n, 6)), motion[:, 50:], np.ones((n, 6))], axis=1))
    main(Mead(source=tmp_path / "mead", out=tmp_path / "out", trackers=tmp_path / "codes", workers=1))
    (row,) = read_manifest(tmp_path / "out")
    motion = read_clip(tmp_path / "out", row).motion
    np.testing.assert_allclose(motion, face(np.arange(30) / FRAME_RATE), atol=3e-3)
    (line,) = (tmp_path / "out/refused.jsonl").read_text().splitlines()
    assert "expected a sound file at" in line and "002.m4a" in line


def test_a_data_set_of_which_nothing_can_be_used_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    write_video(tmp_path / "set/Actor_01/01-01-03-01-01-01-01.mp4", 1.0)
    config = Ravdess(source=tmp_path / "set", out=tmp_path / "out", trackers=tmp_path / "none", workers=1)
    with pytest.raises(
        CorpusError, match=r"of ravdess that can be used, found none: Actor_01/.*: expected tracker"
    ):
        main(config)
    assert len((tmp_path / "out/refused.jsonl").read_text().splitlines()) == 1
