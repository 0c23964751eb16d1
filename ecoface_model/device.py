"""The one place that names devices: which to compute on, and where half precision pays."""

from contextlib import AbstractContextManager, nullcontext

import torch

from ecoface_model.errors import RequestError

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


def half_where_it_pays(device: torch.device) -> AbstractContextManager[object]:
    """Half precision on CUDA; as it is elsewhere."""
    pays = device.type == "cuda" and torch.cuda.is_available()
    return torch.autocast(device.type, torch.float16) if pays else nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Float32 inside a stretch of half precision: for spectra, whose range a half cannot hold."""
    return torch.autocast(device.type, enabled=False)


def _is_present(kind: str) -> bool:
    if kind == "cuda":
        return torch.cuda.is_available()
    return kind == "cpu" or torch.backends.mps.is_available()
