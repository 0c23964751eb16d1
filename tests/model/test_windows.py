"""Long clips through windows: they cover, they join, and nobody sees where."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_model import voice

from ecoface_model.audio import read_sound
from ecoface_model.backends.torch_backend import TorchBackend
from ecoface_model.checkpoint import read_model
from ecoface_model.core.constants import EMOTIONS, SAMPLES_PER_FRAME
from ecoface_model.pipeline import EcoFace
from ecoface_model.windows import FADE, WindowPlan, join

WIDE = WindowPlan(window=744, context=96)  # all the lines of these tests fit into one


@pytest.mark.parametrize(
    "plan", [WindowPlan(), WIDE, WindowPlan(window=80, context=16), WindowPlan(window=96, context=24)]
)
def test_windows_cover_every_frame_with_context_on_both_sides(plan):
    for frames in [*range(4, 400, 36), 3_000, 90_000]:
        windows = plan.windows(frames)
        assert windows[0].start == 0 and windows[-1].stop == frames
        assert all(window.start % 4 == 0 and len(window) <= plan.window for window in windows)
        assert all(window.stop < after.stop for window, after in itertools.pairwise(windows))
        for window, after in itertools.pairwise(windows):
            assert window.stop - after.start >= 2 * plan.context


def test_joining_pieces_of_one_motion_gives_that_motion():
    whole = np.random.default_rng(0).standard_normal((400, 53)).astype(np.float32)
    joined, previous = np.zeros((400, 53), np.float32), None
    for window in WindowPlan(window=100, context=20).windows(400):
        join(joined, whole[window.start : window.stop], window, previous)
        previous = window
    np.testing.assert_allclose(joined, whole, atol=1e-5)


def test_joining_fades_from_one_window_to_the_next():
    joined = np.zeros((160, 53), np.float32)
    join(joined, np.zeros((100, 53), np.float32), range(100), None)
    join(joined, np.ones((100, 53), np.float32), range(60, 160), range(100))
    steps = np.diff(joined, axis=0)
    assert (steps >= 0).all() and steps.max() < 2 / FADE
    assert not joined[:67].any() and (joined[93:] == 1).all()


def looking_through(model_file: Path, plan: WindowPlan) -> EcoFace:
    return EcoFace(TorchBackend(read_model(model_file), torch.device("cpu")), plan)


def tiny_looking_through(model_file: Path, plan: WindowPlan) -> EcoFace:
    """Without Whisper's positions: random weights, unlike trained ones, cannot look past them."""
    ecoface = looking_through(model_file, plan)
    ecoface.networks.content.positions.zero_()
    return ecoface


def test_a_window_border_cannot_be_seen(tiny_model_file):
    """Windows change the motion little (attention sees less), and at their borders no more than elsewhere."""
    speech = voice(29.0)
    whole = tiny_looking_through(tiny_model_file, WIDE).generate(speech, gaze=0.0).motion
    plan = WindowPlan(window=200, context=48)
    joined = tiny_looking_through(tiny_model_file, plan).generate(speech, gaze=0.0).motion
    error = np.abs(joined - whole).mean(axis=1) / whole.std()
    assert error.mean() < 0.05
    windows = plan.windows(-(-len(whole) // 4) * 4)
    borders = [(window.stop + after.start) // 2 for window, after in itertools.pairwise(windows)]
    near = np.zeros(len(whole), bool)
    for border in borders:
        near[border - FADE : border + FADE] = True
    assert len(borders) >= 5 and not near.all()
    jumps = {
        name: np.abs(np.diff(motion, axis=0)).mean(axis=1)
        for name, motion in (("whole", whole), ("joined", joined))
    }
    ratio = jumps["joined"][near[1:]].mean() / jumps["whole"][near[1:]].mean()
    assert ratio == pytest.approx(1, abs=0.05)
    assert error[near].mean() < 1.5 * error[~near].mean() + 0.01


def test_a_reference_through_windows_equals_one_look(tiny_model_file):
    reference = voice(29.0, seed=2)
    wide, narrow = (
        tiny_looking_through(tiny_model_file, plan).listen(reference).shares
        for plan in (WIDE, WindowPlan(window=200, context=48))
    )
    assert wide.shape == narrow.shape == (290, len(EMOTIONS))
    assert np.abs(wide - narrow).mean() < 0.02


def test_no_network_ever_sees_more_than_a_window(tiny_model_file):
    ecoface = looking_through(tiny_model_file, WindowPlan(window=200, context=48))
    stages: list[tuple[str, int, int]] = []
    shapes: list[int] = []
    front = ecoface.networks.content.layers[0]
    hook = front.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape[1]))
    motion = ecoface.generate(voice(90.0), progress=lambda *stage: stages.append(stage))
    hook.remove()
    assert motion.n_frames == 2_250
    assert len(shapes) > 15 and max(shapes) <= 2 * 200  # steps of 50 Hz
    assert stages[0] == ("Animating", 0, len(shapes)) and stages[-1] == (
        "Animating",
        len(shapes),
        len(shapes),
    )


@pytest.mark.shipped
def test_the_default_model_s_windows_cannot_be_seen():
    line = read_sound(Path(__file__).parents[2] / "demo" / "speech.wav")
    speech = np.tile(line[: len(line) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME], 5)
    ecoface = EcoFace.load(device="cpu")
    lines = ecoface.generate(speech, emotion="neutral", temperature=0.0, gaze=0.0).motion.reshape(5, -1, 53)
    alone = ecoface.generate(speech[: len(speech) // 5], emotion="neutral", temperature=0.0, gaze=0.0).motion
    inside = slice(10, -10)  # where one line follows another, it sounds otherwise
    for line in lines:
        assert np.corrcoef(line[inside, 50], alone[inside, 50])[0, 1] > 0.95  # the jaw
        assert usual_change(line[inside]) == pytest.approx(usual_change(alone[inside]), rel=0.1)


def usual_change(motion):
    """The median over frames: a blink more, which hangs on a threshold, is no seam."""
    return np.median(np.abs(np.diff(motion, axis=0)).mean(axis=1))
