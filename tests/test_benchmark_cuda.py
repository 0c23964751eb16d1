"""The benchmark of graphics cards, with the CPU in a card's place."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ecoface_model.core.head_file import read_head
from ecoface_model.core.head_mesh import HeadMesh

FILE = Path(__file__).parents[1] / "benchmarks" / "cuda.py"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(FILE.parent)
    spec = importlib.util.spec_from_file_location("benchmark_cuda", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_all_of_it_runs_and_the_cpu_differs_from_itself_by_nothing():
    command = [sys.executable, str(FILE), "--device", "cpu", "--stages", "tiny"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()[1:]
    assert [line.split(":")[0] for line in said] == [
        "inference, emotion of the speech",
        "inference, emotion of a label",
        "inference, emotion of a clip that is heard",
        "inference, emotion of a performance that is seen",
        "renderer",
        "training, emotion",
        "training, sync",
        "training, motion",
    ]
    assert all(line.endswith(" 0.0000 mm") for line in said[:4])
    assert said[4].endswith(" 0.0000% of the pixels differ")
    assert all(float(line.rpartition("loss ")[2]) > 0 for line in said[5:])


def test_motions_are_apart_by_what_the_farthest_vertex_moves(benchmark):
    head, motion = HeadMesh(read_head()), np.zeros((3, 53), np.float32)
    assert benchmark.apart_mm(head, motion, motion) == 0
    opened = motion.copy()
    opened[1, 50] = 0.01  # radians; the chin is about 8 cm from the jaw's joint
    assert 0.6 < benchmark.apart_mm(head, opened, motion) < 1.2


@pytest.mark.parametrize("worst, code", [(0.09, 0), (0.11, 1)])
def test_too_large_a_difference_ends_with_1(benchmark, capsys, monkeypatch, worst, code):
    monkeypatch.setattr(benchmark, "inference", lambda device: (worst, np.zeros((1, 53), np.float32)))
    monkeypatch.setattr(benchmark, "renderer", lambda *_: None)
    assert benchmark.main(["--device", "cpu", "--stages", "none"]) == code
    sentence = "expected at most 0.1 mm between the card and the CPU, found 0.1100 mm"
    assert (sentence in capsys.readouterr().out) == bool(code)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_cuda_one_sentence_says_so(benchmark, capsys):
    assert benchmark.main([]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("There is no CUDA for PyTorch") and line.endswith("nothing was measured.")
