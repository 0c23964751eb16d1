"""The same sound under two names: which of them is right, nobody can tell."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from training.data.datasets import Refused, SourceClip
from training.data.recording import Made, clip_file


def refuse_doubles(
    out: Path, clips: Sequence[SourceClip], made: Sequence[Made | Refused]
) -> list[Made | Refused]:
    """What every clip became, now that equal sounds under different labels are refused and their clips gone.

    Equal sounds with the same labels are one recording: the first stays.
    """
    by_sound: dict[str, list[int]] = defaultdict(list)
    for index, result in enumerate(made):
        if isinstance(result, Made):
            by_sound[result.sha256].append(index)
    results = list(made)
    for equal in by_sound.values():
        said = {(clips[i].speaker, clips[i].emotion, clips[i].sentence_id) for i in equal}
        for index in equal if len(said) > 1 else equal[1:]:
            others = ", ".join(clips[i].recording.stem for i in equal if i != index)
            if len(said) > 1:
                reason = f"expected a sound of one label, found the same in {others}; one of them is wrong"
            else:
                reason = f"expected every recording once, found the same sound in {others}"
            results[index] = _refused(out, clips[index], made[index], reason)
    return results


def _refused(out: Path, clip: SourceClip, made: Made | Refused, reason: str) -> Refused:
    assert isinstance(made, Made)
    for clip_id in made.seconds:
        clip_file(out, clip_id).unlink(missing_ok=True)
    return Refused(file=str(clip.recording), reason=reason)
