"""How long a file says that its sound is, to be compared with what was read."""

import os
import struct
from fractions import Fraction
from typing import BinaryIO

UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF)
"""What programs write that do not know the length yet."""
XING_WITHIN = 4096  # bytes from the first frame of an mp3, of which the tag stands in the first
MPEG_RATES = ((11_025, 12_000, 8_000), (0, 0, 0), (22_050, 24_000, 16_000), (44_100, 48_000, 32_000))
"""By version (2.5, none, 2, 1) and index."""


PLAIN = (b"RIFF", b"RF64", b"riff", b"FORM", b"caff", b".snd")
"""How files of plain samples begin: wav and its like for long sounds, aiff, caf, au."""


def is_plain(file: BinaryIO) -> bool:
    """Whether a file begins as those do that hold samples, not packets."""
    file.seek(0)
    return file.read(4) in PLAIN


def missing_bytes(file: BinaryIO) -> float:
    """Share of the samples of a wav or aiff file, 0 to 1, that its header tells of and that are not there."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    kind = file.read(12)
    if kind[:4] == b"RIFF" and kind[8:] == b"WAVE":
        order, wanted = "<", b"data"
    elif kind[:4] == b"FORM" and kind[8:12] in (b"AIFF", b"AIFC"):
        order, wanted = ">", b"SSND"
    else:
        return 0.0
    while len(head := file.read(8)) == 8:
        name, n_bytes = struct.unpack(f"{order}4sI", head)
        if name == wanted:
            there = size - file.tell()
            return 0.0 if n_bytes in UNKNOWN_SIZES or there >= n_bytes else 1 - there / n_bytes
        file.seek(n_bytes + n_bytes % 2, os.SEEK_CUR)
    return 0.0


def mp3_seconds(file: BinaryIO) -> Fraction | None:
    """Length of an mp3 by its Xing or Info tag; None without one, as its bytes tell nothing then."""
    file.seek(0)
    head = file.read(10)
    if head[:3] == b"ID3" and len(head) == 10:
        a, b, c, d = head[6:]
        file.seek(10 + (a << 21 | b << 14 | c << 7 | d))
    else:
        file.seek(0)
    data = file.read(XING_WITHIN)
    place = max(data.find(b"Xing"), data.find(b"Info"))
    sync = data.find(b"\xff")
    if place < 0 or not 0 <= sync < place or len(data) < place + 12:
        return None
    version, index = (data[sync + 1] >> 3) & 3, (data[sync + 2] >> 2) & 3
    flags, n_frames = struct.unpack(">II", data[place + 4 : place + 12])
    rate = MPEG_RATES[version][index] if index < 3 else 0
    if not flags & 1 or not rate or not n_frames:
        return None
    return Fraction(n_frames * (1152 if version == 3 else 576), rate)
