"""How many cores there are to work with. Standard library only."""

import os


def processors() -> int:
    """Cores that this process may use; OMP_NUM_THREADS limits them, as it does PyTorch's."""
    if (limit := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
        return max(1, int(limit))
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity else os.cpu_count() or 1)


def keep_arrays_on_one_core() -> None:
    """Numpy's products on the core that asks for them; before numpy is first imported.

    Windows of speech are worked on side by side; a second thread for products as small as ours only spins,
    a fifth of the processor's time. What the user has set stays.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
