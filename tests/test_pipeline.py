"""Waveform to motion: clocks, seeds, windows, emotions and mistakes, on a tiny random model."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_model import STYLES, TINY, TINY_HUBERT, voice, write_tiny_model

from ecoface_model.audio import read_sound
from ecoface_model.checkpoint import read_model
from ecoface_model.config import EMOTIONS, N_LABELS, SAMPLES_PER_FRAME
from ecoface_model.device import choose_device
from ecoface_model.emotion_source import EmotionSource
from ecoface_model.errors import RequestError, SoundError
from ecoface_model.flame import FlameHead
from ecoface_model.flame_file import read_head
from ecoface_model.lips import aperture
from ecoface_model.pipeline import EcoFace
from ecoface_model.windows import FADE, WindowPlan, join

WIDE = WindowPlan(window=744, context=96)  # all the lines of these tests fit into one


@pytest.mark.parametrize("n_samples", [640, 2_560, 16_000, 16_319, 16_321, 30_000, 84_800])
def test_a_clip_gives_round_25_s_frames(tiny_ecoface, n_samples):
    motion = tiny_ecoface.generate(voice(n_samples / 16_000))
    assert motion.motion.shape == (round(25 * (n_samples / 16_000)), 53)
    assert motion.motion.dtype == np.float32 and motion.fps == 25.0


@pytest.mark.parametrize(
    "waveform", [np.zeros(300, np.float32), np.zeros(0, np.float32), np.zeros((2, 9), np.float32)]
)
def test_a_waveform_that_is_none_is_refused(tiny_ecoface, waveform):
    with pytest.raises(
        SoundError, match=r"expected mono sound of at least 0.04 s at 16 kHz, found samples of"
    ):
        tiny_ecoface.generate(waveform)


@pytest.mark.parametrize("kind", ["silence", "noise", "loud", "offset"])
def test_every_sound_gives_finite_motion(tiny_ecoface, kind):
    waveform = {
        "silence": np.zeros(16_000),
        "noise": 1e-5 * np.random.default_rng(0).standard_normal(16_000),
        "loud": 30 * voice(1.0),
        "offset": np.ones(16_000),
    }[kind].astype(np.float32)
    assert np.isfinite(tiny_ecoface.generate(waveform).motion).all()


def test_the_metadata_tell_how_the_motion_was_made(tiny_ecoface, tiny_model_file):
    metadata = tiny_ecoface.generate(voice(0.5), style="ben", emotion="sad:strong", seed=3).metadata
    assert metadata["style"] == "ben" and metadata["emotion"] == "sad:2" and metadata["seed"] == 3
    assert (
        metadata["head"] == "EcoFace reference head"
        and metadata["temperature"] == 1.0
        and metadata["source"] is None
    )
    assert metadata["model"] == {"name": "tiny", "hash": read_model(tiny_model_file).hash}
    assert tiny_ecoface.generate(voice(0.5)).metadata["emotion"] == "from the speech"
    assert (
        tiny_ecoface.generate(voice(0.5), emotion_from=voice(1.0)).metadata["emotion"] == "from another clip"
    )


def test_a_seed_is_a_take_and_temperature_its_spread(tiny_ecoface):
    speech = voice(2.0)
    first, again, other = (tiny_ecoface.generate(speech, seed=seed).motion for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    calm = [tiny_ecoface.generate(speech, seed=seed, temperature=0.0).motion for seed in (0, 1)]
    np.testing.assert_array_equal(*calm)
    half = tiny_ecoface.generate(speech, seed=1, temperature=0.5).motion
    assert np.abs(half - calm[0]).mean() < np.abs(other - calm[0]).mean()


def test_two_processes_write_the_same_bytes(tmp_path, tiny_model_file):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from tiny_model import voice;"
        "from ecoface_model.pipeline import EcoFace;"
        "EcoFace.load(sys.argv[2], device='cpu').generate(voice(1.3), seed=7).write(sys.argv[3])"
    )
    for name in ("a.npz", "b.npz"):
        arguments = [str(Path(__file__).parent), str(tiny_model_file), str(tmp_path / name)]
        subprocess.run(
            [sys.executable, "-c", script, *arguments], check=True, cwd=Path(__file__).parent.parent
        )
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_average_is_nobodys_style_and_the_default(tiny_ecoface):
    weights = tiny_ecoface._style_weights("average")
    torch.testing.assert_close(weights, torch.zeros(1, 3))
    torch.testing.assert_close(tiny_ecoface._style_weights(None), weights)
    torch.testing.assert_close(tiny_ecoface._style_weights("ben"), torch.tensor([[0.0, 1.0, 0.0]]))
    speech = voice(1.0)
    takes = [tiny_ecoface.generate(speech, style=style).motion for style in (*STYLES, "average")]
    for i, one in enumerate(takes):
        assert all(np.abs(one - other).max() > 1e-4 for other in takes[:i])


def test_a_model_may_name_its_default_style(tmp_path):
    path = write_tiny_model(tmp_path / "model.safetensors")
    ecoface = EcoFace.load(path, device="cpu")
    ecoface.model.info["default_style"] = "cleo"
    torch.testing.assert_close(ecoface._style_weights(None), torch.tensor([[0.0, 0.0, 1.0]]))
    assert ecoface.generate(voice(0.5)).metadata["style"] == "cleo"


def test_each_emotion_gives_another_face(tiny_ecoface):
    speech = voice(1.0)
    takes = [tiny_ecoface.generate(speech, emotion=emotion).motion for emotion in EMOTIONS]
    takes.append(tiny_ecoface.generate(speech).motion)
    for i, one in enumerate(takes):
        assert all(np.abs(one - other).max() > 1e-4 for other in takes[:i])


def test_intensity_0_is_neutral_for_every_emotion(tiny_ecoface):
    speech = voice(1.0)
    neutral = tiny_ecoface.generate(speech, emotion="neutral:0").motion
    np.testing.assert_array_equal(tiny_ecoface.generate(speech, emotion="angry:0").motion, neutral)


@pytest.mark.parametrize("seconds", [0.1, 2.0, 9.0])
def test_another_clip_of_any_length_lends_its_emotion(tiny_ecoface, seconds):
    speech = voice(2.0)
    own = tiny_ecoface.generate(speech).motion
    lent = tiny_ecoface.generate(speech, emotion_from=voice(seconds, seed=5)).motion
    assert lent.shape == own.shape and np.abs(lent - own).max() > 1e-4


def test_any_source_of_emotion_may_be_given(tiny_ecoface):
    class Constant(EmotionSource):
        def steps(self, start: int, stop: int):
            return torch.ones(1, stop - start, TINY.emotion.feature_dim)

    motion = tiny_ecoface.generate(voice(1.0), emotion=Constant())
    assert motion.metadata["emotion"] == "given" and np.isfinite(motion.motion).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"style": "dora"}, "expected a style among average, anna, ben, cleo, found 'dora'"),
        ({"emotion": "bored"}, "expected an emotion among"),
        ({"seed": -1}, "expected a seed of 0 or more, below 2\\^63, found -1"),
        ({"temperature": -0.5}, "expected a temperature of 0 or more, found -0.5"),
        ({"temperature": float("nan")}, "expected a temperature of 0 or more, found nan"),
    ],
)
def test_what_does_not_exist_is_refused(tiny_ecoface, wrong, message):
    with pytest.raises(RequestError, match=message):
        tiny_ecoface.generate(voice(0.5), **wrong)
    with pytest.raises(RequestError, match=message):
        tiny_ecoface.check(**({"style": None, "emotion": None, "seed": 0, "temperature": 1.0} | wrong))


def test_an_emotion_and_a_clip_to_take_it_from_exclude_each_other(tiny_ecoface):
    with pytest.raises(RequestError, match="found both; leave one out"):
        tiny_ecoface.generate(voice(0.5), emotion="happy", emotion_from=voice(0.5))


def test_devices_are_checked():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device(None).type in ("cuda", "mps", "cpu")
    with pytest.raises(RequestError, match="expected a device among cuda, mps, cpu, found 'gpu'"):
        choose_device("gpu")
    with pytest.raises(RequestError, match="found 'cuda:x'"):
        choose_device("cuda:x")
    with pytest.raises(RequestError, match="is not on this machine, which has"):
        choose_device("cuda:99")


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
    whole = torch.randn(400, 53)
    joined, previous = torch.zeros(400, 53), None
    for window in WindowPlan(window=100, context=20).windows(400):
        join(joined, whole[window.start : window.stop], window, previous)
        previous = window
    torch.testing.assert_close(joined, whole)


def test_joining_fades_from_one_window_to_the_next():
    joined = torch.zeros(160, 53)
    join(joined, torch.zeros(100, 53), range(100), None)
    join(joined, torch.ones(100, 53), range(60, 160), range(100))
    steps = joined.diff(dim=0)
    assert (steps >= 0).all() and steps.max() < 2 / FADE
    assert not joined[:67].any() and (joined[93:] == 1).all()


def looking_through(model_file: Path, plan: WindowPlan) -> EcoFace:
    return EcoFace(read_model(model_file), torch.device("cpu"), plan)


def tiny_looking_through(model_file: Path, plan: WindowPlan) -> EcoFace:
    """Without Whisper's positions: random weights, unlike trained ones, cannot look past them."""
    ecoface = looking_through(model_file, plan)
    ecoface.networks.content.positions.zero_()
    return ecoface


def test_a_window_border_cannot_be_seen(tiny_model_file):
    """Windows change the motion little (attention sees less), and at their borders no more than elsewhere."""
    speech = voice(29.0)
    whole = tiny_looking_through(tiny_model_file, WIDE).generate(speech).motion
    plan = WindowPlan(window=200, context=48)
    joined = tiny_looking_through(tiny_model_file, plan).generate(speech).motion
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
        looking_through(tiny_model_file, plan).listener.heard(reference, None)
        for plan in (WIDE, WindowPlan(window=200, context=48))
    )
    assert wide.shape == narrow.shape == (290, N_LABELS)
    assert (wide - narrow).abs().mean() < 0.05


def test_a_silent_reference_is_neutral(tiny_model_file):
    ecoface = EcoFace.load(tiny_model_file, device="cpu")
    heard = ecoface.heard(np.zeros(32_000, np.float32))
    assert heard.shape == (20, TINY.emotion.feature_dim)
    torch.testing.assert_close(heard, ecoface.model.prototypes[0, :1].expand(20, -1), atol=1e-4, rtol=1e-4)


def test_no_network_ever_sees_more_than_a_window(tiny_model_file):
    ecoface = looking_through(tiny_model_file, WindowPlan(window=200, context=48))
    stages: list[tuple[str, int, int]] = []
    shapes: list[int] = []
    hook = ecoface.networks.content.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape[1]))
    motion = ecoface.generate(voice(90.0), progress=lambda *stage: stages.append(stage))
    hook.remove()
    assert motion.n_frames == 2_250
    assert len(shapes) > 15 and max(shapes) <= 2 * 200  # steps of 50 Hz
    assert stages[0] == ("Animating", 0, len(shapes)) and stages[-1] == (
        "Animating",
        len(shapes),
        len(shapes),
    )


def test_progress_may_give_up(tiny_ecoface):
    def give_up(stage: str, done: int, total: int) -> None:
        raise InterruptedError(stage)

    with pytest.raises(InterruptedError, match="Animating"):
        tiny_ecoface.generate(voice(1.0), progress=give_up)
    assert tiny_ecoface.generate(voice(1.0)).n_frames == 25


def test_lower_precision_changes_the_motion_little_and_its_type_not(tiny_ecoface):
    speech = voice(2.0)
    full = tiny_ecoface.generate(speech).motion
    with torch.autocast("cpu", torch.bfloat16):
        low = tiny_ecoface.generate(speech, emotion_from=None).motion
    assert low.dtype == np.float32
    assert 0 < np.abs(low - full).mean() < 0.1 * full.std()


def test_the_paper_s_kinds_run_from_waveform_to_motion(tmp_path):
    ecoface = EcoFace.load(write_tiny_model(tmp_path / "paper.safetensors", TINY_HUBERT), device="cpu")
    for wanted in ({}, {"emotion": "happy"}, {"emotion_from": voice(1.0)}):
        motion = ecoface.generate(voice(1.5), **wanted).motion
        assert motion.shape == (38, 53) and np.isfinite(motion).all()


def test_the_default_model_s_windows_cannot_be_seen():
    line = read_sound(Path(__file__).parents[1] / "demo" / "speech.wav")
    speech = np.tile(line[: len(line) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME], 5)
    ecoface = EcoFace.load(device="cpu")
    lines = ecoface.generate(speech, emotion="neutral", temperature=0.0).motion.reshape(5, -1, 53)
    alone = ecoface.generate(speech[: len(speech) // 5], emotion="neutral", temperature=0.0).motion
    inside = slice(10, -10)  # where one line follows another, it sounds otherwise
    for line in lines:
        assert np.corrcoef(line[inside, 50], alone[inside, 50])[0, 1] > 0.95  # the jaw
        assert usual_change(line[inside]) == pytest.approx(usual_change(alone[inside]), rel=0.1)


def usual_change(motion):
    """The median over frames: a blink more, which hangs on a threshold, is no seam."""
    return np.median(np.abs(np.diff(motion, axis=0)).mean(axis=1))


def test_the_default_models_mouth_is_shut_where_nobody_speaks():
    ecoface, head = EcoFace.load(device="cpu"), FlameHead.from_file(read_head())
    room = 3e-4 * np.random.default_rng(0).standard_normal(48_000).astype(np.float32)
    for sound in (np.zeros(48_000, np.float32), room):
        landmarks = head.landmarks(torch.from_numpy(ecoface.generate(sound, emotion="neutral").motion))
        opening = 1000 * (aperture(landmarks) - head.rest_lip_gap())
        assert opening.mean() < 0.5 and opening.max() < 3
