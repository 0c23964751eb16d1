"""What is found out about a Blender file that is opened anew for each line of a batch: once. No bpy."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

MOST = 8
"""Things that are kept; some are tens of megabytes."""
Found = TypeVar("Found")
_kept: OrderedDict[Hashable, Any] = OrderedDict()
_file: Hashable = None
_is_open = False


@contextmanager
def same_file(path: Path) -> Iterator[None]:
    """This file was opened just now: what `once` finds meanwhile holds until another one is."""
    global _file, _is_open
    stat = path.stat()
    if _file != (now := (path, stat.st_mtime_ns, stat.st_size)):
        _kept.clear()
        _file = now
    _is_open = True
    try:
        yield
    finally:
        _is_open = False


def is_open() -> bool:
    """Whether the scene is such a file."""
    return _is_open


def once(key: Hashable, find: Callable[[], Found]) -> Found:
    """What `find` gives, of a file that is opened again and again; of any other scene, found each time.

    `key` names it and all that it depends on, but for what is in the file.
    """
    if not _is_open:
        return find()
    if key not in _kept:
        _kept[key] = find()
    _kept.move_to_end(key)
    while len(_kept) > MOST:
        _kept.popitem(last=False)
    found: Found = _kept[key]
    return found
