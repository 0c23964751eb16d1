"""How often the emotion that was meant is named: recall, confusion and intervals against loops."""

import numpy as np
import pytest

from ecoface_model.core.constants import EMOTIONS
from training.evaluation.recall import NamedClips, listeners_recall

SIX = ("neutral", "happy", "sad", "angry", "fearful", "disgust")


def random_clips(n: int = 60, seed: int = 0) -> NamedClips:
    """Of six emotions and five actors, one of whom never acts disgust."""
    rng = np.random.default_rng(seed)
    meant = np.array([EMOTIONS.index(name) for name in SIX])[rng.integers(6, size=n)].astype(np.int64)
    actors = rng.choice(list("abcde"), size=n)
    meant[(actors == "a") & (meant == EMOTIONS.index("disgust"))] = 0
    return NamedClips(meant, rng.dirichlet(np.ones(8), size=n).astype(np.float32), actors)


def uar_by_hand(meant, shares, allowed=EMOTIONS) -> float:
    recalls = []
    for emotion in EMOTIONS:
        right = []
        for target, row in zip(meant, shares, strict=True):
            if EMOTIONS[target] == emotion:
                best = max(allowed, key=lambda name: row[EMOTIONS.index(name)])
                right.append(best == emotion)
        if right:
            recalls.append(sum(right) / len(right))
    return sum(recalls) / len(recalls)


def test_uar_is_the_mean_recall_of_the_emotions_meant_among_all_or_among_these():
    clips = random_clips()
    assert clips.uar == pytest.approx(uar_by_hand(clips.meant, clips.shares))
    assert clips.among(SIX).uar == pytest.approx(uar_by_hand(clips.meant, clips.shares, SIX))
    assert clips.emotions == SIX and clips.n_actors == 5
    assert clips.uar == pytest.approx(np.mean(list(clips.recall.values())))


def test_confusion_counts_what_each_emotion_is_named():
    clips = random_clips()
    for row, meant in enumerate(EMOTIONS):
        named_so = [EMOTIONS[s.argmax()] for m, s in zip(clips.meant, clips.shares, strict=True) if m == row]
        for column, name in enumerate(EMOTIONS):
            wanted = named_so.count(name) / len(named_so) if named_so else np.nan
            assert clips.confusion[row, column] == pytest.approx(wanted, nan_ok=True), (meant, name)
    assert clips.plain == pytest.approx(clips.confusion[0, 0] + clips.confusion[0, EMOTIONS.index("calm")])
    assert np.isnan(clips.of(np.flatnonzero(clips.meant != 0)).plain)


def test_the_interval_is_of_uars_of_actors_drawn_again_with_all_their_clips():
    clips, n_drawn = random_clips(), 200
    actors = sorted(set(clips.actors))
    scores = []
    for drawn in np.random.default_rng(3).integers(5, size=(n_drawn, 5)):
        chosen = [i for place in drawn for i, actor in enumerate(clips.actors) if actor == actors[place]]
        scores.append(uar_by_hand(clips.meant[chosen], clips.shares[chosen]))
    assert clips.interval(3, n_drawn) == pytest.approx(np.percentile(scores, [2.5, 97.5]))
    low, high = clips.interval(3)
    assert low < clips.uar < high
    assert np.isnan(clips.of(np.flatnonzero(clips.actors == "b")).interval(0)).all()


def test_listeners_recall_is_their_mean_agreement_where_they_were_asked():
    rng = np.random.default_rng(0)
    meant, agreement = rng.integers(4, size=40), rng.choice([0.0, 0.5, 1.0, np.nan], size=40)
    agreement[meant == 3] = np.nan
    found = listeners_recall(meant, agreement)
    assert list(found) == list(EMOTIONS[:3])
    for place in range(3):
        given = [a for m, a in zip(meant, agreement, strict=True) if m == place and a == a]
        assert found[EMOTIONS[place]] == pytest.approx(sum(given) / len(given))
    assert listeners_recall(meant, np.full(40, np.nan)) == {}
