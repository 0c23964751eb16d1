"""Speech emotion recognition: shares, what they are told from, and what is drawn towards neutral."""

import math

import pytest
import torch

from ecoface_model.classifier import EmotionClassifier
from ecoface_model.core.constants import EMOTIONS, N_LABELS
from ecoface_model.reference_emotion.calibration import (
    REACH,
    SOME_SPEECH,
    SURE,
    UNSURE,
    around,
    sure_enough,
)

CALM = EMOTIONS.index("calm")


def classifier(seed: int = 0) -> EmotionClassifier:
    torch.manual_seed(seed)
    made = EmotionClassifier(6, 4).eval().requires_grad_(False)
    made.to_labels.weight.mul_(5)
    made.rows_to_labels.weight.normal_()
    return made


def with_hidden_units() -> EmotionClassifier:
    torch.manual_seed(2)
    made = EmotionClassifier(6, 4, 5).eval().requires_grad_(False)
    made.hidden_to_labels.weight.normal_(), made.hidden_to_labels.bias.normal_()
    return made


def with_units_on_frames() -> EmotionClassifier:
    torch.manual_seed(3)
    made = EmotionClassifier(6, 4, 5, 7).eval().requires_grad_(False)
    made.hidden_to_labels.weight.normal_(), made.hidden_to_labels.bias.normal_()
    return made


def told_by(made: EmotionClassifier, told: torch.Tensor, *more: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """`Calibration.of_means`, or with speech beside the logits `Calibration.shares`."""
    calibration = made.calibration()
    ask = calibration.shares if more else calibration.of_means
    return tuple(torch.from_numpy(each) for each in ask(told.numpy(), *(each.numpy() for each in more)))


def logits(n: int, made: EmotionClassifier | None = None, seed: int = 1) -> torch.Tensor:
    """Of random features and rows, (n, 15)."""
    generator = torch.Generator().manual_seed(seed)
    features, rows = (torch.randn(n, width, generator=generator) for width in (6, 4))
    return (made or classifier())(features, rows)


def test_the_mean_of_logits_is_the_logits_of_means():
    made, features, rows = classifier(), torch.randn(7, 6), torch.randn(7, 4)
    torch.testing.assert_close(made(features, rows).mean(dim=0), made(features.mean(dim=0), rows.mean(dim=0)))
    by_hand = made.to_labels(features) + made.rows_to_labels(rows)
    torch.testing.assert_close(made(features, rows), by_hand)


def test_the_mean_of_evidence_with_hidden_units_is_the_evidence_of_means():
    made, features, rows = with_hidden_units(), torch.randn(7, 6), torch.randn(7, 4)
    evidence = made(features, rows)
    assert evidence.shape == (7, N_LABELS + 5) and made.calibration().width == N_LABELS + 5
    torch.testing.assert_close(evidence.mean(dim=0), made(features.mean(dim=0), rows.mean(dim=0)))
    hidden = made.rows_to_hidden(rows).relu()
    by_hand = made.to_labels(features) + made.hidden_to_labels(hidden)
    torch.testing.assert_close(made.logits(evidence), by_hand)
    torch.testing.assert_close(torch.from_numpy(made.calibration().logits(evidence.numpy())), by_hand)
    shares, _ = told_by(made, evidence)
    torch.testing.assert_close(shares[:, 0], by_hand.softmax(dim=1)[:, 0])


def test_units_see_single_frames_and_hidden_units_their_mean():
    made, features, rows = with_units_on_frames(), torch.randn(7, 6), torch.randn(7, 4)
    evidence = made(features, rows)
    assert evidence.shape == (7, N_LABELS + 5) and made.calibration().width == N_LABELS + 5
    units = made.rows_to_frame_units(rows).relu()
    taken_in = made.rows_to_hidden(rows.mean(dim=0)) + made.frame_units_to_hidden(units.mean(dim=0))
    torch.testing.assert_close(evidence.mean(dim=0)[N_LABELS:], taken_in)
    of_mean = made(features.mean(dim=0), rows.mean(dim=0))
    assert (evidence.mean(dim=0) - of_mean).abs().max() > 0.01, "single frames tell more than their mean"


def test_a_moment_in_speech_is_told_by_the_mean_around_it():
    """The hidden units see means of the speech, not every moment by itself."""
    made = with_hidden_units()
    evidence = logits(30, made)
    shares, _ = told_by(made, evidence, torch.ones(30))
    means, _ = around(evidence.numpy(), torch.ones(30).numpy())
    expected, _ = told_by(made, torch.from_numpy(means))
    torch.testing.assert_close(shares, expected)


def test_shares_add_up_to_1_and_sum_their_intensities():
    told = logits(9)
    shares, intensity = told_by(classifier(), told)
    labels = told.softmax(dim=1)
    assert shares.shape == (9, len(EMOTIONS)) and labels.shape == (9, N_LABELS)
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(9))
    for i, emotion in enumerate(EMOTIONS):
        by_hand = labels[:, 0] if i == 0 else labels[:, 2 * i - 1] + labels[:, 2 * i]
        torch.testing.assert_close(shares[:, i], by_hand, msg=emotion)
    strong = labels[:, 2::2].sum(dim=1) / labels[:, 1:].sum(dim=1)
    torch.testing.assert_close(intensity, 1 + strong)


def test_an_offset_is_added_to_both_intensities_of_its_emotion_before_the_sharpness():
    plain, other = classifier(), classifier()
    other.offset[CALM], other.offset[0] = -2.0, 0.5
    other.sharpness.fill_(0.5)
    told = logits(4)
    expected = told.clone()
    expected[:, [2 * CALM - 1, 2 * CALM]] -= 2
    expected[:, 0] += 0.5
    torch.testing.assert_close(told_by(other, told)[0], told_by(plain, 0.5 * expected)[0])
    other.sharpness.fill_(1)
    assert (told_by(other, told)[0][:, CALM] < told_by(plain, told)[0][:, CALM]).all()


def test_without_sharpness_every_label_is_as_likely():
    unsure = classifier()
    unsure.sharpness.zero_()
    shares, intensity = told_by(unsure, logits(3))
    torch.testing.assert_close(shares[:, 1:], torch.full((3, 7), 2 / 15))
    torch.testing.assert_close(intensity, torch.full((3,), 1.5))


def by_loop(features, speech):
    """Means and amounts of speech around each point, counted one by one."""
    reach, rows = round(10 * REACH), []
    for i in range(len(features)):
        total, amount = torch.zeros(features.shape[1]), 0.0
        for j in range(len(features)):
            if abs(i - j) <= reach:
                weight = speech[j].item() * (0.5 + 0.5 * math.cos(math.pi * (i - j) / reach))
                total, amount = total + weight * features[j], amount + weight
        rows.append((total / max(amount, 1e-6), amount / 10))
    means, amounts = zip(*rows, strict=True)
    return torch.stack(means), torch.tensor(amounts)


@pytest.mark.parametrize("points", [1, 2, 7, 40, 150])
def test_the_means_around_each_point_equal_a_loop(points):
    generator = torch.Generator().manual_seed(points)
    features, speech = torch.randn(points, 5, generator=generator), torch.rand(points, generator=generator)
    speech[points // 2 :: 3] = 0
    means, amounts = (torch.from_numpy(each) for each in around(features.numpy(), speech.numpy()))
    expected_means, expected_amounts = by_loop(features, speech)
    torch.testing.assert_close(amounts, expected_amounts, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(means, expected_means, atol=1e-4, rtol=1e-4)


def test_what_is_not_spoken_says_nothing():
    told, speech = logits(60), torch.ones(60)
    speech[20:] = 0
    other = told.clone()
    other[20:, 3] += 100
    torch.testing.assert_close(told_by(classifier(), told, speech), told_by(classifier(), other, speech))


def test_silence_is_neutral_and_a_little_speech_nearly_so():
    steps, speech = logits(60), torch.zeros(60)
    shares, _ = told_by(classifier(), steps, speech)
    assert (shares[:, 0] == 1).all() and not shares[:, 1:].any()
    speech[30] = 1  # a tenth of a second
    told, _ = told_by(classifier(), steps[30:31])
    shares, _ = told_by(classifier(), steps, speech)
    neutral = torch.eye(len(EMOTIONS))[:1]
    torch.testing.assert_close(shares[30:31], torch.lerp(neutral, told, 0.1 / SOME_SPEECH))
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(60))


def test_a_mood_is_heard_for_as_long_as_it_lasts():
    made = classifier()
    happy, calm = logits(2, seed=3)
    steps = torch.cat([happy.expand(200, N_LABELS), calm.expand(200, N_LABELS)])
    shares, _ = told_by(made, steps, torch.ones(400))
    alone = [told_by(made, one[None])[0][0] for one in (happy, calm)]
    torch.testing.assert_close(shares[150], alone[0])  # more than REACH from the change
    torch.testing.assert_close(shares[250], alone[1])
    assert (shares.diff(dim=0).abs().amax(dim=1)[:150] < 1e-5).all()
    assert shares.diff(dim=0).abs().max() < 0.2


def test_what_is_unsure_becomes_neutral_and_what_is_sure_stays():
    shares = torch.zeros(3, len(EMOTIONS))
    for row, largest in enumerate((UNSURE, (UNSURE + SURE) / 2, SURE)):
        shares[row, EMOTIONS.index("angry")] = largest
        shares[row, EMOTIONS.index("sad")] = 0.1
        shares[row, 0] = 1 - largest - 0.1
    found = torch.from_numpy(sure_enough(shares.numpy()))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(found[0], torch.eye(len(EMOTIONS))[0])
    torch.testing.assert_close(found[1, 1:], shares[1, 1:] / 2)
    torch.testing.assert_close(found[2], shares[2])


def test_what_is_sure_is_shown_and_what_is_unsure_is_neutral():
    rows = torch.tensor([[0.05, 0.95 - share, share] + [0.0] * 5 for share in (SURE + 0.05, 0.7, UNSURE)])
    shown = torch.from_numpy(sure_enough(rows.numpy()))
    torch.testing.assert_close(shown.sum(dim=1), torch.ones(3))
    torch.testing.assert_close(shown[0], rows[0])
    torch.testing.assert_close(shown[1, 1:], rows[1, 1:] * (0.7 - UNSURE) / (SURE - UNSURE))
    torch.testing.assert_close(shown[2], torch.eye(8)[0])
    calmly = torch.eye(8)[:1]
    torch.testing.assert_close(torch.from_numpy(sure_enough(calmly.numpy())), calmly)
