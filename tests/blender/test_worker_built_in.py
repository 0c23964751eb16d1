"""The worker as the engine that is built in is started, and what it says in Blender's words."""

from engine_python import ENGINE_PYTHON as PYTHON
from worker_requests import failure, interpreter

from ecoface_blender.engine.client import WorkerClient
from ecoface_blender.worker import failures, protocol
from ecoface_model.core.errors import RequestError
from ecoface_model.device import HOW_TO_GET_TORCH


def test_with_a_folder_of_packages_the_worker_is_shut_off_from_the_users(tmp_path, monkeypatch):
    """As the engine that is built in is started: neither variables nor the user's site count."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "user").mkdir()
    (tmp_path / "packages" / "jaxtyping.py").write_text("raise ImportError('of the packages')\n")
    (tmp_path / "user" / "numpy.py").write_text("raise ImportError('of the user')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "user"))
    python = interpreter(tmp_path / "python", f'echo "$@" > {tmp_path}/given; exec {PYTHON} "$@"')
    client = WorkerClient(python, str(tmp_path / "packages"))
    client.wait(client.request(protocol.Head, file=None, result=str(tmp_path / "head.npz")))
    sentence = failure(client, client.request(protocol.Load, model=None, device="cpu"))
    assert "The engine that is built in cannot import" in sentence and "(of the packages)" in sentence
    client.close()
    given = (tmp_path / "given").read_text().split()
    assert given[:2] == ["-I", "-B"] and given[-1] == str(tmp_path / "packages")


def test_what_pytorch_alone_can_do_is_refused_in_blender_s_words():
    sentence = failures.sentence_of(
        RequestError(f"expected PyTorch for this, found none; {HOW_TO_GET_TORCH}")
    )
    assert sentence == (
        "Expected PyTorch for this, found none; Use a Graphics Card in the preferences of EcoFace installs "
        "it, or choose a Python that has it."
    )
