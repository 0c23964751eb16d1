"""Ogg files that are several, one after another: FFmpeg reads on in few of them, so each is opened alone."""

import io
import os
from typing import BinaryIO

BEGINS = 2  # flag of a page: the first of its stream
HEADER = 27  # bytes of a page before its table
LARGEST = HEADER + 255 + 255 * 255  # bytes of a page


def links(file: BinaryIO) -> list[tuple[int, int]]:
    """Where each link of the chain begins and ends in the file: one, for other files too."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    if file.read(4) != b"OggS":
        return [(0, size)]
    starts, place, in_headers = [0], 0, True
    while place + HEADER <= size:
        file.seek(place)
        head = file.read(HEADER)
        if head[:4] != b"OggS":
            place = _next_page(file, place + 1, size)
            continue
        begins = bool(head[5] & BEGINS)
        if begins and not in_headers:
            starts.append(place)
        in_headers = begins
        place += HEADER + head[26] + sum(file.read(head[26]))
    return list(zip(starts, [*starts[1:], size], strict=True))


def _next_page(file: BinaryIO, place: int, size: int) -> int:
    """Where the next page begins after damage; the file's size if there is none."""
    while place < size:
        file.seek(place)
        data = file.read(LARGEST)
        found = data.find(b"OggS")
        if found >= 0:
            return place + found
        place += max(1, len(data) - 3)
    return size


class Part(io.RawIOBase):
    """Some bytes of a file, as a file; damaged headers may send FFmpeg anywhere in it."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        super().__init__()
        self._file, self._start, self._stop, self._place = file, start, stop, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the part."""
        length = self._stop - self._start
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: length}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        """The place in the part."""
        return self._place

    def read(self, n: int = -1) -> bytes:
        """The next bytes."""
        left = max(0, self._stop - self._start - self._place)
        self._file.seek(self._start + self._place)
        data = self._file.read(left if n < 0 else min(n, left))
        self._place += len(data)
        return data
