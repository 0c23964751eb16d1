"""The names, labels and splits of corpora of acted voices."""

from collections import Counter
from pathlib import Path

import pytest
from voice_samples import touch, write_votes

from training.data.clips import CorpusError
from training.data.datasets import Found, SourceClip
from training.data.sound_files import list_sounds
from training.data.voice_corpora import VOICES, corpora_in, find_voices, split_by_actor
from training.data.voice_votes import read_votes

WHAT_A_NAME_SAYS = [
    ("crema-d", "AudioWAV/1001_IEO_HAP_HI.wav", "1001_IEO_HAP_HI", "1001", "happy", "strong", "ieo"),
    ("crema-d", "AudioWAV/1002_IEO_SAD_MD.flac", "1002_IEO_SAD_MD", "1002", "sad", "normal", "ieo"),
    ("crema-d", "AudioWAV/1002_IEO_FEA_LO.opus", "1002_IEO_FEA_LO", "1002", "fearful", "normal", "ieo"),
    ("crema-d", "AudioWAV/1091_DFA_DIS_XX.wav", "1091_DFA_DIS_XX", "1091", "disgust", "unknown", "dfa"),
    ("crema-d", "AudioWAV/1091_DFA_NEU_XX.wav", "1091_DFA_NEU_XX", "1091", "neutral", "normal", "dfa"),
    ("emodb", "wav/03a01Fa.wav", "03a01Fa", "03", "happy", "unknown", "a01"),
    ("emodb", "wav/16b10Wb.opus", "16b10Wb", "16", "angry", "unknown", "b10"),
    ("emodb", "wav/08a02Nc.wav", "08a02Nc", "08", "neutral", "normal", "a02"),
    ("ravdess-voices", "Actor_12/03-01-06-02-02-01-12.wav", "03-01-06-02-02-01-12", "12", "fearful", "strong",
     "02"),
    ("tess", "OAF_Fear/OAF_back_fear.wav", "OAF_back_fear", "OAF", "fearful", "unknown", "back"),
    ("tess", "YAF_pleasant_surprised/YAF_Germ_ps.wav", "YAF_Germ_ps", "YAF", "surprised", "unknown", "germ"),
    ("tess", "OAF_neutral/OA_bite_neutral.wav", "OA_bite_neutral", "OAF", "neutral", "normal", "bite"),
    ("savee", "ALL/DC_a01.wav", "DC_a01", "DC", "angry", "unknown", "a01"),
    ("savee", "AudioData/KL/su15.wav", "KL_su15", "KL", "surprised", "unknown", "su15"),
    ("savee", "AudioData/JE/n30.wav", "JE_n30", "JE", "neutral", "normal", "n30"),
    ("nemo", "samples/EB0_anger_1.wav", "EB0_anger_1", "EB0", "angry", "unknown", "1"),
    ("nemo", "samples/WR0_surprised_64.wav", "WR0_surprised_64", "WR0", "surprised", "unknown", "64"),
    ("esd", "0011/Angry/0011_000351.wav", "0011_000351", "0011", "angry", "unknown", "en-001"),
    ("esd", "0002/Surprise/train/0002_001750.wav", "0002_001750", "0002", "surprised", "unknown", "zh-350"),
    ("mead-voices", "M003/audio/fear/level_3/001.m4a", "M003-fear-level_3-001", "M003", "fearful", "strong",
     "001"),
    ("mead-voices", "W009/audio/sad/level_2/012.m4a", "W009-sad-level_2-012", "W009", "sad", "normal", "012"),
]  # fmt: skip


def found_in(source: Path, dataset: str) -> Found:
    return find_voices(dataset, source, corpora_in(list_sounds(source))[dataset])


@pytest.mark.parametrize(
    ("dataset", "file", "stem", "actor", "emotion", "intensity", "sentence"), WHAT_A_NAME_SAYS
)
def test_a_name_says_who_how_and_what(
    tmp_path: Path,
    dataset: str,
    file: str,
    stem: str,
    actor: str,
    emotion: str,
    intensity: str,
    sentence: str,
) -> None:
    sounds = list_sounds(touch(tmp_path, f"as unpacked/{file}"))
    assert list(corpora_in(sounds)) == [dataset]
    (clip,) = find_voices(dataset, tmp_path, sounds).clips
    family = dataset.removesuffix("-voices")
    assert (clip.id, clip.speaker) == (f"{dataset}-{stem}", f"{family}-{actor}")
    assert (clip.emotion, clip.intensity) == (emotion, intensity)
    assert clip.sentence_id == f"{family}-{sentence}" and clip.licence == VOICES[dataset].licence
    assert clip.motion is None and clip.agreement is None and clip.level is None


def test_words_are_given_where_the_corpus_says_them(tmp_path: Path) -> None:
    touch(tmp_path, "a/1001_MTI_SAD_XX.wav", "b/03a07Ta.wav", "c/YAF_love_sad.wav", "d/JK_sa01.wav")
    words = [found_in(tmp_path, name).clips[0].sentence for name in ("crema-d", "emodb", "tess", "savee")]
    german = "In sieben Stunden wird es soweit sein."
    assert words == ["Maybe tomorrow it will be cold.", german, "Say the word love.", ""]


@pytest.mark.parametrize(
    ("dataset", "good", "bad", "reason"),
    [
        ("emodb", "wav/03a01Fa.wav", "wav/03a01La.wav", r"W, E, .* found L \(boredom\): EcoFace's eight"),
        ("mead-voices", "M003/audio/fear/level_1/001.m4a", "M003/audio/contempt/level_1/001.m4a",
         r"neutral, happy, .* found contempt \(contempt\)"),
        ("mead-voices", "M003/audio/fear/level_1/001.m4a", "M003/audio/fear/level_4/001.m4a",
         "an intensity of level_1, level_2, level_3, found level_4"),
        ("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_ANG.wav",
         r"a name such as AudioWAV/1001_DFA_ANG_XX.wav, found another"),
        ("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_LOV_XX.wav", "found LOV"),
        ("ravdess-voices", "Actor_01/03-01-03-01-01-01-01.wav", "Actor_01/03-01-09-01-01-01-01.wav",
         "an emotion of 01, .* found 09"),
    ],
)  # fmt: skip
def test_what_is_none_of_ours_is_refused_with_the_reason(
    tmp_path: Path, dataset: str, good: str, bad: str, reason: str
) -> None:
    sounds = list_sounds(touch(tmp_path, good, bad))
    found = find_voices(dataset, tmp_path, sounds)
    (refused,) = found.refused
    assert len(found.clips) == 1 and refused.file == bad
    with pytest.raises(CorpusError, match=reason):
        raise CorpusError(refused.reason)


def test_songs_and_copies_are_counted_and_left(tmp_path: Path) -> None:
    name = "Actor_01/03-01-03-01-01-01-01.wav"
    touch(tmp_path, name, f"copy/{name}", "Actor_01/03-02-03-01-01-01-01.wav", "Actor_01/._notes.wav")
    found = found_in(tmp_path, "ravdess-voices")
    assert len(found.clips) == 1 and found.clips[0].sound == tmp_path / name
    assert found.skipped == {"song": 1, "copy of a clip": 1} and not found.refused


def test_corpora_are_told_apart_even_in_one_folder(tmp_path: Path) -> None:
    touch(tmp_path, "all/1001_DFA_ANG_XX.wav", "all/03a01Fa.wav", "all/what.wav", "elsewhere/music.wav")
    sounds = corpora_in(list_sounds(tmp_path))
    names = {name: [path.name for path in own] for name, own in sounds.items()}  # type: ignore[union-attr]
    assert names == {"crema-d": ["1001_DFA_ANG_XX.wav", "what.wav"], "emodb": ["03a01Fa.wav", "what.wav"]}


def test_one_name_of_a_corpuss_form_without_its_emotions_is_not_that_corpus(tmp_path: Path) -> None:
    assert corpora_in(list_sounds(touch(tmp_path, "AB1_take_3.wav", "99x01Qq.wav"))) == {}


def test_undirected_clips_are_as_strong_as_listeners_found_them(tmp_path: Path) -> None:
    clips = ("1001_DFA_ANG_XX", "1002_DFA_ANG_XX", "1003_DFA_ANG_XX", "1004_DFA_ANG_XX", "1005_DFA_ANG_XX")
    touch(tmp_path, *(f"AudioWAV/{clip}.wav" for clip in clips), "AudioWAV/1006_DFA_ANG_XX.wav")
    table = write_votes(
        tmp_path / "t.csv",
        "1001_DFA_ANG_XX A 80", "1002_DFA_ANG_XX A 60", "1003_DFA_ANG_XX A 30",
        "1004_DFA_ANG_XX A:D 90:10", "1005_DFA_ANG_XX N 99 A",
    )  # fmt: skip
    sounds = corpora_in(list_sounds(tmp_path))["crema-d"]
    found = find_voices("crema-d", tmp_path, sounds, read_votes(table))
    said = [(clip.intensity, clip.agreement, clip.level) for clip in found.clips]
    assert said == [
        ("strong", 1.0, 0.8),
        ("strong", 1.0, 0.6),
        ("normal", 1.0, 0.3),
        ("unknown", 0.5, 0.9),
        ("unknown", 0.0, 0.5),  # by those who saw the face
        ("unknown", None, None),
    ]


def all_clips(dataset: str, actors: tuple[str, ...]) -> list[SourceClip]:
    return [
        SourceClip(
            id=f"{actor}-{take}", speaker=f"{dataset.removesuffix('-voices')}-{actor}", emotion="sad",
            intensity="unknown", sentence="", sentence_id="s", sound=Path("x.wav"), motion=None,
        )
        for actor in actors
        for take in range(3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "train", "val", "test"),
    [("crema-d", 64, 9, 18), ("emodb", 7, 1, 2), ("ravdess-voices", 17, 2, 5), ("mead-voices", 33, 5, 10),
     ("esd", 14, 2, 4), ("nemo", 6, 1, 2), ("savee", 3, 0, 1), ("tess", 1, 0, 1)],
)  # fmt: skip
def test_a_fifth_of_the_actors_is_for_test_and_a_tenth_for_validation(
    dataset: str, train: int, val: int, test: int
) -> None:
    clips = all_clips(dataset, VOICES[dataset].actors)
    splits = split_by_actor(dataset, clips)
    of_actor = {(clip.speaker, splits[clip.id]) for clip in clips}
    assert Counter(split for _, split in of_actor) == Counter(train=train, val=val, test=test)
    assert len(of_actor) == len(VOICES[dataset].actors)


def test_an_actors_split_does_not_depend_on_who_else_is_there() -> None:
    everyone = split_by_actor("crema-d", all_clips("crema-d", VOICES["crema-d"].actors))
    few = split_by_actor("crema-d", all_clips("crema-d", ("1033", "1007")))
    assert few == {clip_id: everyone[clip_id] for clip_id in few}


def test_emodbs_split_is_this_one_on_every_machine() -> None:
    splits = split_by_actor("emodb", all_clips("emodb", VOICES["emodb"].actors))
    held = {clip_id[:2]: split for clip_id, split in splits.items() if split != "train"}
    assert held == {"03": "val", "11": "test", "16": "test"}  # others' numbers depend on it


def test_an_actor_in_no_list_is_drawn_by_name() -> None:
    strangers = tuple(f"M9{number:02d}" for number in range(100))
    splits = split_by_actor("mead-voices", all_clips("mead-voices", strangers))
    counts = Counter(splits[f"{actor}-0"] for actor in strangers)
    assert counts["train"] > 50 and counts["test"] > counts["val"] > 0
