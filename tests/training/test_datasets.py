"""The data sets' own folders and names, and how their clips are split."""

from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from training.data.clips import CorpusError
from training.data.datasets import RAVDESS_ACTORS, Meshes, SourceClip, Tracked, find_clips, split_clips


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def ravdess_speech() -> list[str]:
    """The names of all 1440 audio-video clips of speech."""
    acted = product(range(2, 9), (1, 2), (1, 2), (1, 2), range(1, 25))
    neutral = product((1,), (1,), (1, 2), (1, 2), range(1, 25))
    return [
        f"Actor_{a:02d}/01-01-{e:02d}-{i:02d}-{s:02d}-{r:02d}-{a:02d}.mp4"
        for e, i, s, r, a in [*acted, *neutral]
    ]


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of RAVDESS's speech, empty, some of it as its archives unpack, and what else lies there."""
    folder = touch(tmp_path_factory.mktemp("ravdess"), *ravdess_speech())
    touch(
        folder, "Video_Song_Actor_01/Actor_01/01-02-03-01-01-01-01.mp4", "Actor_02/02-01-03-01-01-01-02.mp4"
    )
    return touch(folder, "Audio_Speech_Actors_01-24/Actor_03/03-01-05-02-01-01-03.wav")


def test_ravdess_gives_its_1440_clips_and_counts_songs_and_single_modalities(ravdess: Path) -> None:
    found = find_clips("ravdess", ravdess)
    assert len(found.clips) == 1440 and not found.refused
    assert found.skipped == {"song": 1, "video without sound": 1, "sound without video": 1}
    assert len({clip.speaker for clip in found.clips}) == len(RAVDESS_ACTORS) == 24
    counts = Counter((clip.emotion, clip.intensity) for clip in found.clips)
    assert counts.pop(("neutral", "normal")) == 96 and set(counts.values()) == {96} and len(counts) == 14
    assert {clip.sentence for clip in found.clips} == {
        "Kids are talking by the door.",
        "Dogs are sitting by the door.",
    }


def test_a_ravdess_name_is_read_number_by_number(tmp_path: Path) -> None:
    touch(tmp_path, "Video_Speech_Actor_12/Actor_12/01-01-06-02-02-01-12.mp4")
    (clip,) = find_clips("ravdess", tmp_path).clips
    assert (clip.id, clip.speaker) == ("ravdess-01-01-06-02-02-01-12", "ravdess-12")
    assert (clip.emotion, clip.intensity) == ("fearful", "strong")
    assert (clip.sentence, clip.sentence_id) == ("Dogs are sitting by the door.", "ravdess-02")
    assert isinstance(clip.motion, Tracked) and clip.motion.video == clip.sound
    assert clip.motion.names == ("Actor_12/01-01-06-02-02-01-12", "01-01-06-02-02-01-12")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Actor_01/01-01-09-01-01-01-01.mp4", "numbers that RAVDESS uses"),
        ("Actor_01/01-03-02-01-01-01-01.mp4", "numbers that RAVDESS uses"),
        ("Actor_01/01-01-02-01-03-01-01.mp4", "numbers that RAVDESS uses"),
        ("Actor_25/01-01-02-01-01-01-25.mp4", "one of 24 actors .* found 25"),
        ("Actor_01/01-01-02-01-01-01-02.mp4", "one of 24 actors .* found 02 in Actor_01"),
        ("Actor_01/01-01-01-02-01-01-01.mp4", "neutral at normal intensity"),
        ("Actor_01/holiday.mp4", "seven numbers"),
        ("holiday.mp4", "seven numbers"),
    ],
)
def test_a_ravdess_file_of_another_name_is_refused_with_the_reason(
    tmp_path: Path, name: str, reason: str
) -> None:
    (refused,) = find_clips("ravdess", touch(tmp_path, name)).refused
    assert refused.file == name
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(refused.reason)


def test_a_recording_that_lies_there_twice_is_named(tmp_path: Path) -> None:
    name = "Actor_01/01-01-02-01-01-01-01.mp4"
    with pytest.raises(
        CorpusError, match=r"expected the recording ravdess-01-01-.* once .* found Actor_01/.*, copy/"
    ):
        find_clips("ravdess", touch(tmp_path, name, f"copy/{name}"))


def test_hdtf_clips_belong_to_the_person_whatever_the_videos_number(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "WDA_AmyKlobuchar0_000.mp4",
        "WDA_AmyKlobuchar1_002.mp4",
        "RD_Radio1_000.mp4",
        "Radio11_0.mp4",
    )
    touch(tmp_path, "_videos_raw/WDA_AmyKlobuchar0.mp4", "WDA_AmyKlobuchar1_002.wav", "nonumber.mp4")
    found = find_clips("hdtf", tmp_path)
    speakers = {clip.id: clip.speaker for clip in found.clips}
    assert speakers == {
        "hdtf-WDA_AmyKlobuchar0_000": "hdtf-AmyKlobuchar",
        "hdtf-WDA_AmyKlobuchar1_002": "hdtf-AmyKlobuchar",
        "hdtf-RD_Radio1_000": "hdtf-Radio1",
        "hdtf-Radio11_0": "hdtf-Radio11",
    }
    assert {clip.emotion for clip in found.clips} == {"unknown"}
    assert {clip.id[5:]: clip.sound.suffix for clip in found.clips}["WDA_AmyKlobuchar1_002"] == ".wav"
    assert found.skipped == {"whole video, not cropped": 1}
    assert [line.file for line in found.refused] == ["nonumber.mp4"]


def test_mead_gives_front_views_with_their_sound_and_refuses_contempt(tmp_path: Path) -> None:
    touch(tmp_path, "M003/video/front/fear/level_3/001.mp4", "M003/video/front/disgusted/level_2/004.mp4")
    touch(tmp_path, "W009/video/front/neutral/level_1/040.mp4", "W009/video/left_30/sad/level_1/001.mp4")
    touch(tmp_path, "M003/video/front/contempt/level_1/001.mp4", "M003/front.mp4")
    found = find_clips("mead", tmp_path)
    labels = {clip.id: (clip.emotion, clip.intensity) for clip in found.clips}
    assert labels == {
        "mead-M003-fear-level_3-001": ("fearful", "strong"),
        "mead-M003-disgusted-level_2-004": ("disgust", "normal"),
        "mead-W009-neutral-level_1-040": ("neutral", "normal"),
    }
    by_id = {clip.id: clip for clip in found.clips}
    clip = by_id["mead-M003-fear-level_3-001"]
    assert clip.sound == tmp_path / "M003/audio/fear/level_3/001.m4a" and clip.speaker == "mead-M003"
    assert isinstance(clip.motion, Tracked) and clip.motion.names[0] == "M003/video/front/fear/level_3/001"
    assert found.skipped == {"view from another side": 1}
    reasons = {line.file: line.reason for line in found.refused}
    assert "found contempt at level_1" in reasons["M003/video/front/contempt/level_1/001.mp4"]
    assert "elsewhere" in reasons["M003/front.mp4"] and len(reasons) == 2


def test_mead_in_its_parts_is_the_same(tmp_path: Path) -> None:
    (clip,) = find_clips("mead", touch(tmp_path, "Part1/M003/video/front/happy/level_1/001.mp4")).clips
    assert clip.id == "mead-M003-happy-level_1-001"
    assert clip.sound == tmp_path / "Part1/M003/audio/happy/level_1/001.m4a"


def test_vocaset_gives_meshes_with_sound_template_and_words(tmp_path: Path) -> None:
    subject = "FaceTalk_170725_00137_TA"
    touch(
        tmp_path, f"unposedcleaneddata/{subject}/sentence02/sentence02.000001.ply", f"templates/{subject}.ply"
    )
    touch(tmp_path, f"audio/{subject}/sentence02.wav", f"audio/{subject}/sentence03.wav")
    (tmp_path / "sentencestext").mkdir()
    (tmp_path / f"sentencestext/{subject}.txt").write_text("First one.\n\nSecond one.\n")
    found = find_clips("vocaset", tmp_path)
    (clip,) = found.clips
    assert (clip.id, clip.sentence, clip.sentence_id) == (
        f"vocaset-{subject}-sentence02",
        "Second one.",
        "second one.",
    )
    assert clip.sound == tmp_path / f"audio/{subject}/sentence02.wav"
    assert isinstance(clip.motion, Meshes) and clip.motion.template == tmp_path / f"templates/{subject}.ply"
    assert clip.motion.rate == 60 and clip.emotion == "unknown"
    assert [line.file for line in found.refused] == [f"audio/{subject}/sentence03.wav"]


def test_vocasets_pickled_training_files_are_refused_with_what_to_download(tmp_path: Path) -> None:
    touch(tmp_path, "data_verts.npy", "raw_audio_fixed.pkl")
    with pytest.raises(
        CorpusError, match=r"data_verts.npy, raw_audio_fixed.pkl\), pickles .* download unposed"
    ):
        find_clips("vocaset", tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected recordings of mead in .*, found none"):
        find_clips("mead", touch(tmp_path, "notes.txt"))
    with pytest.raises(CorpusError, match=r"expected the folder of hdtf at .*, found none"):
        find_clips("hdtf", tmp_path / "absent")


def shares(clips: list[SourceClip], by: str, seed: int = 0) -> Counter[str]:
    splits = split_clips(clips, by, seed)
    return Counter(splits[clip.id] for clip in clips)


def test_clips_are_split_80_10_10_by_the_seed(ravdess: Path) -> None:
    clips = find_clips("ravdess", ravdess).clips
    assert shares(clips, "clip") == {"train": 1152, "val": 144, "test": 144}
    assert (
        split_clips(clips, "clip", 0) == split_clips(clips[::-1], "clip", 0) != split_clips(clips, "clip", 1)
    )


def test_unseen_speakers_are_in_one_split_only(ravdess: Path) -> None:
    clips = find_clips("ravdess", ravdess).clips
    splits = split_clips(clips, "speaker", 3)
    of_speaker = {(clip.speaker, splits[clip.id]) for clip in clips}
    assert (
        Counter(split for _, split in of_speaker) == {"train": 20, "val": 2, "test": 2}
        and len(of_speaker) == 24
    )


def test_of_two_sentences_one_is_held_out_and_shared(ravdess: Path) -> None:
    clips = find_clips("ravdess", ravdess).clips
    splits = split_clips(clips, "sentence", 0)
    assert shares(clips, "sentence") == {"train": 720, "val": 360, "test": 360}
    seen = {clip.sentence_id for clip in clips if splits[clip.id] == "train"}
    assert not seen & {clip.sentence_id for clip in clips if splits[clip.id] != "train"}


def test_one_speaker_cannot_be_held_out(tmp_path: Path) -> None:
    clips = find_clips("ravdess", touch(tmp_path, "Actor_01/01-01-02-01-01-01-01.mp4")).clips
    with pytest.raises(CorpusError, match="at least two speakers to split by, found only ravdess-01"):
        split_clips(clips, "speaker", 0)
    assert split_clips(clips, "clip", 0) == {clips[0].id: "train"}
