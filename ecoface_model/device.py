"""The one place that names devices: which to compute on, and in what precision."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import torch

from ecoface_model.core.errors import RequestError

DEVICES = ("cuda", "mps", "cpu")  # in order of preference


def choose_device(name: str | None = None) -> torch.device:
    """The device asked for, or else the fastest there is: CUDA, then MPS, then the CPU.

    Raises:
        RequestError: if `name` is no device, or one that this machine does not have.
    """
    if name is None:
        return torch.device(next(device for device in DEVICES if _is_present(device)))
    kind, _, index = name.partition(":")
    if kind not in DEVICES or not (index == "" or index.isdigit()):
        raise RequestError(
            f"expected a device among {', '.join(DEVICES)}, found {name!r}; leave it out to choose"
        )
    if not _is_present(kind) or (kind == "cuda" and int(index or 0) >= torch.cuda.device_count()):
        present = ", ".join(device for device in DEVICES if _is_present(device))
        raise RequestError(
            f"device {name!r} is not on this machine, which has {present}; leave it out to choose"
        )
    return torch.device(name)


@contextmanager
def inference_on(device: torch.device) -> Iterator[None]:
    """On CUDA: half precision, and convolutions that give the same bytes every time; elsewhere, no change."""
    with ExitStack() as settings:
        if device.type == "cuda" and torch.cuda.is_available():
            settings.enter_context(torch.autocast(device.type, torch.float16))
            same_bytes = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
            settings.enter_context(same_bytes)
        yield


def training_precision(device: torch.device) -> AbstractContextManager[object]:
    """On CUDA: bfloat16, whose range needs no scaling of the loss; elsewhere, no change."""
    if device.type == "cuda" and torch.cuda.is_available():
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Float32 inside a stretch of half precision: for spectra, whose range a half cannot hold."""
    return torch.autocast(device.type, enabled=False)


def give_back_memory() -> None:
    """Let others, such as a renderer, have what torch keeps of the graphics card for itself."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_present(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()
