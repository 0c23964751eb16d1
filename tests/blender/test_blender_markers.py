"""Phones as markers: where the m is, at the scene's rate and the strip's place; and away again."""
# ruff: noqa: F811 (fixtures)

import bpy
import numpy as np
import pytest
from blender_engine import context, preferences, speaker  # noqa: F401
from blender_support import receive_take, talking_motion

from ecoface_blender.core.phones import PHONES
from ecoface_blender.engine.settings import EngineSettings
from ecoface_blender.errors import EcoFaceBlenderError
from ecoface_blender.heads import face_kinds
from ecoface_blender.request import GenerationRequest
from ecoface_blender.takes import markers, takes, words

pytestmark = pytest.mark.blender_version

NAMES = ["SIL", "M", "AA", "S"]
SAID = ["SIL"] * 10 + ["M"] * 5 + ["AA"] * 10 + ["S"] * 1 + ["AA"] * 4 + ["M"] * 4 + ["SIL"] * 6


def give_take(speaker, first_frame=1.0, said=SAID):
    """A line at 25 fps of which the phones are known."""
    line = GenerationRequest(
        scene=bpy.context.scene.name,
        speaker=speaker.name,
        head=face_kinds.known_rig(speaker).coefficients(EngineSettings()),
        sound="/hello.wav",
        first_frame=first_frame,
    )
    phones = np.full((len(said), len(NAMES)), 20, np.uint8)
    phones[np.arange(len(said)), [NAMES.index(name) for name in said]] = 190
    story = {"style": "anna", "phones": NAMES}
    takes.receive(
        bpy.context,
        line,
        talking_motion(len(said)),
        25,
        np.eye(50),
        story,
        phones,
    )


def marked(scene):
    return [(each.name, each.frame) for each in sorted(scene.timeline_markers, key=lambda m: m.frame)]


@pytest.mark.parametrize(("fps", "first"), [(25, 1.0), (50, 101.0), (24, 10.5)])
def test_each_phone_is_marked_where_it_begins(context, speaker, fps, first):
    context.scene.render.fps = fps
    give_take(speaker, first)
    assert bpy.ops.ecoface.mark_phones() == {"FINISHED"}
    begins = [("M", 10), ("AA", 15), ("S", 25), ("AA", 26), ("M", 30)]
    assert marked(context.scene) == [(name, round(first + at / 25 * fps)) for name, at in begins]


@pytest.mark.parametrize(("fps", "first"), [(25, 1.0), (50, 101.0)])
def test_each_phrase_is_marked_where_it_begins_and_ends(context, speaker, fps, first):
    context.scene.render.fps = fps
    said = SAID + SAID[10:20] + ["SIL"] * 3 + ["M"] * 6  # 6 frames of silence part phrases, 3 do not
    give_take(speaker, first, said)
    bpy.ops.ecoface.mark_phones()
    assert bpy.ops.ecoface.mark_phones(phrases=True) == {"FINISHED"}
    ends = [("phrase 1", 10), ("phrase 1 end", 34), ("phrase 2", 40), ("phrase 2 end", 59)]
    assert marked(context.scene) == [(name, round(first + at / 25 * fps)) for name, at in ends]
    bpy.ops.ecoface.unmark_phones()
    assert not context.scene.timeline_markers


def test_marking_again_and_removing_leave_others_alone(context, speaker):
    give_take(speaker)
    context.scene.timeline_markers.new("cut", frame=7)
    bpy.ops.ecoface.mark_phones()
    bpy.ops.ecoface.mark_phones(closing=True)
    assert marked(context.scene) == [("cut", 7), ("M", 11), ("M", 30)]
    bpy.ops.ecoface.unmark_phones()
    assert marked(context.scene) == [("cut", 7)]


def test_a_take_without_phones_is_said(context, speaker):
    receive_take(speaker, talking_motion(20))
    with pytest.raises(RuntimeError, match="tells no phones; press Regenerate Take"):
        bpy.ops.ecoface.mark_phones()
    assert not context.scene.timeline_markers


def test_pauses_are_runs_too():
    shares = np.eye(4)[[NAMES.index(name) for name in SAID]]
    found = markers.runs(shares, NAMES)
    assert found[:2] == [("SIL", 0), ("M", 10)] and found[-1] == ("SIL", 34) and len(found) == 7
    assert markers.runs(shares[:1], NAMES) == [("SIL", 0)]


def heard(*phones, each=3):
    """Shares of phones that are said one after the other, some frames each, as a model tells them."""
    said = [phone for phone in phones for _ in range(each)]
    shares = np.full((len(said), len(PHONES)), 0.2 / len(PHONES))
    shares[np.arange(len(said)), [PHONES.index(name) for name in said]] += 0.8
    return shares


SENTENCE = "She knew the quick box, my cheese!"
SOUNDS = [
    ["SH", "IY"], ["N", "UW"], ["DH", "AH"], ["K", "W", "IH", "K"], ["B", "AA", "K", "S"], ["SIL"],
    ["M", "AY"], ["CH", "IY", "Z"],
]  # fmt: skip


def test_words_begin_where_their_sounds_do():
    sounds = ["SIL", *(phone for word in SOUNDS for phone in word), "SIL"]
    found = words.aligned(SENTENCE, heard(*sounds), PHONES)
    assert [word.text for word in found.words] == ["She", "knew", "the", "quick", "box", "my", "cheese"]
    lengths = [3 * len(word) for word in SOUNDS]
    starts = 3 + np.cumsum([0, *lengths[:-1]])
    starts = np.delete(starts, 5)
    assert [word.start for word in found.words] == starts.tolist() and found.fits
    assert all(a.end <= b.start for a, b in zip(found.words, found.words[1:], strict=False))


def test_words_are_found_beside_sounds_that_were_misheard_and_another_text_is_noticed():
    rng = np.random.default_rng(0)
    sounds = ["SIL", *(phone for word in SOUNDS for phone in word), "SIL"]
    shares = 0.75 * heard(*sounds) + 0.25 * rng.dirichlet(np.full(len(PHONES), 0.1), 3 * len(sounds))
    shares[3:6] = heard("F")  # of SH
    found = words.aligned(SENTENCE, shares, PHONES)
    right = words.aligned(SENTENCE, heard(*sounds), PHONES)
    for one, other in zip(found.words[1:], right.words[1:], strict=True):
        assert abs(one.start - other.start) <= 1, one.text
    assert found.fits and not words.aligned("Unless to be rather cold hearted", shares, PHONES).fits


@pytest.mark.parametrize(
    ("text", "match"), [("", "found no word"), ("12 !", "found no word"), ("a " * 99, "99 words")]
)
def test_a_text_that_is_none_is_refused(text, match):
    with pytest.raises(EcoFaceBlenderError, match=match):
        words.aligned(text, heard("SIL", "AA", "SIL"), PHONES)


def test_a_text_of_an_hour_is_refused_before_it_takes_memory():
    shares = np.zeros((90_000, len(PHONES)), np.float32)
    with pytest.raises(EcoFaceBlenderError, match="longer than five minutes"):
        words.aligned("hello there " * 4000, shares, PHONES)


@pytest.mark.parametrize("fps", [25, 50])
def test_words_are_marked_from_a_text_that_is_given_stored_or_beside_the_sound(
    context, speaker, fps, tmp_path
):
    context.scene.render.fps = fps
    give_take(speaker)  # of M AA S AA M
    take = takes.played(speaker)
    with pytest.raises(RuntimeError, match="Expected the text of the line"):
        bpy.ops.ecoface.mark_words()
    assert bpy.ops.ecoface.mark_words(text="ma sam") == {"FINISHED"}
    expected = [("ma", round(1 + 10 / 25 * fps)), ("sam", round(1 + 25 / 25 * fps))]
    assert marked(context.scene) == expected
    bpy.ops.ecoface.unmark_phones()
    bpy.ops.ecoface.mark_words()
    assert marked(context.scene) == expected, "the take keeps its text"
    del take[markers.TEXT]
    story = markers.actions.read_metadata(take)
    (tmp_path / "hello.txt").write_text("Ma sam", encoding="utf-8")
    story["line"]["sound"] = str(tmp_path / "hello.wav")
    markers.actions.write_metadata(take, story)
    bpy.ops.ecoface.mark_words()
    assert [name for name, _ in marked(context.scene)] == ["Ma", "sam"]
    bpy.ops.ecoface.mark_phones()
    assert "Ma" not in [name for name, _ in marked(context.scene)], "one kind at a time"
