"""Faces rendered once, the views taken of them, and how sound and faces of a clip meet in time."""

import dataclasses
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_corpus import write_store

from ecoface_model.core.constants import EMOTIONS, INTENSITIES, SAMPLES_PER_FRAME
from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.renderer.grey import GreyFaces
from training import faces
from training.batches.emotion import EmotionClips
from training.batches.face_views import FaceViews, look
from training.data.clips import ClipRow, CorpusError, read_clip, read_manifest, write_clip, write_manifest
from training.data.face_store import FaceStore
from training.data.voice_clips import VoiceClips
from training.faces import FacesConfig, span_of_speech

SIZE, N_FRAMES = 32, 6
STILL = FaceViews(**{field.name: 0.0 for field in dataclasses.fields(FaceViews)})
LEADING = 10  # frames of silence before the speech of a clip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of every emotion and intensity, one that is shorter than a piece, one without a motion."""
    folder, rng, rows = tmp_path_factory.mktemp("corpus"), np.random.default_rng(0), []
    classes = [(e, i) for e in EMOTIONS for i in INTENSITIES if (e, i) != (EMOTIONS[0], "strong")]
    for number, (emotion, intensity) in enumerate([*classes, ("sad", "strong"), ("sad", "strong")]):
        n_frames = 4 if number == len(classes) else 30 + number
        sound = np.round(rng.normal(0, 3000, n_frames * SAMPLES_PER_FRAME)).astype(np.int16)
        sound[: min(LEADING, n_frames // 2) * SAMPLES_PER_FRAME] = 0
        motion = None if number > len(classes) else rng.normal(0, 0.3, (n_frames, 53)).astype(np.float32)
        write_clip(folder / f"clips/{number}.npz", sound, motion=motion)
        rows.append(
            ClipRow(
                id=str(number), speaker="a", voice="a", emotion=emotion, intensity=intensity, sentence="Ah.",
                sentence_id="0", seconds=n_frames / 25, split="train", file=f"clips/{number}.npz",
            )
        )  # fmt: skip
    write_manifest(folder, rows)
    return folder


def configured(corpus: Path, out: Path, **changes: object) -> FacesConfig:
    config = FacesConfig(corpus=corpus, out=out, n_frames=N_FRAMES, image_size=SIZE, n_processes=1)
    return dataclasses.replace(config, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faces")
    faces.main(configured(corpus, folder, n_processes=2))
    return folder


def test_a_piece_shows_its_clip_s_motion_from_its_first_frame_on(corpus: Path, folder: Path) -> None:
    renderer = GreyFaces(FlameHead.from_file(read_head()), SIZE)
    store = FaceStore(folder)
    for row in read_manifest(corpus)[:4]:
        piece, motion = store[row.id], read_clip(corpus, row).motion
        assert motion is not None
        shown = renderer(torch.from_numpy(motion[piece.start : piece.start + N_FRAMES])[None])[0, :, 0]
        np.testing.assert_allclose(piece.faces / 255, shown.numpy(), atol=0.5 / 255 + 1e-4)
        assert piece.faces.std() > 20, "a face is there"


def test_pieces_lie_in_the_speech_and_short_clips_give_all_they_have(corpus: Path, folder: Path) -> None:
    store, rows = FaceStore(folder), read_manifest(corpus)
    for row in rows[:15]:
        assert LEADING <= store[row.id].start <= round(row.seconds * 25) - N_FRAMES
        assert len(store[row.id].faces) == N_FRAMES
    assert (store["15"].start, len(store["15"].faces)) == (0, 4)
    assert len({store[row.id].start - LEADING for row in rows[:15]}) > 3, "not always the beginning"


def test_clips_without_a_motion_have_no_faces(folder: Path) -> None:
    assert "16" not in FaceStore(folder) and "15" in FaceStore(folder)


def test_an_interrupted_run_keeps_what_it_has_and_renders_the_rest(
    corpus: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "CLIPS_AT_ONCE", 6)
    config, rows = configured(corpus, tmp_path), read_manifest(corpus)[:16]
    (tmp_path / "parts").mkdir()
    finished = faces.Part(config, tuple(rows[6:12]))
    black = np.zeros((6 * N_FRAMES, SIZE, SIZE), np.uint8)  # to be told from what would be rendered
    np.savez(finished.path, start=np.arange(6), count=np.full(6, N_FRAMES), faces=black)
    faces.main(config)
    whole, resumed = FaceStore(folder), FaceStore(tmp_path)
    for number, row in enumerate(rows):
        if 6 <= number < 12:
            assert (resumed[row.id].start, resumed[row.id].faces.max()) == (number - 6, 0)
        else:
            assert resumed[row.id].start == whole[row.id].start
            np.testing.assert_array_equal(resumed[row.id].faces, whole[row.id].faces)
    assert {path.name for path in tmp_path.iterdir()} == {faces.INDEX, faces.PIXELS}


def test_a_finished_store_of_the_same_clips_is_left_as_it_is(corpus: Path, folder: Path) -> None:
    before = (folder / faces.PIXELS).stat().st_mtime_ns
    faces.main(configured(corpus, folder))
    assert (folder / faces.PIXELS).stat().st_mtime_ns == before


def test_a_corpus_without_motions_and_a_folder_without_faces_are_refused(
    corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=r"expected rendered faces in .*run `python -m training.faces`"):
        FaceStore(tmp_path)
    row = read_manifest(corpus)[16]
    write_manifest(tmp_path, [row])
    write_clip(tmp_path / row.file, np.ones(640, np.int16))
    with pytest.raises(CorpusError, match=r"expected clips with motions in .*found none"):
        faces.main(configured(tmp_path, tmp_path / "faces"))


def test_speech_is_what_is_near_the_loudest_frame() -> None:
    level = np.repeat([0.0001, 0.5, 0.0, 0.1, 0.001], SAMPLES_PER_FRAME).astype(np.float32)
    assert span_of_speech(level) == (1, 4)
    assert span_of_speech(np.zeros(3 * SAMPLES_PER_FRAME, np.float32)) == (0, 3)


def test_faces_of_a_batch_begin_at_the_step_of_the_sound_that_beside_names(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound and faces that both tell their frame's number: the front by a row, faces by their grey."""
    rows, pixels, places, stored = [], [], {}, {}
    for row in read_manifest(corpus)[:15]:
        n_frames = round(row.seconds * 25)
        write_clip(tmp_path / row.file, np.full(n_frames * SAMPLES_PER_FRAME, 100, np.int16))
        stored[row.id] = 1.0 + np.arange(n_frames)[:, None]
        start = n_frames // 3
        places[row.id] = (len(pixels) * N_FRAMES, start, N_FRAMES)
        pixels.append(
            np.full((N_FRAMES, SIZE, SIZE), 0, np.uint8) + np.arange(N_FRAMES)[:, None, None] + start
        )
        rows.append(row)
    write_manifest(tmp_path, rows)
    (tmp_path / faces.PIXELS).write_bytes(np.concatenate(pixels).astype(np.uint8).tobytes())
    (tmp_path / faces.INDEX).write_text(json.dumps({"image_size": SIZE, "clips": places}))
    write_store(tmp_path / "features", "front", 0, stored)
    voices = VoiceClips(tmp_path, tmp_path / "features", "train", 1)
    clips = EmotionClips(voices, FaceStore(tmp_path), None)
    monkeypatch.setattr("training.batches.emotion.look", partial(look, views=STILL))
    for n_frames in (8, 20, 60):  # the last is longer than any clip
        batch = clips.batch(np.random.default_rng(1), 12, 0, n_frames, 3)
        for clip, step in enumerate(batch.beside.tolist()):
            assert step % 2 == 0 and 0 <= step <= 2 * (n_frames - 3)
            heard = batch.rows[2 * clip, step // 2 : step // 2 + 3, 0]
            seen = batch.faces[2 * clip, :, 0, SIZE // 2, SIZE // 2] * 255  # numbers of the frames
            torch.testing.assert_close(heard, 1 + seen, atol=1e-3, rtol=1e-3)


def test_clips_with_too_few_faces_are_refused(corpus: Path, folder: Path, tmp_path: Path) -> None:
    stored = {row.id: np.ones((round(row.seconds * 25), 2)) for row in read_manifest(corpus)}
    write_store(tmp_path, "front", 0, stored)
    clips = EmotionClips(VoiceClips(corpus, tmp_path, "train", 1), FaceStore(folder), None)
    with pytest.raises(CorpusError, match="expected clips with 5 faces or more, found one with 4"):
        for seed in range(40):
            clips.batch(np.random.default_rng(seed), 12, 0, 8, 5)


def test_a_view_differs_as_far_as_it_may_and_is_steady_in_time() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(60, 200, (1, 1, SIZE, SIZE), dtype=np.uint8)
    faces_twice = torch.from_numpy(picture.repeat(2, axis=1).repeat(8, axis=0))
    torch.testing.assert_close(look(faces_twice, rng, STILL)[:, :, 0], faces_twice / 255, atol=1e-4, rtol=0)
    mirrored = look(faces_twice, rng, dataclasses.replace(STILL, flip=1.0))
    torch.testing.assert_close(mirrored[:, :, 0], faces_twice.flip(-1) / 255, atol=1e-4, rtol=0)
    views = look(faces_twice, rng, dataclasses.replace(FaceViews(), noise=0.0))
    torch.testing.assert_close(views[:, 0], views[:, 1])
    assert (views[0] - views[1]).abs().mean() > 0.02
    hidden = look(faces_twice, rng, dataclasses.replace(STILL, hidden=1.0))[:, :, 0]
    changed = (hidden - faces_twice / 255).abs().amax(dim=1) > 1e-3
    assert ((changed.sum(dim=(1, 2)) > 8) & (changed.sum(dim=(1, 2)) <= (SIZE // 3) ** 2)).all()


@pytest.mark.parametrize("text", ["[]", "{", '{"image_size": 5, "clips": {}}', "[" * 100_000])
def test_a_damaged_store_is_one_sentence(tmp_path, text):
    (tmp_path / "faces.json").write_text(text)
    (tmp_path / "faces.u8").write_bytes(bytes(12))
    with pytest.raises(CorpusError, match=r"expected whole faces in .*, found damaged ones"):
        FaceStore(tmp_path)
