"""The reference head in Blender: read once, beside Blender's main thread."""

import threading
import time

import numpy as np

from ecoface_blender.heads import own_head, source_curves


def test_a_line_that_is_there_early_waits_for_the_head_and_does_not_read_it_again(monkeypatch):
    read, threads = own_head.load_head, []

    def slowly(path=None):
        threads.append(threading.current_thread())
        time.sleep(0.3)
        return read(path)

    monkeypatch.setattr(source_curves, "load_head", slowly)
    for cached in (source_curves._read_reference, source_curves._face_rows):
        cached.cache_clear()
    source_curves.prepare()
    deadline = time.monotonic() + 10
    while not threads and time.monotonic() < deadline:
        time.sleep(0.01)
    still = source_curves.with_lids(np.zeros((3, 53)), np.zeros(3))
    assert len(threads) == 1 and threads[0] is not threading.main_thread()
    np.testing.assert_array_equal(still, np.zeros((3, 53)))
