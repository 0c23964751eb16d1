"""What trackers write, in all its forms, and its times beside a video's."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from dataset_samples import NTSC, face, write_emoca, write_sound, write_video
from scipy.spatial.transform import Rotation

from ecoface_model.core.constants import SAMPLES_PER_FRAME
from ecoface_model.core.tracker import TrackerError, find_output, read_output
from training.data.clips import CorpusError
from training.data.recording import common_length, pieces
from training.data.video_time import at_frame_rate, frame_times, times_of


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), NTSC, Fraction(50), Fraction(60)])
def test_any_rate_becomes_25_frames_a_second_by_time(tmp_path: Path, fps: Fraction) -> None:
    write_video(tmp_path / "a.mp4", 2.0, fps)
    times = frame_times(tmp_path / "a.mp4", has_sound=True)
    np.testing.assert_allclose(times, np.arange(round(2 * fps)) / float(fps), atol=1e-4)
    seen = face(times)
    motion = at_frame_rate(times, seen[:, :50], seen[:, 50:], 50)
    wanted = face(np.arange(50) / 25)
    np.testing.assert_allclose(motion[:49], wanted[:49], atol=4e-3 if fps != 25 else 1e-5)
    np.testing.assert_allclose(motion[49], wanted[49], atol=8e-3)  # after the last frame at 24 fps: held


def test_the_jaw_is_interpolated_as_a_rotation_not_number_by_number() -> None:
    turns = Rotation.from_rotvec([[2.9, 0, 0], [-2.9, 0, 0]])  # 0.48 rad apart, on either side of a half turn
    motion = at_frame_rate(np.array([0.0, 0.08]), np.zeros((2, 50)), turns.as_rotvec(), 3)
    middle = Rotation.from_rotvec(motion[1, 50:].astype(float))
    apart = [(middle.inv() * turn).magnitude() for turn in turns]
    np.testing.assert_allclose(apart, np.pi - 2.9, atol=1e-6)  # linear numbers would not turn at all there


def test_short_gaps_are_filled_and_the_ends_held() -> None:
    times = np.delete(np.arange(50) / 25, [0, 1, 10, 11, 12, 49])
    seen = face(times)
    motion = at_frame_rate(times, seen[:, :50], seen[:, 50:], 50)
    np.testing.assert_allclose(motion[13:49], face(np.arange(13, 49) / 25), atol=1e-5)
    np.testing.assert_allclose(motion[[0, 49]], seen[[0, -1]], atol=1e-5)


def test_an_output_of_another_rate_than_the_videos_needs_that_rate(tmp_path: Path) -> None:
    write_emoca(tmp_path / "codes", face(np.arange(50) / 25))  # tracked at 25 fps, of a video at 30
    output, video = read_output(tmp_path / "codes"), np.arange(60) / 30
    with pytest.raises(
        CorpusError, match=r"expected 60 tracked frames for this video, found 50; .*--tracker-fps"
    ):
        times_of(output, video, None)
    np.testing.assert_allclose(times_of(output, video, 25.0), np.arange(50) / 25)


def test_sound_and_motion_of_different_lengths_are_refused() -> None:
    assert common_length(100, 3.9, 0.5) == round(3.9 * 25) and common_length(100, 4.2, 0.5) == 100
    for n_sound in (100, 60):
        with pytest.raises(
            CorpusError, match=r"sound and motion of one length, found .* s of sound and 3.20 s"
        ):
            common_length(n_sound, 3.2, 0.5)
    with pytest.raises(CorpusError, match=r"expected at least 0.48 s, found 0.30 s"):
        common_length(8, 0.3, 0.5)


def test_long_recordings_are_cut_where_they_are_quiet() -> None:
    loud = np.ones(400, np.float32)
    loud[[90, 91, 92, 93, 94, 230, 231, 232, 233, 234]] = 0.01
    spans = pieces(np.repeat(loud, SAMPLES_PER_FRAME), 400, 150)
    assert spans == [(0, 92), (92, 232), (232, spans[2][1]), (spans[2][1], 400)]
    assert all(stop - start <= 150 for start, stop in spans)
    assert pieces(np.ones(100 * SAMPLES_PER_FRAME, np.float32), 100, 150) == [(0, 100)]


def test_frames_count_from_one_unless_there_is_a_zero(tmp_path: Path) -> None:
    motion = face(np.arange(6) / 25)
    write_emoca(tmp_path / "one", motion, skipped=(0, 3))
    write_emoca(tmp_path / "zero", motion, first=0)
    assert read_output(tmp_path / "one").frame.tolist() == [1, 2, 4, 5]
    assert read_output(tmp_path / "zero").frame.tolist() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose(read_output(tmp_path / "zero").jaw, motion[:, 50:], atol=1e-6)


def test_codes_may_be_one_npz_per_frame(tmp_path: Path) -> None:
    motion = face(np.arange(4) / 25)
    for index, frame in enumerate(motion):
        np.savez(
            tmp_path / f"frame{index:04d}.npz", exp=frame[None, :50], pose=np.r_[0, 0, 0, frame[50:]][None]
        )
    output = read_output(tmp_path)
    np.testing.assert_allclose(output.expression, motion[:, :50])
    np.testing.assert_allclose(output.jaw, motion[:, 50:])


def test_a_motion_of_ours_is_a_tracker_output_too(tmp_path: Path) -> None:
    motion = face(np.arange(9) / 25)
    np.savez(tmp_path / "a.npz", motion=motion, fps=25.0, metadata=np.array("{}"))
    output = read_output(tmp_path / "a.npz")
    assert output.fps == 25 and output.frame.tolist() == list(range(9))
    np.testing.assert_allclose(np.concatenate([output.expression, output.jaw], axis=1), motion)


def test_emocas_own_folders_are_found(tmp_path: Path) -> None:
    place = tmp_path / "processed_2022_Jan_15_15-03-37/clip/results/EMOCA_v2_lr_mse_20"
    place.mkdir(parents=True)
    assert find_output(tmp_path, ("Actor_01/clip", "clip")) == place
    (place.parent / "EMOCA").mkdir()
    with pytest.raises(
        TrackerError, match=r"codes of one model .* found EMOCA, EMOCA_v2_lr_mse_20; keep one"
    ):
        find_output(tmp_path, ("clip",))


GOOD_EXP, GOOD_POSE = np.zeros((5, 50)), np.zeros((5, 6))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (
            {"exp": np.zeros((5, 100)), "pose": GOOD_POSE},
            r"exp of 50 numbers a frame .* found float64 of \(5, 100\)",
        ),
        ({"exp": GOOD_EXP, "pose": np.zeros((5, 7))}, r"poses of 6 numbers .* or 15 .* found \(5, 7\)"),
        ({"exp": GOOD_EXP, "pose": np.array(1.0)}, r"poses of 6 numbers .* or 15 .* found \(\)"),
        ({"exp": GOOD_EXP, "pose": GOOD_POSE[:4]}, "as many jaws as expressions .* found 4 and 5"),
        ({"expression": GOOD_EXP, "jaw": np.zeros((5, 4))}, "jaw of 3 numbers a frame"),
        ({"exp": GOOD_EXP * np.nan, "pose": GOOD_POSE}, "finite coefficients"),
        ({"exp": np.full((5, 50), "x"), "pose": GOOD_POSE}, "exp of 50 numbers"),
        ({"exp": GOOD_EXP, "pose": GOOD_POSE, "fps": np.array(0.0)}, "frames per second in .* fps = 0"),
        ({"motion": np.zeros((5, 56)), "fps": np.array(25.0)}, "motion of 53 numbers"),
        ({"shape": np.zeros(100)}, "expected exp and pose, or expression and jaw, .* found shape"),
        ({"exp": np.array([{}] * 5), "pose": GOOD_POSE}, "damaged file or pickled objects"),
    ],
)
def test_an_output_of_another_form_is_refused_in_one_sentence(
    tmp_path: Path, arrays: dict, sentence: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(TrackerError, match=sentence):
        read_output(tmp_path / "a.npz")


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    (tmp_path / "000001_000").mkdir()
    (tmp_path / "000001_000/codes.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(TrackerError, match="found nothing"):
        read_output(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "b/all.pkl").write_bytes(b"")
    with pytest.raises(TrackerError, match=r"pickles, which can run code; save them as .npy or .npz"):
        read_output(tmp_path / "b")


def test_two_faces_in_a_frame_are_for_the_user_to_choose_from(tmp_path: Path) -> None:
    write_emoca(tmp_path, face(np.arange(3) / 25))
    (tmp_path / "000002_001").mkdir()
    with pytest.raises(TrackerError, match=r"one face per frame .* found more in frame 2; delete the others"):
        read_output(tmp_path)


def test_a_frame_that_holds_several_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "0001.npz", exp=GOOD_EXP, pose=GOOD_POSE)
    with pytest.raises(TrackerError, match=r"codes of one frame in .* found 5"):
        read_output(tmp_path)


def test_a_sound_without_pictures_is_no_video(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.m4a", 1.0)
    with pytest.raises(CorpusError, match=r"expected pictures in a.m4a, found none"):
        frame_times(tmp_path / "a.m4a", has_sound=True)
