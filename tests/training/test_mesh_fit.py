"""Meshes -> FLAME coefficients: what was put in comes out, and VOCASET's folders become clips."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from dataset_samples import face, write_ply, write_sound
from flame_samples import write_flame

from ecoface_model.core.constants import FRAME_RATE
from ecoface_model.core.head_file import FlameFile, read_head
from ecoface_model.flame import FlameHead
from training.data.clips import CorpusError, read_clip, read_manifest
from training.data.mesh_fit import (
    direction_products,
    fit_motion,
    head_of_subject,
    normal_equations,
    solve_identity,
)
from training.data.ply import read_ply
from training.data.video_time import meshes_at_frame_rate
from training.prepare import Vocaset, main

SUBJECTS = ("FaceTalk_170725_00137_TA", "FaceTalk_170728_03272_TA")


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in FLAME's form, of random directions."""
    return write_flame(tmp_path_factory.mktemp("flame"))


@pytest.fixture(scope="module")
def file(flame: Path) -> FlameFile:
    return read_head(flame)


def meshes_of(head: FlameHead, motion: np.ndarray) -> np.ndarray:
    return head.vertices(torch.from_numpy(motion).to(head.template.dtype)).double().numpy()


def subject(file: FlameFile, seed: int) -> np.ndarray:
    """A person at rest."""
    beta = np.random.default_rng(seed).standard_normal(file.n_shape) * 0.3
    return file.v_template + file.shapedirs[..., : file.n_shape] @ beta


def test_a_fit_finds_the_coefficients_that_made_the_meshes(file: FlameFile) -> None:
    head, motion = head_of_subject(file, subject(file, 1)), face(np.arange(20) / 25)
    fit = fit_motion(head, meshes_of(head, motion))
    np.testing.assert_allclose(fit.motion, motion, atol=1e-4)
    assert fit.residual_mm.max() < 1e-3


def test_the_jaw_is_found_when_scans_are_noisy(file: FlameFile) -> None:
    head, motion = head_of_subject(file, subject(file, 1)), face(np.arange(10) / 25)
    noise = np.random.default_rng(0).standard_normal((10, head.n_vertices, 3)) * 2e-4  # 0.2 mm a coordinate
    fit = fit_motion(head, meshes_of(head, motion) + noise)
    np.testing.assert_allclose(fit.motion[:, 50:], motion[:, 50:], atol=0.02)
    assert 0.2 < fit.residual_mm.mean() < 0.4


def test_the_fit_holds_on_a_real_sized_head_with_lips_that_expression_and_jaw_both_move() -> None:
    file = read_head()
    head, motion = head_of_subject(file, file.v_template), face(np.arange(4) / 25)
    motion[:, :50] *= 0.5
    fit = fit_motion(head, meshes_of(head, motion))
    np.testing.assert_allclose(fit.motion[:, 50:], motion[:, 50:], atol=1e-3)
    assert fit.residual_mm.max() < 0.05


def test_the_normal_equations_are_those_of_the_whole_jacobian(file: FlameFile) -> None:
    head, motion = head_of_subject(file, subject(file, 2)), torch.from_numpy(face(np.array([0.0, 0.7])))
    motion[:, 50:] *= 4  # up to 1 rad, so that skinning matters
    meshes = torch.from_numpy(subject(file, 3)).expand(2, -1, -1)
    curvature, slope = normal_equations(head, direction_products(head), motion, meshes)
    for index in range(2):
        jacobian = torch.autograd.functional.jacobian(head.vertices, motion[index]).flatten(0, 1)  # (3V, 53)
        left = (meshes[index] - head.vertices(motion[index])).flatten()
        torch.testing.assert_close(curvature[index], jacobian.T @ jacobian, atol=1e-12, rtol=1e-8)
        torch.testing.assert_close(slope[index], jacobian.T @ left, atol=1e-12, rtol=1e-8)


def test_a_subject_without_a_template_is_solved_from_its_face_at_rest(file: FlameFile) -> None:
    neutral = subject(file, 3)
    np.testing.assert_allclose(solve_identity(file, neutral), neutral, atol=1e-6)
    bent = neutral + np.random.default_rng(0).standard_normal(neutral.shape) * 1e-4
    apart = np.linalg.norm(solve_identity(file, bent) - neutral, axis=1).mean()
    assert apart < np.linalg.norm(bent - neutral, axis=1).mean()


def test_meshes_of_another_topology_are_refused(file: FlameFile) -> None:
    with pytest.raises(
        CorpusError, match=r"expected meshes of 192 vertices as 'FLAME .* found 100; use the FLAME"
    ):
        head_of_subject(file, np.zeros((100, 3)))
    with pytest.raises(CorpusError, match="expected meshes of 192 vertices, found 100"):
        fit_motion(head_of_subject(file, file.v_template), np.zeros((2, 100, 3)))


def test_meshes_between_two_moments_lie_between_them() -> None:
    times, meshes = np.arange(60) / 60, np.arange(60.0)[:, None, None] * np.ones((1, 2, 3))
    between = meshes_at_frame_rate(times, meshes, 25)
    np.testing.assert_allclose(between[:, 1, 2], np.minimum(np.arange(25) * 60 / 25, 59))
    with pytest.raises(CorpusError, match=r"found none from 0.17 to 0.75 s"):
        meshes_at_frame_rate(np.delete(times, range(11, 45)), np.delete(meshes, range(11, 45), axis=0), 25)


# --- PLY -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_meshes_of_every_form_are_read(tmp_path: Path, file: FlameFile, form: str) -> None:
    write_ply(tmp_path / "a.ply", file.v_template, file.faces, form=form)
    np.testing.assert_allclose(read_ply(tmp_path / "a.ply"), file.v_template, atol=1e-7)


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian"])
def test_a_ply_file_that_breaks_off_is_refused(tmp_path: Path, file: FlameFile, form: str) -> None:
    write_ply(tmp_path / "a.ply", file.v_template, file.faces, form=form)
    (tmp_path / "a.ply").write_bytes((tmp_path / "a.ply").read_bytes()[:900])
    with pytest.raises(
        CorpusError, match=r"expected a whole PLY mesh in .*a.ply, found none that can be read"
    ):
        read_ply(tmp_path / "a.ply")


@pytest.mark.parametrize(
    "content", [b"", b"ply\n", b"solid stl\nend_header\n", b"ply\nformat ascii 1.0\nend_header\n"]
)
def test_a_file_that_is_no_ply_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(CorpusError, match="expected a whole PLY mesh"):
        read_ply(tmp_path / "a.ply")


# --- VOCASET ---------------------------------------------------------------------------------------------


def write_sentence(source: Path, file: FlameFile, name: str, number: int, scale: float = 1.0) -> None:
    """One second of meshes at 60 Hz, which begin at rest, and 1.4 s of sound."""
    neutral = subject(file, SUBJECTS.index(name))
    motion = face(np.arange(60) / 60) * np.clip(np.arange(60) / 20 - 0.5, 0, 1)[:, None]
    meshes = meshes_of(head_of_subject(file, neutral), motion) * scale
    for index, mesh in enumerate(meshes, start=1):
        folder = source / "unposedcleaneddata" / name / f"sentence{number:02d}"
        write_ply(folder / f"sentence{number:02d}.{index:06d}.ply", mesh, file.faces)
    write_sound(source / f"audio/{name}/sentence{number:02d}.wav", 1.4, rate=44_100)


def test_vocaset_becomes_clips_with_the_coefficients_of_its_meshes(
    tmp_path: Path, flame: Path, file: FlameFile, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "vocaset"
    for name in SUBJECTS:
        write_sentence(source, file, name, 1)
    write_sentence(source, file, SUBJECTS[0], 2, scale=1000.0)
    write_ply(source / f"templates/{SUBJECTS[0]}.ply", subject(file, 0), file.faces)  # the other has none
    main(Vocaset(source=source, out=tmp_path / "out", head=flame, workers=1))
    rows = read_manifest(tmp_path / "out")
    assert [(row.speaker, row.emotion, row.seconds) for row in rows] == [
        (f"vocaset-{name}", "unknown", 1.0) for name in SUBJECTS
    ]
    moment = np.arange(25) / FRAME_RATE
    wanted = face(moment) * np.clip(moment * 3 - 0.5, 0, 1)[:, None]
    for row in rows:
        np.testing.assert_allclose(read_clip(tmp_path / "out", row).motion, wanted, atol=0.02)
    counts = json.loads((tmp_path / "out/counts.json").read_text())["vocaset"]
    assert len(counts["residual_mm"]) == 2 and max(counts["residual_mm"].values()) < 0.05
    (refused,) = (tmp_path / "out/refused.jsonl").read_text().splitlines()
    assert (
        "follows within 3 mm, found" in refused and "in sentence02; use unposed meshes in metres" in refused
    )
    assert "fit: 0.0" in capsys.readouterr().out


def test_sentences_whose_meshes_cannot_be_used_are_refused(
    tmp_path: Path, flame: Path, file: FlameFile
) -> None:
    source = tmp_path / "vocaset"
    for number in (1, 2, 3):
        write_sentence(source, file, SUBJECTS[0], number)
    folder = source / "unposedcleaneddata" / SUBJECTS[0]
    write_ply(folder / "sentence01/sentence01.000007.ply", file.v_template[:50], file.faces[:0])
    for path in (folder / "sentence02").iterdir():
        path.unlink()
    (source / f"audio/{SUBJECTS[0]}/sentence03.wav").unlink()
    with pytest.raises(CorpusError, match="of vocaset that can be used, found none"):
        main(Vocaset(source=source, out=tmp_path / "out", head=flame, workers=1))
    lines = [json.loads(line) for line in (tmp_path / "out/refused.jsonl").read_text().splitlines()]
    one, two, three = (line["reason"] for line in lines)
    assert "expected meshes of 192 vertices" in one and "found 50 in sentence01.000007.ply" in one
    assert "sentence02, found 0; unpack it again" in two and "expected a sound file at" in three
