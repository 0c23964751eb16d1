"""The real worker process through the real client: what it answers, and every way it can fail."""

import os
import signal
import sys
import time
import wave

import numpy as np
import pytest

from ecoface_blender import worker_client
from ecoface_blender.worker import protocol
from ecoface_blender.worker_client import WorkerClient, WorkerError

PYTHON = os.environ.get("ECOFACE_PYTHON", sys.executable)  # the Python with torch, if this one has none


@pytest.fixture
def client():
    client = WorkerClient(PYTHON)
    yield client
    client.close()


@pytest.fixture
def speech(tmp_path):
    """Two seconds of a hum that opens and closes."""
    path, t = tmp_path / "speech.wav", np.arange(32_000) / 16_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((8000 * np.sin(900 * t) * np.sin(9 * t) ** 2).astype(np.int16).tobytes())
    return path


def interpreter(path, script):
    """An executable that a user might name as a Python by mistake."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def generate(client, sound, result, **changes):
    values = {"first_second": 0.0, "seconds": None, "style": None, "emotion": None, "emotion_from": None}
    values |= {"seed": 0, "temperature": 1.0} | changes
    return client.request(protocol.Generate, sound=str(sound), result=str(result), **values)


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def failure(client, number):
    with pytest.raises(WorkerError) as caught:
        client.wait(number)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_hello_tells_what_the_engine_is(client):
    answer = client.wait(client.request(protocol.Hello))
    assert answer["protocol"] == protocol.PROTOCOL
    assert answer["torch"].startswith("2.")
    assert answer["device"] in ("cpu", "cuda", "mps")


def test_a_killed_worker_is_one_sentence_for_every_request_it_leaves_behind(client):
    numbers = [client.request(protocol.Hello), client.request(protocol.Hello)]
    os.kill(client._process.pid, signal.SIGKILL)
    wait_until(lambda: client.ended)
    assert [event.id for event in client.poll()] == numbers
    assert "ended unexpectedly (signal SIGKILL" in client.ended
    with pytest.raises(WorkerError, match="ended unexpectedly"):
        client.request(protocol.Hello)


def test_a_worker_that_hangs_is_ended_after_a_silence():
    client = WorkerClient(PYTHON, silence_seconds=3)
    number = client.request(protocol.Head, file="nowhere.pkl", result="nowhere.npz")
    assert "nowhere.pkl" in failure(client, number)
    os.kill(client._process.pid, signal.SIGSTOP)
    assert "no sign of life for 3 seconds" in failure(client, client.request(protocol.Hello))
    assert client._process.returncode == -signal.SIGKILL
    client.close()


def test_an_idle_worker_is_not_taken_for_a_hanging_one():
    client = WorkerClient(PYTHON, silence_seconds=4)
    time.sleep(6)
    assert client.ended is None
    client.close()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo Welcome; cat", "does not speak as EcoFace's does .*Welcome"),
        ("cat /dev/zero", "does not speak as EcoFace's does .*longer"),
        ("yes '{}'", "does not speak as EcoFace's does"),
        (
            "echo 'no such module' >&2; exit 3",
            r"ended unexpectedly \(exit code 3; its last words: no such module",
        ),
        ("exit 0", r"ended unexpectedly \(exit code 0; its last words: nothing"),
        (f"echo 'Traceback:' >&2; {sys.executable} -c 'print(1/0)'", "last words: ZeroDivisionError"),
    ],
)
def test_a_program_that_is_no_engine_is_one_sentence(tmp_path, script, sentence):
    client = WorkerClient(interpreter(tmp_path / "python", script))
    with pytest.raises(WorkerError, match=sentence):
        client.wait(client.request(protocol.Hello))
    client.close()
    assert client._process.returncode is not None


def test_a_python_that_prints_on_its_own_does_not_disturb(tmp_path, client):
    """What libraries print while they are imported goes to stderr, not between the messages."""
    noisy = tmp_path / "noisy.py"
    noisy.write_text(
        "import os, runpy, sys\nsys.argv = sys.argv[1:]\nsys.path[0] = ''\n"
        "class Noise:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch': print('noise'); os.system('echo more noise')\n"
        "sys.meta_path.insert(0, Noise())\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    client = WorkerClient(interpreter(tmp_path / "python", f'shift; exec {PYTHON} {noisy} "$@"'))
    assert client.wait(client.request(protocol.Hello))["torch"]
    client.close()


def test_a_path_that_is_no_program_is_one_sentence(tmp_path):
    with pytest.raises(WorkerError, match=r"could not be started with .*nowhere \(No such file"):
        WorkerClient(tmp_path / "nowhere")


def test_a_python_without_torch_is_one_sentence(tmp_path):
    client = WorkerClient(interpreter(tmp_path / "python", f'exec {PYTHON} -S "$@"'))
    assert "cannot import torch" in failure(client, client.request(protocol.Hello))
    client.close()


def test_a_request_that_is_none_ends_the_worker(client):
    client.wait(client.request(protocol.Head, file=None, result=os.devnull))
    client._process.stdin.write(b"gibberish\n")
    client._process.stdin.flush()
    wait_until(lambda: client.ended)
    assert "expected one line of JSON" in client.ended


def test_the_worker_ends_when_its_input_ends(client):
    client._process.stdin.close()
    assert client._process.wait(10) == 0


def test_closing_ends_the_process_and_its_threads_and_may_be_repeated(client):
    client.close()
    client.close()
    assert client._process.returncode is not None
    assert not any(thread.is_alive() for thread in client._threads)
    assert client not in worker_client._running
