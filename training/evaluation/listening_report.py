"""The report of `training.evaluate listening`: its numbers as tables, each with the people it is about."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecoface_model.core.constants import EMOTIONS
from training.data.voice_corpora import VOICES
from training.evaluation.report import markdown_table, matrix_table

WHOSE = {
    "test": "actors held out (the test split; training by this corpus's splits never hears them)",
    "val": "actors of the validation split (by whose clips a model is calibrated)",
    "train": "actors of the train split (a model trained on them has heard these clips)",
    "all": "all actors (only of a model that was trained without the data set do these numbers say anything)",
}
MEANING = (
    "UAR is the mean over a data set's emotions of the share of clips that are named as their actors meant "
    "them: among the data set's own emotions, or of all eight that EcoFace knows. The interval holds 95 % of "
    "the UARs of as many actors drawn again from these; of few actors it says little. Every clip is named by "
    "itself, with no statistics of the others, except where a voice baseline is said."
)
BASELINES = (
    "Baselines are of other clips of the same speaker among these, drawn by a seed, in any mood or neutral "
    "by the actor's intention; clips of speakers with too few are left out. Refused: lines too much of one "
    "mood, so that EcoFace makes no baseline of them and the clip was named by itself."
)
NO_BASELINES = "No speaker has lines enough for a voice baseline."


def as_text(values: Mapping[str, Any]) -> str:
    """The whole report."""
    datasets: Mapping[str, Any] = values["datasets"]
    parts = [
        "# What is heard in recorded voices",
        f"Real recordings: actors who speak given sentences with a given emotion. {_people(values)}",
        MEANING,
        "## Named clip by clip",
        markdown_table(
            [
                "real recordings of", "clips", "actors", "emotions", "chance", "UAR", "95 %",
                "UAR of all eight", "95 %", "neutral clips named neutral or calm", "listeners' UAR",
            ],
            [_single(name, found) for name, found in datasets.items()],
        ),
    ]  # fmt: skip
    for name, found in datasets.items():
        parts += _by_emotion(name, found)
    if any("relative" in found for found in datasets.values()):
        parts += ["## Relative to a voice baseline", BASELINES]
        for name, found in datasets.items():
            parts += _relative(name, found.get("relative", {}))
    if any("degraded" in found for found in datasets.values()):
        parts += ["## In worse recordings", "The same clips, spoiled; each named by itself."]
        for name, found in datasets.items():
            parts += _degraded(name, found.get("degraded", {}))
    parts += _plain(values["plain reading"])
    if any("references" in found for found in datasets.values()):
        parts += ["## As references of synthetic sentences"]
        for name, found in datasets.items():
            parts += _references(name, found["references"])
    return "\n\n".join(parts)


def _people(values: Mapping[str, Any]) -> str:
    """Who is heard in which split."""
    sets = [
        f"{VOICES[name].title if name in VOICES else name}: {found['single']['clips']} clips of "
        f"{found['single']['actors']} actors, {found['hours']:.2f} h"
        for name, found in values["datasets"].items()
    ]
    return f"{'; '.join(sets)}; {WHOSE[values['split']]}. Model {values['model'][:12]}."


def _interval(bounds: tuple[float, float]) -> str:
    low, high = bounds
    return f"{low:.2f} to {high:.2f}" if np.isfinite(low) else "-"


def _single(name: str, found: Mapping[str, Any]) -> list[object]:
    scores, n = found["single"], len(found["emotions"])
    return [
        name, scores["clips"], scores["actors"], n, 1 / n, scores["uar"], _interval(scores["interval"]),
        scores["uar of all eight"], _interval(scores["interval of all eight"]),
        scores["neutral named neutral or calm"], found["listeners"]["uar"],
    ]  # fmt: skip


def _by_emotion(name: str, found: Mapping[str, Any]) -> list[str]:
    """Recall and confusion of one data set."""
    emotions, listeners = found["emotions"], found["listeners"]
    rows = [
        [e, found["recall"][e], found["recall of all eight"][e], listeners["recall"].get(e, np.nan)]
        for e in emotions
    ]
    asked = f"{listeners['clips']} of the clips" if listeners["clips"] else "none of the clips"
    meant = found["confusion of all eight"][[EMOTIONS.index(e) for e in emotions]]
    return [
        f"### {name}: recall by emotion",
        markdown_table(
            ["emotion", f"among its {len(emotions)}", "of all eight", "listeners who agree with the actor"],
            rows,
        ),
        f"Listeners were asked about {asked}; they only heard them.",
        f"### {name}: as what each emotion is heard, of all eight",
        matrix_table("meant \\ heard", emotions, EMOTIONS, meant),
    ]


def _relative(name: str, ways: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            f"{way} of the speaker", scores["clips"], scores["actors"], scores["uar"],
            _interval(scores["interval"]), scores["uar by themselves"], scores["uar of all eight"],
            scores["uar of all eight by themselves"], scores["neutral named neutral or calm"],
            scores["refused"],
        ]
        for way, scores in ways.items()
    ]  # fmt: skip
    header = [
        "relative to", "clips", "actors", "UAR", "95 %", "the same clips by themselves", "UAR of all eight",
        "by themselves", "neutral clips named neutral or calm", "refused",
    ]  # fmt: skip
    return [f"### {name}", markdown_table(header, rows)] if rows else [f"### {name}", NO_BASELINES]


def _degraded(name: str, conditions: Mapping[str, Any]) -> list[str]:
    clean = next(iter(conditions.values()))
    rows = [
        [
            condition, scores["uar"], f"{scores['uar'] - clean['uar']:+.3f}", scores["uar of all eight"],
            f"{scores['uar of all eight'] - clean['uar of all eight']:+.3f}",
            scores["neutral named neutral or calm"],
        ]
        for condition, scores in conditions.items()
    ]  # fmt: skip
    header = [
        "condition", "UAR", "more than as it is", "UAR of all eight", "more than as it is",
        "neutral clips named neutral or calm",
    ]  # fmt: skip
    title = f"### {name}: {clean['clips']} clips of {clean['actors']} actors"
    return [title, markdown_table(header, rows)]


def _plain(found: Mapping[str, Any]) -> list[str]:
    title = "## Plain reading"
    if found["absent"]:
        return [title, f"Not heard: {found['absent']}."]
    rows = [[clip, each["emotion"], each["text"]] for clip, each in found["heard"].items()]
    said = f"{found['neutral or calm']} of {len(rows)} are named neutral or calm."
    about = f"Real recordings of one LibriVox reader, whom no training heard: {said}"
    return [title, about, markdown_table(["clip", "heard as", "shares"], rows)]


def _references(name: str, found: Mapping[str, Any]) -> list[str]:
    given, labels = found["by reference"], found["by label"]
    judges = [measure for measure in given["mean"] if measure.startswith("named")]
    rows = [[e, *scores.values(), *(labels[e][judge] for judge in judges)] for e, scores in given.items()]
    about = (
        f"{found['clips']} real recordings of {found['actors']} actors, each lending its emotion to "
        f"{found['sentences']} neutral synthetic sentences. The faces, and the performances from which their "
        "judges learned, are synthetic: what is said of them says nothing about people."
    )
    header = ["reference meant as", *given["mean"], *(f"by label: {judge}" for judge in judges)]
    return [f"### {name}", about, markdown_table(header, rows)]
