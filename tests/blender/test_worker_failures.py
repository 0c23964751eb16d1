"""The real worker process: what it can be started with, and every way it can fail and end."""
# ruff: noqa: F811 (fixtures are imported by the names that the tests ask for)

import os
import signal
import sys
import time

import pytest
from engine_python import ENGINE_PYTHON as PYTHON
from worker_requests import client, failure, generate, interpreter, speech, wait_until  # noqa: F401

from ecoface_blender.engine import client as worker_client
from ecoface_blender.engine.client import WorkerClient, WorkerError
from ecoface_blender.worker import protocol
from ecoface_model.core.motion_file import FlameMotion


def test_a_missing_model_is_one_sentence_and_nothing_is_generated_without_one(client, speech, tmp_path):
    loading = client.request(protocol.Load, model="nowhere.safetensors", device=None)
    generating = generate(client, speech, tmp_path / "motion.npz")
    assert "nowhere.safetensors" in failure(client, loading)
    assert "Expected a model to be loaded first" in failure(client, generating)
    assert not (tmp_path / "motion.npz").exists()


def test_a_job_is_cancelled_before_its_turn(client, tiny_model_file, speech, tmp_path):
    client.request(protocol.Load, model=str(tiny_model_file), device="cpu")
    number = generate(client, speech, tmp_path / "motion.npz")
    client.cancel(number)
    assert failure(client, number) == "Cancelled."


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
    client = WorkerClient(PYTHON, silence_seconds=2.5)
    time.sleep(4)
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
        "        if name in ('torch', 'onnxruntime'): print('noise'); os.system('echo more noise')\n"
        "sys.meta_path.insert(0, Noise())\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    client = WorkerClient(interpreter(tmp_path / "python", f'shift; exec {PYTHON} {noisy} "$@"'))
    assert client.wait(client.request(protocol.Hello))["engine"]
    client.close()


def test_the_default_model_works_in_a_python_without_torch(tmp_path, speech):
    blocked = tmp_path / "blocked.py"
    blocked.write_text(
        "import runpy, sys\nsys.argv = sys.argv[1:]\nsys.path[0] = ''\n"
        "for name in ('torch', 'onnx', 'onnxscript', 'transformers', 'scipy'): sys.modules[name] = None\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    client = WorkerClient(interpreter(tmp_path / "python", f'shift; exec {PYTHON} {blocked} "$@"'))
    hello = client.wait(client.request(protocol.Hello))
    assert hello["engine"].startswith("ONNX Runtime") and hello["device"] == "cpu"
    loaded = client.wait(client.request(protocol.Load, model=None, device=None))
    assert loaded["engine"] == hello["engine"] and loaded["device"] == "cpu"
    result = tmp_path / "motion.npz"
    answer = client.wait(generate(client, speech, result, emotion="happy"))
    assert answer["frames"] == 50 and FlameMotion.read(result).n_frames == 50
    for reference in (speech, result):  # heard, and seen
        client.wait(generate(client, speech, tmp_path / "lent.npz", emotion_from=str(reference)))
    client.close()


def test_a_path_that_is_no_program_is_one_sentence(tmp_path):
    with pytest.raises(WorkerError, match=r"could not be started with .*nowhere \(No such file"):
        WorkerClient(tmp_path / "nowhere")


def test_a_python_without_an_engine_is_one_sentence(tmp_path):
    client = WorkerClient(interpreter(tmp_path / "python", f'exec {PYTHON} -S "$@"'))
    sentence = failure(client, client.request(protocol.Hello))
    assert sentence.startswith("Expected ONNX Runtime or PyTorch, found neither; pip install torch ")
    assert " in /" in sentence and sentence.endswith(", or none, in the preferences of EcoFace.")
    client.close()


def test_a_request_that_is_none_ends_the_worker(client, tmp_path):
    client.wait(client.request(protocol.Head, file=None, result=str(tmp_path / "head.npz")))
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
