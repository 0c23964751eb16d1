"""What a batch is asked for and what it remembers: tables, cells, fingerprints, results."""

import os
from dataclasses import replace

import pytest
from blender_support import write_sound

from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.headless import table as batch_lines
from ecoface_blender.headless.folder import sounds_in, told
from ecoface_blender.headless.results import DONE, FAILED, HEADER, Result, ResultTable, heard_cells
from ecoface_blender.headless.table import fingerprint, read, shard, understand


@pytest.fixture
def folder(tmp_path):
    for name in ("one.wav", "two.wav", "more/one.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_sound(tmp_path / name, [0.1] * 100)
    return tmp_path


def table(folder, text, encoding="utf-8"):
    (folder / "lines.csv").write_bytes(text.encode(encoding))
    return folder / "lines.csv"


def rows_of(folder, text, defaults=None, encoding="utf-8"):
    return read(table(folder, text, encoding), {"outputs": "fbx"} | (defaults or {}))


def test_cells_become_wishes_and_empty_ones_take_the_defaults(folder):
    text = (
        "audio,name,emotion,seed,strength,outputs\none.wav,scene/1,happy:1.5,7,1.2,.FBX csv\n\ntwo.wav,,,,,"
    )
    first, second = rows_of(folder, text, {"emotion": "sad", "style": "ben"})
    wish = understand(first)
    assert (first.name, first.number, second.name, second.number) == ("scene/1", 2, "two", 4)
    assert (wish.audio, wish.emotion, wish.style) == (folder / "one.wav", "happy:1.5", "ben")
    assert (wish.seed, wish.strength, wish.upper, wish.outputs) == (7, 1.2, 1.0, ("fbx", "csv"))
    assert understand(second) == replace(
        wish, audio=folder / "two.wav", emotion="sad", seed=0, strength=1.0, outputs=("fbx",)
    )


def test_a_track_and_a_channel_are_chosen_by_row_or_for_all(folder):
    rows = rows_of(folder, "audio,track,channel\none.wav,2,\ntwo.wav,,3\n", {"track": "4"})
    chosen = [(understand(row).track, understand(row).channel) for row in rows]
    assert chosen == [(2, None), (4, 3)]
    for bad in ("0", "-1", "x", "1.5", "99999"):
        with pytest.raises(
            EcoFaceBlenderError, match=f"Expected a whole number from 1 on as track, found '{bad}'"
        ):
            understand(rows_of(folder, f"audio,track\none.wav,{bad}\n")[0])


def test_a_line_with_a_reference_of_its_own_does_not_take_the_default_emotion(folder):
    (row,) = rows_of(folder, "audio,reference\none.wav,two.wav\n", {"emotion": "sad"})
    assert understand(row).reference == folder / "two.wav" and understand(row).emotion is None


def test_whose_voice_a_line_is_says_its_speaker_else_its_head(folder):
    text = "name,audio,speaker,head\na,one.wav,Anna,Mask\nb,two.wav,,Mask\nc,more/one.wav,,\n"
    assert [row.voice for row in rows_of(folder, text)] == ["Anna", "Mask", ""]
    assert [row.voice for row in rows_of(folder, text, {"head": "Face"})] == ["Anna", "Mask", ""]
    assert [row.voice for row in rows_of(folder, text, {"speaker": "Ben"})] == ["Anna", "Ben", "Ben"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_every_spreadsheet_are_read(folder, delimiter, encoding):
    text = 'audio;name;style\r\none.wav;Häuschen;"a ""b"""\r\n'.replace(";", delimiter)
    (row,) = rows_of(folder, text, encoding=encoding)
    assert (row.name, row.cells["style"]) == ("Häuschen", 'a "b"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sound,style\na.wav,b", "Expected a column 'audio' in 'lines.csv', found sound, style"),
        ("audio,stile\na.wav,b", "found 'stile'; rename or delete it"),
        ("audio,audio\na.wav,b", "The column 'audio' is twice"),
        ("audio\n", "Expected lines in .*, found none"),
        ("", "Expected a column 'audio' in 'lines.csv', found nothing"),
        ("audio,style\na.wav,b,c", "Expected 2 cells in row 2 of 'lines.csv', found 3"),
        ("audio\na.wav\nx/A.mp3", "Rows 2 and 3 would both write 'A'"),
        ("audio,name\na.wav,../b", "Expected a name inside the output folder in row 2, found '../b'"),
        ("audio,name\na.wav,/b", "Expected a name inside the output folder in row 2, found '/b'"),
        *(
            (f"audio,name\na.wav,{name}", "Expected a name inside the output folder in row 2, found")
            for name in (".", "./", "b/.", "b/..", "b//c", "...", "\\b", "\\\\host\\b", "C:b", "b\0", "//h/b")
        ),
        ("audio\nresults.wav", "a name kept for the result table"),
    ],
)
def test_a_wrong_table_is_refused_as_a_whole(folder, text, sentence):
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        rows_of(folder, text)


def test_a_table_that_is_missing_or_no_text_is_refused(folder):
    with pytest.raises(EcoFaceBlenderError, match=r"Expected a CSV or a folder at .*nowhere"):
        read(folder / "nowhere.csv", {})
    with pytest.raises(EcoFaceBlenderError, match=r"save it again as CSV UTF-8"):
        rows_of(folder, "audio\nHäuschen.wav", encoding="latin-1")


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"audio": ""}, "Expected a sound file in the column 'audio', found nothing"),
        ({"audio": "no.wav"}, r"Expected a file at .*no.wav' \(audio\), found none"),
        ({"reference": "no.npz"}, r"no.npz' \(reference\), found none"),
        ({"open": "no.blend"}, r"no.blend' \(open\), found none"),
        ({"seed": "two"}, "Expected a whole number from 0 on as seed, found 'two'"),
        ({"seed": "-1"}, "found '-1'"),
        ({"strength": "much"}, "Expected a number from 0 on as strength, found 'much'"),
        ({"mouth": "inf"}, "Expected a number from 0 on as mouth, found 'inf'"),
        ({"outputs": "fbx fxb"}, "Expected outputs among blend, npz, fbx, .*, found 'fxb'"),
        ({"outputs": ";"}, "Expected outputs among .*, found none"),
        ({"emotion": "sad", "reference": "two.wav"}, "Expected an emotion or a reference, found both"),
    ],
)
def test_a_wrong_cell_is_one_sentence(folder, cells, sentence):
    (row,) = rows_of(folder, "audio\none.wav\n")
    with pytest.raises(EcoFaceBlenderError, match=sentence):
        understand(replace(row, cells={**row.cells, **cells}))


def test_a_folder_gives_its_sounds_by_their_places(folder):
    (folder / "notes.txt").write_text("no sound")
    rows = read(folder, {"outputs": "npz"})
    assert [row.name for row in rows] == ["more/one", "one", "two"]
    assert understand(rows[0]).audio == folder / "more" / "one.wav"


def test_parts_are_all_lines_and_none_twice(folder):
    rows = read(folder, {})
    parts = [shard(rows, f"{number}/2") for number in (1, 2)]
    assert [len(part) for part in parts] == [2, 1]
    assert sorted(row.name for part in parts for row in part) == [row.name for row in rows]
    for wrong in ("0/2", "3/2", "1", "a/b", ""):
        with pytest.raises(EcoFaceBlenderError, match="Expected a part such as 1/8"):
            shard(rows, wrong)


def test_a_fingerprint_changes_with_every_cell_and_with_what_is_in_the_files(folder):
    (row,) = rows_of(folder, "audio,reference\none.wav,two.wav\n")
    wish = understand(row)
    changes = {
        "style": "ben",
        "emotion": "sad",
        "reference": None,
        "head": "Anna",
        "open": folder / "two.wav",
        "seed": 1,
        "track": 1,
        "channel": 1,
        "outputs": ("npz",),
        **dict.fromkeys(batch_lines.NUMBERS, 0.5),
    }
    prints = [fingerprint(replace(wish, **{name: value}), ()) for name, value in changes.items()]
    prints += [fingerprint(wish, ()), fingerprint(wish, ("fps",))]
    assert set(changes) | {"audio"} == set(vars(wish)) and len(set(prints)) == len(prints)
    (folder / "moved").mkdir()
    (folder / "one.wav").rename(folder / "moved" / "one.wav")
    moved = replace(wish, audio=folder / "moved" / "one.wav")
    assert fingerprint(moved, ()) == fingerprint(wish_at(wish), ()), "the place of a file says nothing"
    write_sound(moved.audio, [0.2] * 100)
    assert fingerprint(moved, ()) not in prints


def wish_at(wish):
    """The same line, its sound written anew as it was."""
    write_sound(wish.audio, [0.1] * 100)
    return wish


def result(line="one", state=DONE, inputs="abc", ended="2026-01-01"):
    return Result(line, state, "said", "1.0", f"{line}.npz", inputs, ended)


def test_a_line_is_finished_with_its_row_and_its_files(tmp_path):
    results = ResultTable(tmp_path)
    results.add(result())
    again = ResultTable(tmp_path)
    assert again.finished("one", "abc", ["npz"]) is None, "no file"
    (tmp_path / "one.npz").touch()
    assert again.finished("one", "abc", ["npz"]) is None, "an empty file"
    (tmp_path / "one.npz").write_text("motion")
    assert again.finished("one", "abc", ["npz"]) == result()
    assert again.finished("one", "other", ["npz"]) is None
    assert again.finished("one", "abc", ["npz", "fbx"]) is None
    again.add(result(state=FAILED, ended="2026-01-02"))
    assert ResultTable(tmp_path).finished("one", "abc", ["npz"]) is None


def test_a_row_cut_by_a_kill_is_no_row(tmp_path):
    results = ResultTable(tmp_path)
    results.add(result("one"))
    whole = results.path.read_bytes()
    results.add(result("two"))
    for cut in range(len(whole) + 1, len(results.path.read_bytes())):
        results.path.write_bytes(results.path.read_bytes()[:cut])
        assert [one.line for one in ResultTable(tmp_path).known.values()] == ["one"]
        assert results.path.read_bytes() == whole
        results.add(result("two"))
    assert list(tmp_path.iterdir()) == [results.path]


def test_a_table_of_a_version_that_heard_nothing_is_gone_on_with(tmp_path):
    (tmp_path / "one.npz").write_text("motion")
    old = ",".join(HEADER[:7]) + "\none,done,said,1.0,one.npz,abc,2026-01-01\n"
    (tmp_path / "results.csv").write_text(old)
    results = ResultTable(tmp_path)
    assert results.finished("one", "abc", ["npz"]) == result()
    heard = heard_cells({"text": "angry 0.7, sad 0.2", "emotion": "angry", "intensity": 1.234})
    results.add(replace(result("two"), **heard))
    again = ResultTable(tmp_path)
    assert again.known["two"].heard == "angry 0.7, sad 0.2"
    assert (again.known["two"].heard_emotion, again.known["two"].heard_intensity) == ("angry", "1.23")
    assert again.known["one"].heard == "" and heard_cells(None) == {}
    assert again.path.read_text().startswith(",".join(HEADER) + "\n")


def test_parts_have_tables_of_their_own_and_the_latest_word_counts(tmp_path):
    (tmp_path / "one.npz").write_text("motion")
    part = ResultTable(tmp_path, "1/2")
    assert part.path.name == "results-1-of-2.csv"
    part.add(result(inputs="old"))
    whole = ResultTable(tmp_path)
    assert whole.finished("one", "old", ["npz"])
    whole.add(result(inputs="new", ended="2026-01-02"))
    part = ResultTable(tmp_path, "1/2")
    assert part.finished("one", "new", ["npz"]) and not part.finished("one", "old", ["npz"])


def test_the_table_ends_in_the_order_of_the_lines_and_keeps_others(tmp_path):
    results = ResultTable(tmp_path)
    for name in ("other", "b", "a"):
        results.add(result(name))
    results.close(["a", "b"])
    lines = results.path.read_text().splitlines()
    assert lines[0] == ",".join(HEADER) and [line.split(",")[0] for line in lines[1:]] == ["a", "b", "other"]


def test_a_table_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "results.csv").mkdir()
    with pytest.raises(EcoFaceBlenderError, match=r"results.csv' cannot be read"):
        ResultTable(tmp_path)
    (tmp_path / "results.csv").rmdir()
    results = ResultTable(tmp_path)
    results.path.unlink()
    results.path.mkdir()
    with pytest.raises(EcoFaceBlenderError, match="cannot be written; make room"):
        results.add(result())


def test_a_folder_says_what_it_passes_over(tmp_path):
    for name in ("b.WAV", "a/film.mkv", "._b.wav", ".cache/c.wav", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert [row.name for row in read(tmp_path, {})] == ["a/film", "b"]
    sounds, passed_over = sounds_in(tmp_path)
    assert [path.name for path in sounds] == ["film.mkv", "b.WAV"]
    said = dict(each.split("' ", 1) for each in passed_over)
    assert said["'._b.wav"] == said["'.cache/c.wav"] == "is hidden"
    assert said["'notes.txt"] == "is no sound by its name" and said["'pipe.wav"] == "is no plain file"
    assert said["'gone.wav"].startswith("cannot be opened") and len(said) == 5
    assert told(passed_over * 9)[-1] == "passed over: 25 more files."


def test_a_name_that_is_no_utf_8_fails_alone(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"x")
    (tmp_path / "good.wav").write_bytes(b"x")
    bad, good = read(tmp_path, {"outputs": "npz"})
    assert bad.name == "caf%E9" and understand(good).audio.name == "good.wav"
    with pytest.raises(EcoFaceBlenderError, match=r"file name in UTF-8 \(audio\), found 'caf%E9\.wav'"):
        understand(bad)
