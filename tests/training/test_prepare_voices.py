"""Corpora of acted voices -> clips, and every way in which a recording can be unusable."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from voice_samples import pack, speak, touch, write_votes

from ecoface_model.audio import read_sound
from training.data.clips import CorpusError, read_clip, read_manifest
from training.data.preparation import CremaD, Emodb, Tess, Voices
from training.prepare import main

TIE = "AudioWAV/1006_TIE"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little CREMA-D with its traps, in a folder, and a little EmoDB in an archive."""
    folder = tmp_path_factory.mktemp("voices")
    speak(folder, "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_IEO_HAP_HI.wav", f"{TIE}_SAD_XX.wav")
    speak(folder, f"{TIE}_HAP_XX.wav", f"{TIE}_NEU_XX.wav", like="both")
    speak(folder, "AudioWAV/1076_MTI_SAD_XX.wav", level=0.0)
    speak(folder, "AudioWAV/1002_DFA_SAD_XX.wav", seconds=0.2)
    touch(folder, "AudioWAV/1002_DFA_FEA_XX.wav")
    write_votes(folder / "crema-d-summaryTable.csv", "1001_DFA_ANG_XX A 70", "1006_TIE_SAD_XX N 50")
    emodb = folder.parent / "emodb"
    speak(emodb, "wav/03a01Fa.wav", "wav/03a01Nb.wav", "wav/03a01La.wav")
    pack(folder / "emodb.tar", emodb)
    return folder


@pytest.fixture(scope="module")
def prepared(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    main(Voices(source=source, out=out, workers=1))
    return out


def refusals(out: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (out / "refused.jsonl").read_text().splitlines()]
    return {line["file"]: line["reason"] for line in lines}


def test_every_corpus_that_is_there_is_prepared(prepared: Path) -> None:
    rows = {row.id: row for row in read_manifest(prepared)}
    assert list(rows) == [
        "crema-d-1001_DFA_ANG_XX", "crema-d-1001_IEO_HAP_HI", "crema-d-1006_TIE_SAD_XX", "emodb-03a01Fa",
        "emodb-03a01Nb",
    ]  # fmt: skip
    angry, happy, sad, german, neutral = rows.values()
    assert (angry.intensity, angry.agreement, angry.level) == ("strong", 1.0, 0.7)
    assert (happy.intensity, happy.agreement, happy.level) == ("strong", None, None)
    assert (sad.intensity, sad.agreement, sad.level) == ("unknown", 0.0, None)
    assert not sad.intensity_is_known and sad.emotion_is_known and sad.intensity_level == 1
    assert (german.intensity, neutral.intensity) == ("unknown", "normal")
    assert {row.licence for row in rows.values()} == {"ODbL 1.0, contents DbCL 1.0", "CC0 1.0"}
    assert angry.split == happy.split and german.split == neutral.split


def test_a_clip_has_the_recordings_sound_and_no_motion(source: Path, prepared: Path) -> None:
    clip = read_clip(prepared, read_manifest(prepared)[0])
    assert clip.motion is None and clip.phone_name == () and clip.n_frames == 15 == round(25 * 0.6)
    recorded = read_sound(source / "AudioWAV/1001_DFA_ANG_XX.wav")
    np.testing.assert_allclose(clip.waveform, recorded, atol=1e-4)


def test_silence_doubles_scraps_and_boredom_are_refused(prepared: Path) -> None:
    reasons = refusals(prepared)
    wanted = {
        "AudioWAV/1076_MTI_SAD_XX.wav": "expected speech in 1076_MTI_SAD_XX.wav, found silence",
        f"{TIE}_HAP_XX.wav": "expected a sound of one label, found the same in 1006_TIE_NEU_XX",
        f"{TIE}_NEU_XX.wav": "expected a sound of one label, found the same in 1006_TIE_HAP_XX",
        "AudioWAV/1002_DFA_SAD_XX.wav": "expected at least 0.48 s, found 0.20 s",
        "AudioWAV/1002_DFA_FEA_XX.wav": "found an empty file",
        "emodb.tar/wav/03a01La.wav": r"found L \(boredom\)",
    }
    assert set(reasons) == set(wanted)
    for name, reason in wanted.items():
        with pytest.raises(CorpusError, match=reason):
            raise CorpusError(reasons[name])
    assert not (prepared / "clips/crema-d-1006_TIE_HAP_XX.npz").exists()


def test_counts_name_the_licence(prepared: Path) -> None:
    counts = json.loads((prepared / "counts.json").read_text())
    assert counts["emodb"]["licence"] == "CC0 1.0" and counts["crema-d"]["clips"] == 3
    assert counts["crema-d"]["emotion"] == {"angry strong": 1, "happy strong": 1, "sad unknown": 1}
    assert counts["crema-d"]["refused"] == 5 and "motion" not in counts["emodb"]


def test_a_second_run_changes_nothing(
    source: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: (prepared / name).read_bytes() for name in ("manifest.jsonl", "refused.jsonl")}
    written = {path: path.stat().st_mtime_ns for path in (prepared / "clips").iterdir()}
    main(CremaD(source=source, out=prepared, workers=1))
    main(Emodb(source=source, out=prepared, workers=1))
    assert {path: path.stat().st_mtime_ns for path in (prepared / "clips").iterdir()} == written
    assert (prepared / "manifest.jsonl").read_bytes() == before["manifest.jsonl"]
    assert (prepared / "refused.jsonl").read_bytes() == before["refused.jsonl"]
    said = capsys.readouterr().out
    assert "CREMA-D (Cao et al. 2014): 8 recordings, licence ODbL 1.0" in said
    assert "EmoDB (Burkhardt et al. 2005): 3 recordings, licence CC0 1.0" in said


def test_the_votes_may_lie_elsewhere_or_be_absent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = speak(tmp_path / "set", "AudioWAV/1001_DFA_ANG_XX.wav")
    main(CremaD(source=source, out=tmp_path / "out", workers=1))
    (row,) = read_manifest(tmp_path / "out")
    assert row.intensity == "unknown" and row.agreement is None
    assert "no summaryTable.csv: nobody says how strong" in capsys.readouterr().out
    votes = write_votes(tmp_path / "votes.csv", "1001_DFA_ANG_XX A 70")
    main(CremaD(source=source, out=tmp_path / "out", votes=votes, workers=1))
    (row,) = read_manifest(tmp_path / "out")
    assert row.intensity == "strong" and row.agreement == 1


def test_the_same_sound_with_the_same_labels_stays_once(tmp_path: Path) -> None:
    source = speak(tmp_path / "set", "03a01Fa.wav", "03a01Fb.wav", like="one")
    main(Emodb(source=source, out=tmp_path / "out", workers=1))
    assert [row.id for row in read_manifest(tmp_path / "out")] == ["emodb-03a01Fa"]
    assert "expected every recording once, found the same" in refusals(tmp_path / "out")["03a01Fb.wav"]


def test_all_eight_corpora_share_one_folder(tmp_path: Path) -> None:
    speak(
        tmp_path / "sets", "c/AudioWAV/1001_DFA_ANG_XX.wav", "e/wav/03a01Fa.wav", "t/OAF_back_ps.wav",
        "r/Actor_01/03-01-02-01-01-01-01.wav", "s/DC/a01.wav", "n/samples/EB0_fear_1.wav",
        "z/0011/Sad/0011_001051.wav", "m/M003/audio/fear/level_1/001.wav",
    )  # fmt: skip
    main(Voices(source=tmp_path / "sets", out=tmp_path / "out", workers=1))
    rows = read_manifest(tmp_path / "out")
    assert len({row.id for row in rows}) == len({row.dataset for row in rows}) == 8
    assert all(row.id.startswith(f"{row.dataset}-") for row in rows)
    emotions = Counter(row.emotion for row in rows)
    assert emotions == {"angry": 2, "fearful": 2, "happy": 1, "surprised": 1, "calm": 1, "sad": 1}


def test_a_folder_without_voices_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected a folder of voices at .*, found none"):
        main(Voices(source=tmp_path / "absent", out=tmp_path / "out"))
    speak(tmp_path / "set", "music.wav")
    with pytest.raises(
        CorpusError, match=r"named as in CREMA-D .*1001_DFA_ANG_XX.wav; EmoDB .*, found 1 others in"
    ):
        main(Voices(source=tmp_path / "set", out=tmp_path / "out"))
    with pytest.raises(CorpusError, match=r"named as in TESS .*OAF_back_angry.wav, found 1 others"):
        main(Tess(source=tmp_path / "set", out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
