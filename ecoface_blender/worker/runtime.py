"""What the engine computes on, in words; standard library only, unless there is a graphics card."""

import os


def hardware(device: str) -> str:
    """Such as "2 cores", or the name of a graphics card."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    if device.startswith("mps"):
        return "Apple's graphics card"
    return "1 core" if cores() == 1 else f"{cores()} cores"


def cores() -> int:
    """That this process may use: on a cluster not all that the machine has."""
    if limit := os.environ.get("OMP_NUM_THREADS", ""):
        return int(limit) if limit.isdigit() and int(limit) else 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
