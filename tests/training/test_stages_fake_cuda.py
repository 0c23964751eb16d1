"""One step of each training stage on fake CUDA tensors: what a stage makes on the wrong device fails here.

Autograd itself asks for a CUDA build. It keeps every gradient where the forward pass put its tensor, so the
forward pass with all losses runs here, and the optimizer's step on gradients of the right place.
"""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_cuda import CUDA, WithoutCudaBuild, move, on_fake_cuda
from tiny_stages import emotion_config, motion_config, sync_config, write_stage_corpus
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from ecoface_model.core.head_file import read_head
from ecoface_model.flame import FlameHead
from ecoface_model.wavenet import fold_weight_norm
from training.batches.sync import SyncClips
from training.runs.motion_stage import MotionStage, read_judges
from training.runs.motion_stage import weighted as weighted_motion
from training.runs.run import step_generator
from training.train_emotion import EmotionEncoders, emotion_losses, weighted
from training.train_emotion import read_clips as read_emotion_clips
from training.train_motion import prepared_generator, read_clips, step_noise
from training.train_sync import cosines, prepared_expert, sync_losses


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write_stage_corpus(folder)
    return folder


@pytest.fixture
def mode() -> FakeTensorMode:
    return FakeTensorMode()


def moved_batch(batch: Any, mode: FakeTensorMode) -> Any:
    """A batch whose tensors are on the device."""
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return replace(
        batch, **{name: on_fake_cuda(v, mode) for name, v in values.items() if isinstance(v, Tensor)}
    )


def moved(module: nn.Module, mode: FakeTensorMode) -> list[Tensor]:
    """Put a module on the device; give what were its parameters."""
    names = [name for name, _ in module.named_parameters()]
    move(module, mode)
    owners = [name.rpartition(".") for name in names]
    return [getattr(module.get_submodule(owner), leaf) for owner, _, leaf in owners]


def finish(losses: dict[str, Tensor], loss: Tensor, parameters: list[Tensor]) -> None:
    """Every term is on the device, and so is all that an optimizer's step leaves."""
    assert {name: value.device for name, value in losses.items()} == dict.fromkeys(losses, CUDA)
    assert loss.device == CUDA and loss.shape == ()
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, foreach=False)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    assert nn.utils.clip_grad_norm_(parameters, 1.0).device == CUDA
    optimizer.step()
    moments = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    assert len(moments) >= 2 * len(parameters) - 4 and {moment.device for moment in moments} == {CUDA}


@pytest.mark.slow
@torch.no_grad()
def test_a_step_of_the_emotion_stage_stays_on_its_device(folder, mode):
    config = emotion_config(folder, folder / "run")
    clips = read_emotion_clips(config, "train")
    sizes = config.n_clips, config.n_real, config.n_frames, config.n_frames_seen
    batch = moved_batch(clips.batch(step_generator(0, 1), *sizes), mode)
    encoders = EmotionEncoders(config).train()
    parameters = moved(encoders, mode)
    with mode, WithoutCudaBuild():
        audio = encoders.audio.of_front(batch.rows, batch.baseline, batch.kind)
        visual = encoders.visual(batch.faces)
        losses = emotion_losses(audio, visual, encoders, batch, config)
        finish(losses, weighted(losses, config.weights, 1.0), parameters)


@torch.no_grad()
def test_a_step_of_the_sync_stage_stays_on_its_device(folder, mode):
    config = sync_config(folder, folder / "run")
    clips = SyncClips(config.corpus, config.features, "train", 1, FlameHead.from_file(read_head()))
    batch = moved_batch(clips.batch(step_generator(0, 1), config.batch_size, config.negatives, 2), mode)
    expert = prepared_expert(config.expert, clips).train()
    parameters = moved(expert, mode)
    with mode, WithoutCudaBuild():
        right, wrong = cosines(expert, batch)
        losses = sync_losses(right, wrong, batch.clear)
        finish(losses, (losses["right"] + losses["wrong"]) / 2, parameters)


@pytest.mark.slow
@torch.no_grad()
def test_a_step_of_the_motion_stage_stays_on_its_device(folder, mode):
    config = motion_config(folder, folder / "run")
    clips = read_clips(config, "train")
    rng = step_generator(0, 1)
    batch = moved_batch(clips.batch(rng, config.batch_size, config.n_frames, config.sources, 0.5), mode)
    noise = [on_fake_cuda(drawn, mode) for drawn in step_noise(config)]
    head_file = read_head()
    judges = read_judges(config.sync, config.visual_weights, config.visual, config.weights)
    generator = prepared_generator(config, clips, head_file)
    stage = MotionStage(generator, FlameHead.from_file(head_file), *judges, config.visual.image_size)
    fold_weight_norm(stage.generator)  # a parametrization hides its parameters from `move`
    parameters = moved(stage, mode)
    with mode, WithoutCudaBuild():
        losses = stage(batch, *noise, config.look)
        assert losses.keys() == vars(config.weights).keys()
        finish(losses, weighted_motion(losses, config.weights), parameters)
