"""What `training.prepare` says of a data set: counts.json, refused.jsonl, and lines for a person."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecoface_model.core.atomic_write import atomic_write
from training.data.clips import SPLITS, ClipRow
from training.data.datasets import RAVDESS_ACTORS, Found, Refused

REFUSED, COUNTS = "refused.jsonl", "counts.json"
SHOWN = 10  # refused recordings that are printed
SPEAKERS = 30  # of more, only the number is printed


def count(
    rows: Sequence[ClipRow], found: Found, refused: Sequence[Refused], residuals: dict[str, float]
) -> dict[str, Any]:
    """Recordings, clips and hours: in all, and by split, emotion and speaker."""
    of = {
        "split": {row.id: row.split for row in rows},
        "emotion": {
            row.id: f"{row.emotion} {row.intensity}" if row.emotion_is_known else row.emotion for row in rows
        },
        "speaker": {row.id: row.speaker for row in rows},
    }
    return {
        "licence": ", ".join(sorted({row.licence for row in rows} - {""})),
        "recordings": len(found.clips),
        "clips": len(rows),
        "hours": round(sum(row.seconds for row in rows) / 3600, 4),
        **{name: dict(sorted(Counter(labels.values()).items())) for name, labels in of.items()},
        "skipped": dict(found.skipped),
        "refused": len(refused),
        "residual_mm": residuals,
        "notes": list(found.notes),
    }


def summary(dataset: str, counts: dict[str, Any], refused: Sequence[Refused]) -> str:
    """The counts for a person to read."""
    lines = [
        f"{dataset}: {counts['clips']} clips of {counts['recordings']} recordings, {counts['hours']:.2f} h"
    ]
    for name in ("split", "emotion", "speaker"):
        order = SPLITS if name == "split" else counts[name]
        if len(order) > SPEAKERS:
            lines.append(f"{name}s: {len(order)}")
            continue
        lines.append(f"{name}: " + ", ".join(f"{label} {counts[name].get(label, 0)}" for label in order))
    if dataset == "ravdess" and len(counts["speaker"]) < len(RAVDESS_ACTORS):
        lines.append(f"only {len(counts['speaker'])} of RAVDESS's {len(RAVDESS_ACTORS)} actors are here")
    if counts["residual_mm"]:
        residuals = list(counts["residual_mm"].values())
        lines.append(
            f"fit: {sum(residuals) / len(residuals):.2f} mm on average, {max(residuals):.2f} at worst"
        )
    if "motion" in counts:
        expression, jaw = max(counts["motion"]["std"][:50]), max(counts["motion"]["std"][50:])
        lines.append(f"motion: standard deviations up to {expression:.3g} (expression), {jaw:.3g} rad (jaw)")
    lines += counts["notes"]
    if counts["skipped"]:
        lines.append("not wanted: " + ", ".join(f"{kind} {n}" for kind, n in counts["skipped"].items()))
    lines.append(f"refused: {len(refused)}" + (f", all in {REFUSED}" if refused else ""))
    lines += [f"  {line.file}: {line.reason}" for line in refused[:SHOWN]]
    return "\n".join(lines)


def write_refused(out: Path, dataset: str, refused: Sequence[Refused]) -> None:
    """Replace this data set's lines of refused.jsonl."""
    path = out / REFUSED
    old = path.read_text("utf-8").splitlines() if path.exists() else []
    kept = [line for line in old if json.loads(line)["dataset"] != dataset]
    new = [json.dumps({"dataset": dataset} | asdict(line), ensure_ascii=False) for line in refused]
    with atomic_write(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in [*kept, *new]), "utf-8")


def write_counts(out: Path, dataset: str, counts: dict[str, Any]) -> None:
    """Replace this data set's entry of counts.json."""
    path = out / COUNTS
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(kept | {dataset: counts}, indent=1, ensure_ascii=False), "utf-8")
