"""THE place that knows corpora of acted voices: their names, labels, licences and actors.

A corpus is a pattern that its files' paths follow, and tables for what the parts mean. Where its authors say
nothing of intensity, it is unknown, except that neutral is always normal.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecoface_model.core.constants import EMOTIONS, INTENSITIES
from training.data.clips import SPLITS, UNKNOWN
from training.data.datasets import MEAD_EMOTIONS, MEAD_LEVELS, RAVDESS_STATEMENTS, Found, Refused, SourceClip
from training.data.sound_files import TarMember, path_of
from training.data.voice_votes import Votes, no_votes

Sound = Path | TarMember


@dataclass(frozen=True, kw_only=True)
class VoiceCorpus:
    """How one corpus names its clips."""

    title: str
    licence: str
    example: str
    """A file, as it is shown to who has others."""
    pattern: str
    """Of the path without its ending: the groups actor, emotion and sentence, and what else `stem` wants."""
    stem: str
    """The clip's name, from the groups."""
    emotions: dict[str, str]
    others: dict[str, str] = field(default_factory=dict)
    """Emotions that are not among our eight, by their codes."""
    levels: dict[str, str] = field(default_factory=dict)
    """Intensities by the codes of the group `level`."""
    sentences: dict[str, str] = field(default_factory=dict)
    actors: tuple[str, ...]
    """All that the corpus has, whether or not they are here: their order by hash makes the splits."""
    actor_of: Callable[[str], str] = str
    sentence_of: Callable[[re.Match[str]], str] = lambda match: match["sentence"].lower()
    unwanted: Callable[[re.Match[str]], str] = lambda match: ""
    """The kind of a recording that is not speech; empty if it is."""

    def match(self, sound: Sound) -> re.Match[str] | None:
        """The parts of a file's path, if it has this corpus's form."""
        return re.search(rf"(?:^|/){self.pattern}$", path_of(sound).with_suffix("").as_posix())

    def knows(self, sound: Sound) -> bool:
        """Whether a file has this corpus's form and one of its emotions, ours or not."""
        match = self.match(sound)
        return match is not None and match["emotion"] in (*self.emotions, *self.others)


def _esd_sentence(match: re.Match[str]) -> str:
    """ESD's 350 sentences of each language come once per emotion, one emotion after the other."""
    language = "en" if int(match["actor"]) > 10 else "zh"
    return f"{language}-{(int(match['sentence']) - 1) % 350 + 1:03d}"


def _ravdess_unwanted(match: re.Match[str]) -> str:
    return "song" if match["channel"] == "02" else "" if match["modality"] == "03" else "not of sound alone"


def _numbers(form: str, first: int, last: int) -> tuple[str, ...]:
    return tuple(form.format(number) for number in range(first, last + 1))


MEAD_MEN = "003 005 007 009 011 012 013 019 022 023 024 025 026 027 028 029 030 031 032 033 034 035 037 039"
MEAD_WOMEN = "009 011 014 015 016 017 018 019 021 023 024 025 026 028 029 033 035 036 037 038 040"

VOICES: dict[str, VoiceCorpus] = {
    "crema-d": VoiceCorpus(
        title="CREMA-D (Cao et al. 2014)", licence="ODbL 1.0, contents DbCL 1.0",
        example="AudioWAV/1001_DFA_ANG_XX.wav",
        pattern=r"(?P<actor>\d{4})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>LO|MD|HI|XX?)",
        stem="{actor}_{sentence}_{emotion}_{level}",
        emotions={
            "ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral",
            "SAD": "sad",
        },
        sentences={
            "DFA": "Don't forget a jacket.", "IEO": "It's eleven o'clock.",
            "IOM": "I'm on my way to the meeting.", "ITH": "I think I have a doctor's appointment.",
            "ITS": "I think I've seen this before.", "IWL": "I would like a new alarm clock.",
            "IWW": "I wonder what this is about.", "MTI": "Maybe tomorrow it will be cold.",
            "TAI": "The airplane is almost full.", "TIE": "That is exactly what happened.",
            "TSI": "The surface is slick.", "WSI": "We'll stop in a couple of minutes.",
        },
        actors=_numbers("{}", 1001, 1091),
    ),
    "emodb": VoiceCorpus(
        title="EmoDB (Burkhardt et al. 2005)", licence="CC0 1.0",
        example="wav/03a01Fa.wav",
        pattern=r"(?P<actor>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[A-Z])(?P<take>[a-z])",
        stem="{actor}{sentence}{emotion}{take}",
        emotions={
            "W": "angry", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral",
        },
        others={"L": "boredom"},
        sentences={
            "a01": "Der Lappen liegt auf dem Eisschrank.", "a02": "Das will sie am Mittwoch abgeben.",
            "a04": "Heute abend könnte ich es ihm sagen.",
            "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
            "a07": "In sieben Stunden wird es soweit sein.",
            "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
            "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
            "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
            "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
            "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
        },
        actors=("03", *_numbers("{:02d}", 8, 16)),
    ),
    "ravdess-voices": VoiceCorpus(
        title="RAVDESS, sound alone (Livingstone & Russo 2018)", licence="CC BY-NC-SA 4.0",
        example="Actor_01/03-01-05-02-01-01-01.wav",
        pattern=r"(?P<modality>0[123])-(?P<channel>0[12])-(?P<emotion>\d\d)-(?P<level>0[12])"
        r"-(?P<sentence>0[12])-(?P<take>\d\d)-(?P<actor>\d\d)",
        stem="{modality}-{channel}-{emotion}-{level}-{sentence}-{take}-{actor}",
        emotions={f"{number:02d}": emotion for number, emotion in enumerate(EMOTIONS, start=1)},
        levels={"01": "normal", "02": "strong"},
        sentences=RAVDESS_STATEMENTS,
        actors=_numbers("{:02d}", 1, 24),
        unwanted=_ravdess_unwanted,
    ),
    "tess": VoiceCorpus(
        title="TESS (Pichora-Fuller & Dupuis 2020)", licence="CC BY-NC-ND 4.0",
        example="OAF_angry/OAF_back_angry.wav",
        pattern=r"(?P<actor>OAF?|YAF)_(?P<sentence>[A-Za-z]+)_(?P<emotion>[a-z]+)",
        stem="{actor}_{sentence}_{emotion}",
        emotions={
            "angry": "angry", "disgust": "disgust", "fear": "fearful", "happy": "happy",
            "neutral": "neutral", "ps": "surprised", "sad": "sad",
        },
        actors=("OAF", "YAF"),
        actor_of=lambda actor: f"{actor[0]}AF",  # OA_bite_neutral lacks a letter
    ),
    "savee": VoiceCorpus(
        title="SAVEE (Haq & Jackson 2010)", licence="research only",
        example="DC/a01.wav or DC_a01.wav",
        pattern=r"(?P<actor>DC|JE|JK|KL)[/_](?P<emotion>sa|su|[a-z])(?P<sentence>\d\d)",
        stem="{actor}_{emotion}{sentence}",
        emotions={
            "a": "angry", "d": "disgust", "f": "fearful", "h": "happy", "n": "neutral", "sa": "sad",
            "su": "surprised",
        },
        actors=("DC", "JE", "JK", "KL"),
        sentence_of=lambda match: match["emotion"] + match["sentence"],  # 12 of 15 are an emotion's own
    ),
    "nemo": VoiceCorpus(
        title="nEMO (Christop 2024)", licence="CC BY-NC-SA 4.0",
        example="samples/EB0_anger_1.wav",
        pattern=r"(?P<actor>[A-Z]{2}\d)_(?P<emotion>[a-z]+)_(?P<sentence>\d+)",
        stem="{actor}_{emotion}_{sentence}",
        emotions={
            "anger": "angry", "fear": "fearful", "happiness": "happy", "neutral": "neutral",
            "sadness": "sad", "surprised": "surprised", "surprise": "surprised",
        },
        actors=("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0"),
    ),
    "esd": VoiceCorpus(
        title="ESD (Zhou et al. 2022)", licence="research only",
        example="0011/Angry/0011_000351.wav",
        pattern=r"\d{4}/(?P<emotion>[A-Z][a-z]+)/(?:(?:train|evaluation|test)/)?"
        r"(?P<actor>\d{4})_(?P<sentence>\d{6})",
        stem="{actor}_{sentence}",
        emotions={
            "Angry": "angry", "Happy": "happy", "Neutral": "neutral", "Sad": "sad",
            "Surprise": "surprised",
        },
        actors=_numbers("{:04d}", 1, 20),
        sentence_of=_esd_sentence,
    ),
    "mead-voices": VoiceCorpus(
        title="MEAD, sound alone (Wang et al. 2020)", licence="research only",
        example="M003/audio/angry/level_1/001.m4a",
        pattern=r"(?P<actor>[MW]\d{3})/audio/(?P<emotion>[a-z]+)/(?P<level>level_\d)/(?P<sentence>\d+)",
        stem="{actor}-{emotion}-{level}-{sentence}",
        emotions=MEAD_EMOTIONS,
        others={"contempt": "contempt"},
        levels=MEAD_LEVELS,
        actors=(
            *(f"M{number}" for number in MEAD_MEN.split()), "M040", "M041", "M042",
            *(f"W{number}" for number in MEAD_WOMEN.split()),
        ),
    ),
}  # fmt: skip


def corpora_in(sounds: Iterable[Sound]) -> dict[str, list[Sound]]:
    """The corpora among sounds: all that lies in a folder where the corpus knows a file.

    What nobody knows there is the corpus's too, to be refused by its name.
    """
    by_folder: dict[Path, list[Sound]] = {}
    for sound in sounds:
        by_folder.setdefault(path_of(sound).parent, []).append(sound)
    found: dict[str, list[Sound]] = {}
    for members in by_folder.values():
        known = [next((name for name in VOICES if VOICES[name].knows(sound)), "") for sound in members]
        for name in set(known) - {""}:
            own = [sound for sound, of in zip(members, known, strict=True) if of in (name, "")]
            found.setdefault(name, []).extend(own)
    return {name: found[name] for name in VOICES if name in found}


def find_voices(dataset: str, source: Path, sounds: Sequence[Sound], votes: Votes | None = None) -> Found:
    """The clips among a corpus's sounds, in the order of their ids; of copies the first.

    Args:
        votes: what listeners said, of CREMA-D.
    """
    corpus, found = VOICES[dataset], Found()
    clips: dict[str, SourceClip] = {}
    for sound in sounds:
        match = corpus.match(sound)
        reason = _why_not(corpus, match)
        if reason:
            found.refused.append(Refused(file=str(path_of(sound).relative_to(source)), reason=reason))
            continue
        assert match is not None
        if kind := corpus.unwanted(match):
            found.skipped[kind] += 1
            continue
        clip = _clip(dataset, corpus, match, sound, votes or no_votes())
        if clip.id in clips:
            found.skipped["copy of a clip"] += 1
        clips.setdefault(clip.id, clip)
    found.clips.extend(clips[clip_id] for clip_id in sorted(clips))
    return found


def _why_not(corpus: VoiceCorpus, match: re.Match[str] | None) -> str:
    """What is wrong with a file's name; empty if nothing is."""
    if match is None:
        return f"expected a name such as {corpus.example}, found another"
    code = match["emotion"]
    if code not in corpus.emotions:
        wanted = ", ".join(corpus.emotions)
        what = f"{code} ({corpus.others[code]})" if code in corpus.others else code
        return f"expected an emotion of {wanted}, found {what}: EcoFace's eight emotions have no such one"
    if corpus.levels and match["level"] not in corpus.levels:
        return f"expected an intensity of {', '.join(corpus.levels)}, found {match['level']}"
    return ""


def _clip(dataset: str, corpus: VoiceCorpus, match: re.Match[str], sound: Sound, votes: Votes) -> SourceClip:
    family = dataset.removesuffix("-voices")  # the same people as in the videos
    stem, emotion = corpus.stem.format(**match.groupdict()), corpus.emotions[match["emotion"]]
    vote = votes.of_clip.get(stem)
    intensity = corpus.levels[match["level"]] if corpus.levels else UNKNOWN
    if dataset == "crema-d":
        intensity = votes.intensity(stem, match["emotion"], match["level"])
    sentence = corpus.sentence_of(match)
    words = f"Say the word {sentence}." if dataset == "tess" else corpus.sentences.get(match["sentence"], "")
    return SourceClip(
        id=f"{dataset}-{stem}",
        speaker=f"{family}-{corpus.actor_of(match['actor'])}",
        emotion=emotion,
        intensity=INTENSITIES[0] if emotion == EMOTIONS[0] else intensity,
        sentence=words,
        sentence_id=f"{family}-{sentence}",
        sound=sound,
        motion=None,
        agreement=vote.agreement if vote else None,
        level=vote.level if vote else None,
        licence=corpus.licence,
    )


def split_by_actor(dataset: str, clips: Iterable[SourceClip]) -> dict[str, str]:
    """Split of every clip's id: a fifth of the corpus's actors is for test, the next tenth for validation.

    The actors stand in the order of the SHA-256 of `dataset/actor`, all that the corpus has: so an actor is
    in the same split whoever prepares it and whatever else is there. One whom we do not know is put where the
    first digits of the hash fall. A corpus of four actors or fewer has none for validation.
    """
    family = dataset.removesuffix("-voices")
    order = sorted(VOICES[dataset].actors, key=lambda actor: _hash(dataset, actor))
    n_test, n_val = max(1, round(len(order) / 5)), round(len(order) / 10)
    split_of = dict.fromkeys(order, SPLITS[0])
    split_of |= dict.fromkeys(order[:n_test], SPLITS[2])
    split_of |= dict.fromkeys(order[n_test : n_test + n_val], SPLITS[1])
    actors = {clip.id: clip.speaker.removeprefix(f"{family}-") for clip in clips}
    return {clip_id: split_of.get(actor) or _drawn(dataset, actor) for clip_id, actor in actors.items()}


def _hash(dataset: str, actor: str) -> str:
    return hashlib.sha256(f"{dataset}/{actor}".encode()).hexdigest()


def _drawn(dataset: str, actor: str) -> str:
    """The split of an actor who is in no list."""
    share = int(_hash(dataset, actor)[:8], 16) / 16**8
    return SPLITS[2] if share < 0.2 else SPLITS[1] if share < 0.3 else SPLITS[0]
