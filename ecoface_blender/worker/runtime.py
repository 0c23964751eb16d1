"""What the engine computes with and on, in words; looks only at what is imported already."""

import os
import sys


def describe(device: str) -> dict[str, str]:
    """The `engine`, such as "PyTorch 2.13.0", and the `hardware`, such as "2 cores" or a graphics card."""
    torch = sys.modules.get("torch")
    if torch is None:
        from onnxruntime import __version__ as version

        return {"engine": f"ONNX Runtime {version}", "hardware": _cores(cores())}
    hardware = _cores(torch.get_num_threads())
    if device.startswith("cuda"):
        hardware = torch.cuda.get_device_name(device)
    elif device.startswith("mps"):
        hardware = "Apple's graphics card"
    return {"engine": f"PyTorch {torch.__version__}", "hardware": hardware}


def cores() -> int:
    """That this process may use: on a cluster not all that the machine has."""
    if limit := os.environ.get("OMP_NUM_THREADS", ""):
        return int(limit) if limit.isdigit() and int(limit) else 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cores(count: int) -> str:
    return "1 core" if count == 1 else f"{count} cores"
