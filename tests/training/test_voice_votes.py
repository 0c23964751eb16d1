"""What listeners said of CREMA-D's clips."""

from pathlib import Path

import pytest
from voice_samples import write_votes

from training.data.clips import CorpusError
from training.data.voice_votes import Vote, find_table, no_votes, read_votes


def test_a_vote_agrees_wholly_by_half_or_not(tmp_path: Path) -> None:
    table = write_votes(
        tmp_path / "t.csv", "1_IEO_SAD_XX S 40", "2_IEO_SAD_XX N:S 70:20", "3_IEO_SAD_XX A:N 10:20 N"
    )
    votes = read_votes(table)
    assert votes.of_clip == {
        "1_IEO_SAD_XX": Vote(agreement=1.0, level=0.4),
        "2_IEO_SAD_XX": Vote(agreement=0.5, level=0.2),
        "3_IEO_SAD_XX": Vote(agreement=0.0, level=None),
    }
    assert votes.median_level == {"SAD": 0.4}


def test_what_the_director_asked_for_comes_before_the_votes(tmp_path: Path) -> None:
    votes = read_votes(write_votes(tmp_path / "t.csv", "1_IEO_SAD_LO S 99", "2_IEO_SAD_HI N 99"))
    assert votes.intensity("1_IEO_SAD_LO", "SAD", "LO") == "normal"
    assert votes.intensity("2_IEO_SAD_HI", "SAD", "HI") == "strong"
    assert no_votes().intensity("3_IEO_SAD_XX", "SAD", "XX") == "unknown"


def test_the_table_is_found_under_its_own_name_or_ours(tmp_path: Path) -> None:
    assert find_table(tmp_path) is None
    write_votes(tmp_path / "processedResults/summaryTable.csv")
    assert find_table(tmp_path) == tmp_path / "processedResults/summaryTable.csv"


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"expected CREMA-D's table of votes at .*, found none"):
        read_votes(tmp_path / "absent.csv")
    (tmp_path / "t.csv").write_text("FileName,VoiceVote\n1_IEO_SAD_XX,S\n")
    with pytest.raises(CorpusError, match=r"found none of FaceLevel, FaceVote, .*processedResults"):
        read_votes(tmp_path / "t.csv")
    with pytest.raises(CorpusError, match=r"expected letters and numbers joined by colons in u\.csv"):
        read_votes(write_votes(tmp_path / "u.csv", "1_IEO_SAD_XX S much"))
    with pytest.raises(CorpusError, match="joined by colons"):
        read_votes(write_votes(tmp_path / "u.csv", "1_IEO_SAD_XX S:N 40"))
