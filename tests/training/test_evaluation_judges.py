"""Judges that others trained: our networks and distances beside theirs, and their files."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from training.evaluation.judge_networks import FrameAttention, JudgeFileError, SyncNet, read_judge
from training.evaluation.judges import syncnet_distances
from training.evaluation.mfcc import mfcc


def test_syncnet_distances_equal_the_loop_over_windows():
    torch.manual_seed(0)
    syncnet = SyncNet().eval()
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (8, 224, 224, 3)).astype(np.uint8)
    waveform = 0.1 * rng.normal(size=16000 * 8 // 25)
    distances = syncnet_distances(syncnet, pictures, waveform)
    heard = mfcc(waveform)
    n = min(8 - 4, (len(heard) - 20) // 4 + 1)
    assert distances.shape == (n, 31)
    with torch.no_grad():
        for i, j in ((0, 0), (1, 2), (n - 1, 0)):
            seen = syncnet.see(torch.tensor(pictures[None, i : i + 5, :, :, ::-1].copy()).float())
            spoken = syncnet.hear(torch.tensor(heard[None, 4 * j : 4 * j + 20]).float())
            assert distances[i, 15 + j - i] == pytest.approx(float((seen - spoken).norm()), rel=1e-4)


def test_frame_attention_equals_its_formulas_frame_by_frame():
    torch.manual_seed(0)
    network = FrameAttention().eval()
    faces = torch.rand(3, 224, 224, 3)
    with torch.no_grad():
        f = [network.frames(face[None])[0] for face in faces]
        alpha = [torch.sigmoid(network.alpha[0](x)) for x in f]
        anchor = sum(a * x for a, x in zip(alpha, f, strict=True)) / sum(alpha)
        beside = [torch.cat([x, anchor]) for x in f]
        weight = [a * torch.sigmoid(network.beta[0](x)) for a, x in zip(alpha, beside, strict=True)]
        by_hand = sum(w * x for w, x in zip(weight, beside, strict=True)) / sum(weight)
        torch.testing.assert_close(network(faces), by_hand, rtol=1e-4, atol=1e-5)


def test_the_frames_of_frame_attention_are_the_foreign_resnet_18():
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(0)
    foreign = ResNetModel(
        ResNetConfig(
            embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic"
        )
    ).eval()
    ours = FrameAttention().eval()
    theirs, backbone = (
        foreign.state_dict(),
        [n for n in ours.state_dict() if n.startswith(("conv1", "bn1", "layer"))],
    )
    state = ours.state_dict()
    for name in backbone:
        tail = name.rsplit(".", 1)[1]
        if name.startswith("layer"):
            stage, block, part = name.removeprefix("layer").split(".")[:3]
            prefix = f"encoder.stages.{int(stage) - 1}.layers.{block}"
            if part == "downsample":
                kind = ("convolution", "normalization")[int(name.split(".")[3])]
                source = f"{prefix}.shortcut.{kind}.{tail}"
            else:
                kind = "convolution" if part.startswith("conv") else "normalization"
                source = f"{prefix}.layer.{int(part[-1]) - 1}.{kind}.{tail}"
        else:
            kind = "convolution" if name.startswith("conv") else "normalization"
            source = f"embedder.embedder.{kind}.{tail}"
        state[name] = theirs[source]
    ours.load_state_dict(state)
    faces = torch.rand(2, 224, 224, 3)
    with torch.no_grad():
        wanted = foreign(faces.movedim(-1, 1)).pooler_output[:, :, 0, 0]
        torch.testing.assert_close(ours.frames(faces), wanted, rtol=1e-4, atol=1e-5)


def test_judges_load_from_data_parallel_files_without_counters(tmp_path):
    torch.manual_seed(0)
    saved = FrameAttention()
    state = {f"module.{k}": v for k, v in saved.state_dict().items() if "num_batches" not in k}
    save_file(state, tmp_path / "attention.safetensors")
    loaded = read_judge(tmp_path / "attention.safetensors", FrameAttention())
    assert torch.equal(loaded.layer4[1].conv2.weight, saved.layer4[1].conv2.weight)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


def test_a_judge_that_is_no_safetensors_file_is_refused(tmp_path):
    with pytest.raises(
        JudgeFileError, match=r"expected a \.safetensors file .* found syncnet_v2\.model; convert it"
    ):
        read_judge(tmp_path / "syncnet_v2.model", SyncNet())


def test_a_judge_file_that_is_missing_or_of_another_network_is_refused(tmp_path):
    path = tmp_path / "judge.safetensors"
    with pytest.raises(JudgeFileError, match="found no file that can be read"):
        read_judge(path, SyncNet())
    save_file({"alpha.0.weight": torch.zeros(1, 512)}, path)
    with pytest.raises(JudgeFileError, match=r"expected the \d+ weights of SyncNet in judge\.safetensors"):
        read_judge(path, SyncNet())
