"""Words in other languages: looked up by Blender, and none of them left over from an earlier panel."""

import re
from pathlib import Path

import bpy
import pytest

import ecoface_blender
from ecoface_blender.ui import translations

pytestmark = pytest.mark.blender_version

FOLDER = Path(ecoface_blender.__file__).parent


@pytest.fixture
def german():
    view = bpy.context.preferences.view
    before = view.language
    try:
        view.language = "de_DE"
    except TypeError:
        pytest.skip("this Blender was built without other languages, as the wheels are")
    yield
    view.language = before


def test_names_buttons_and_sentences_are_translated(german):
    look_up = bpy.app.translations.pgettext
    assert look_up("Swap Emotion", "Operator") == "Emotion tauschen"
    assert look_up("Upper Face") == "Obere Gesichtshälfte"
    assert translations.sentence("Choose the sound file of a voice.").startswith("Wähle")
    assert translations.sentence("No language knows this sentence.") == "No language knows this sentence."
    assert translations.sentence("{seconds:.0f} s left", seconds=3.2) == "noch 3 s"


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_word_is_one_that_the_extension_says(language):
    said = set()
    for path in (
        *FOLDER.rglob("*.py"),
        *(FOLDER.parent / "ecoface_model").glob("*.py"),
    ):  # stages are the engine's
        if path.name != "translations.py":
            said |= set(re.findall(r'"([^"\n]+)"', path.read_text(encoding="utf-8")))
    said |= {word.title() for word in said}  # emotions are written small in the code
    assert set(translations.LANGUAGES[language]) <= said


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_button_and_panel_has_a_word(language):
    classes = [*(cls for room in ecoface_blender.ROOMS for cls in room.CLASSES), *ecoface_blender.PANELS]
    labels = {cls.bl_label for cls in classes if getattr(cls, "bl_label", None)}
    assert labels <= set(translations.LANGUAGES[language])


def test_values_go_into_their_fields_and_every_language_has_the_same_fields():
    assert translations.sentence("{count} more after", count=3) == "3 more after"
    field = re.compile(r"{(\w+)")
    for words in translations.LANGUAGES.values():
        assert all(set(field.findall(word)) == set(field.findall(own)) for word, own in words.items())
