"""What docs/paper.md says in numbers and names is what the code does."""

import re
from pathlib import Path

import pytest

from ecoface_model.config import MotionGeneratorConfig
from ecoface_model.reference_emotion.sources import EMPHASIS
from ecoface_model.windows import WindowPlan
from training.runs.motion_stage import EmotionLook, LossWeights
from training.train_motion import TrainMotionConfig

ROOT = next(parent for parent in Path(__file__).resolve().parents if (parent / "ecoface_model").is_dir())
PAGE = ROOT / "docs" / "paper.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the page is not written yet")

WEIGHTS, GENERATOR, LOOK = LossWeights(), MotionGeneratorConfig(), EmotionLook()
SAID = {
    r"\| KL weight [^|]*\| ([\d.]+) per latent number": WEIGHTS.kl,
    r"velocity x ([\d.]+) \(GeneFace\)": WEIGHTS.velocity,
    r"mouth landmarks on the head x ([\d.]+)": WEIGHTS.lips,
    r"a closure gate and a phone classifier x ([\d.]+)": WEIGHTS.closure_gate,
    r"AR\(1\) noise \(([\d.]+) per step": GENERATOR.slow_correlation,
    r"passes a Hann window of (\d+) frames": GENERATOR.life_smoothing,
    r"asked for ([\d.]+) times as far from neutral": EMPHASIS,
    r"\| latent (\d+), q = ": GENERATOR.latent_dim,
    r"\| latent \d+, q = (\d+)": GENERATOR.stride,
    r"WaveNet kernel (\d+)": GENERATOR.kernel,
    r"WaveNet kernel \d+, (\d+) and \d+ layers": GENERATOR.n_encoder_layers,
    r"WaveNet kernel \d+, \d+ and (\d+) layers": GENERATOR.n_decoder_layers,
    r"flow of (\d+) couplings": GENERATOR.n_couplings,
    r"(\d+) frames of \d+ crops in every": LOOK.n_frames,
    r"\d+ frames of (\d+) crops in every": LOOK.n_clips,
    r"windows of (\d+) s, cross-faded": WindowPlan().window / 25,
}
"""How the page says a number, and what it is."""


@pytest.mark.parametrize("pattern", SAID)
def test_a_number_is_the_code_s(pattern):
    (said,) = re.findall(pattern, PAGE.read_text("utf-8"))
    assert float(said) == pytest.approx(SAID[pattern])


def test_what_is_said_in_words_is_so_too():
    assert WEIGHTS.phones == WEIGHTS.closure_gate and LOOK.every == 4
    assert TrainMotionConfig().speaker_dropout == 0.1  # "a tenth of the crops"
    assert GENERATOR.n_slow_channels * 2 == GENERATOR.latent_dim  # "half of the latent channels"


def test_files_that_are_named_are_there():
    named = set(re.findall(r"`((?:ecoface_model|training)/[\w./]+\.py)`", PAGE.read_text("utf-8")))
    assert named and not {name for name in named if not (ROOT / name).is_file()}


def stands_in(name: str, file: Path) -> bool:
    return file.is_file() and re.search(rf"\b{name}\b", file.read_text("utf-8")) is not None


def test_names_beside_a_file_stand_in_it():
    """`FILE`, `Name` or `Name` in `FILE`."""
    text = PAGE.read_text("utf-8")
    pairs = re.findall(r"`((?:ecoface_model|training)/[\w./]+\.py)`, `(\w+)`", text)
    pairs += [
        (file, name)
        for name, file in re.findall(r"`(\w+)` in `((?:ecoface_model|training)/[\w./]+\.py)`", text)
    ]
    absent = [(file, name) for file, name in pairs if not stands_in(name, ROOT / file)]
    assert not absent
