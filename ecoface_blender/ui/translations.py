"""The panel's words in other languages, by Blender's own translation; what is missing stays English.

A language is a dictionary from the English word, as the code has it, to its own.
"""

import bpy

from ..package import PACKAGE

GERMAN = {
    "Add Edit Layer": "Bearbeitungsebene hinzufügen",
    "Add Head": "Kopf hinzufügen",
    "Add Row": "Zeile hinzufügen",
    "Add Strip": "Streifen hinzufügen",
    "Adjust": "Anpassen",
    "Angry": "Wütend",
    "Assign Head to Strips": "Kopf den Streifen zuweisen",
    "Automatic": "Automatisch",
    "Auto Fill": "Automatisch ausfüllen",
    "Bake": "Backen",
    "Bake and Export": "Backen und exportieren",
    "Bake...": "Backen...",
    "Calm": "Ruhig",
    "Channel": "Kanal",
    "Cancel": "Abbrechen",
    "Check Engine": "Engine prüfen",
    "Check Head": "Kopf prüfen",
    "Clear": "Leeren",
    "Clear List": "Liste leeren",
    "Delete Take": "Take löschen",
    "Device": "Gerät",
    "Disgust": "Angewidert",
    "Duplicate Take": "Take duplizieren",
    "Edits": "Bearbeitung",
    "Emotion": "Emotion",
    "Emotion Strength": "Stärke der Emotion",
    "Emotion Track": "Emotionsspur",
    "Emotional Lip Sync": "Emotionale Lippensynchronisation",
    "Normalised (0-1)": "Normalisiert (0-1)",
    "Export Face": "Gesicht exportieren",
    "FLAME Head": "FLAME-Kopf",
    "Failed": "Fehlgeschlagen",
    "Fearful": "Ängstlich",
    "Wheel Folder": "Wheel-Ordner",
    "From All Lines": "Aus allen Zeilen",
    "From Neutral Line": "Aus neutraler Zeile",
    "From the Speech": "Aus der Sprache",
    "Gain": "Verstärkung",
    "Generate Emotional Lip Sync": "Lippensynchronisation erzeugen",
    "Generate Selected Strips": "Ausgewählte Streifen erzeugen",
    "Go to Emotion": "Zur Emotion springen",
    "Happy": "Fröhlich",
    "Head": "Kopf",
    "Intensity": "Intensität",
    "Jaw": "Kiefer",
    "Jaw Bone": "Kieferknochen",
    "Key Emotion": "Emotion keyen",
    "Lips": "Lippen",
    "Listen": "Anhören",
    "Load Preset": "Vorlage laden",
    "Regenerate": "Neu erzeugen",
    "Make Voice Baseline": "Grundton der Stimme bestimmen",
    "Mouth": "Mund",
    "Neutral": "Neutral",
    "Package Index": "Paketindex",
    "Play Take": "Take abspielen",
    "Push Down Take": "Take nach unten schieben",
    "Queue": "Warteschlange",
    "Reference": "Referenz",
    "Regenerate Range": "Bereich neu erzeugen",
    "Remove Edit Layer": "Bearbeitungsebene entfernen",
    "Remove Emotion": "Emotion entfernen",
    "Remove PyTorch": "PyTorch entfernen",
    "Remove Line": "Zeile entfernen",
    "Remove Row": "Zeile entfernen",
    "Remove Voice Baseline": "Grundton der Stimme entfernen",
    "Reset": "Zurücksetzen",
    "Retry Failed Lines": "Fehlgeschlagene wiederholen",
    "Sad": "Traurig",
    "Save Preset": "Vorlage speichern",
    "Seed": "Startwert",
    "Shape Key Mapping": "Zuordnung der Shape-Keys",
    "Smoothing": "Glättung",
    "Soundtrack": "Tonspur",
    "Start Engine": "Engine starten",
    "Strength": "Stärke",
    "Style": "Sprechstil",
    "Surprised": "Überrascht",
    "Shipped with EcoFace": "Von EcoFace mitgeliefert",
    "Swap Emotion": "Emotion tauschen",
    "Takes": "Takes",
    "Temperature": "Lebendigkeit",
    "Time Offset": "Zeitversatz",
    "Track": "Spur",
    "Transition": "Übergang",
    "Unload When Idle": "Bei Leerlauf entladen",
    "Unload When Idle (min)": "Bei Leerlauf entladen (min)",
    "Unload Engine": "Engine entladen",
    "Upper Face": "Obere Gesichtshälfte",
    "Use a Graphics Card": "Grafikkarte verwenden",
    "Use Own Mapping": "Eigene Zuordnung verwenden",
    "Use Selected as Parts": "Auswahl als Teile verwenden",
    "Variation": "Variation",
    "Voice Baseline": "Grundton der Stimme",
    "Weights": "Gewichte",
    "Align": "Ausrichten",
    "Amount": "Menge",
    "As Heard": "Wie gehört",
    "As Keyed": "Wie gekeyt",
    "Brows Down": "Brauen senken",
    "Brows Up": "Brauen heben",
    "Brows and Eyes": "Brauen und Augen",
    "Camera": "Kamera",
    "Close Lips Here": "Lippen hier schließen",
    "Difference": "Unterschied",
    "Ease": "Auslauf",
    "Edit": "Bearbeiten",
    "Edit Face Here": "Gesicht hier bearbeiten",
    "Extend Scene": "Szene verlängern",
    "Face": "Gesicht",
    "Frame Range": "Frame-Bereich",
    "From a File": "Aus einer Datei",
    "From a Head": "Von einem Kopf",
    "From a Strip": "Aus einem Streifen",
    "Light": "Licht",
    "Lips Only": "Nur Lippen",
    "Listen and Key Emotions": "Anhören und Emotionen keyen",
    "Mark Phones": "Laute markieren",
    "More Smile": "Mehr Lächeln",
    "Mouth and Cheeks": "Mund und Wangen",
    "Randomness": "Zufälligkeit",
    "Remove Phone Markers": "Lautmarken entfernen",
    "Scene": "Szene",
    "Set Up Shot": "Einstellung einrichten",
    "Show Message": "Meldung zeigen",
    "Stand Beside": "Daneben stellen",
    "View": "Ansicht",
    "Whole Face": "Ganzes Gesicht",
    "World": "Welt",
    # what the panel says
    "Keyed Intensity": "Gekeyte Intensität",
    "No engine; choose one in the preferences": "Keine Engine; wähle eine in den Einstellungen",
    "None yet": "Noch keiner",
    "Regenerate Frames {start} to {end}": "Frames {start} bis {end} neu erzeugen",
    "Shows at once, in this take": "Wirkt sofort, in diesem Take",
    "Shows in the next take": "Wirkt im nächsten Take",
    "You may go on working; Esc over this panel cancels.": (
        "Du kannst weiterarbeiten; Esc über diesem Panel bricht ab."
    ),
    "Animating": "Animiere",
    "Engine: {engine}": "Engine: {engine}",
    "Export {format}...": "{format} exportieren...",
    "Heard, but not sure: {emotions}": "Gehört, aber nicht sicher: {emotions}",
    "Heard: {emotions}": "Gehört: {emotions}",
    "Listening": "Höre zu",
    "Loading the model": "Lade das Modell",
    "Made of {lines}": "Bestimmt aus {lines}",
    "Reading the sound": "Lese den Ton",
    "Installing the packages": "Installiere die Pakete",
    "Looking": "Sehe hin",
    "Making the environment": "Lege die Umgebung an",
    "Moving it into its place": "Bringe sie an ihren Platz",
    "Starting the engine": "Starte die Engine",
    "Trying the engine": "Probiere die Engine aus",
    "a moment left": "gleich fertig",
    "neutral line: {name}": "neutraler Zeile: {name}",
    "{count} lines": "{count} Zeilen",
    "{count} more after": "{count} weitere danach",
    "{count} more before": "{count} weitere davor",
    "{minutes:.0f} min left": "noch {minutes:.0f} min",
    "{seconds:.0f} s left": "noch {seconds:.0f} s",
    "Add a head, or choose the one to speak.": "Füge einen Kopf hinzu, oder wähle den, der sprechen soll.",
    "Add the voice to the sequencer as a sound strip, or choose a file instead.": (
        "Füge die Stimme dem Sequencer als Tonstreifen hinzu, oder wähle eine Datei."
    ),
    "Choose the sound file of a voice.": "Wähle die Tondatei einer Stimme.",
    "EcoFace checks the head: pose {number} of {total} (Esc cancels)": (
        "EcoFace prüft den Kopf: Pose {number} von {total} (Esc bricht ab)"
    ),
    "It shows every pose.": "Er zeigt jede Pose.",
    "Select a mesh with shape keys.": "Wähle ein Mesh mit Shape-Keys aus.",
}

LANGUAGES = {"de_DE": GERMAN}


def register():
    """Let Blender look words up here too."""
    contexts = ("*", "Operator")  # of names and sentences, and of buttons
    dictionaries = {
        language: {(context, word): own for word, own in words.items() for context in contexts}
        for language, words in LANGUAGES.items()
    }
    bpy.app.translations.register(PACKAGE, dictionaries)


def unregister():
    """Take them away again."""
    bpy.app.translations.unregister(PACKAGE)


def sentence(english, **values):
    """A sentence in the artist's language, where it is known; `values` go into its {fields}."""
    own = bpy.app.translations.pgettext_rpt(english)
    return own.format(**values) if values else own
