"""A model file and an engine for it: what `EcoFace.load` opens."""

from pathlib import Path

from ecoface_model import device as devices
from ecoface_model.backends.protocol import Backend
from ecoface_model.model_file import DEFAULT_MODEL, read_model_file


def open_backend(path: Path | str | None, device: str | None, engine: str | None) -> Backend:
    """The model in a file, run by the engine asked for, or the one that suits the machine and the file.

    Raises:
        ModelFileError, RequestError: if there is no such file, device or engine.
    """
    path = Path(path or DEFAULT_MODEL)
    if device is not None:
        devices.expect_device(device)
    file = read_model_file(path)
    if devices.choose_engine(device, engine, with_graphs=bool(file.graphs)) == devices.ONNX:
        from ecoface_model.backends.onnx_backend import OnnxBackend

        return OnnxBackend(file)
    from ecoface_model.backends.torch_backend import TorchBackend
    from ecoface_model.checkpoint import checked_model

    return TorchBackend(checked_model(file, path), devices.choose_device(device))
