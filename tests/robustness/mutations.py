"""Damage to a file's bytes, by a seed: what disks, networks, editors and strangers do to it."""

import random
from collections.abc import Callable


def truncated(data: bytes, rng: random.Random) -> bytes:
    """It breaks off somewhere."""
    return data[: rng.randrange(len(data))]


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Some bits are wrong."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 4, 64])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def spliced(data: bytes, rng: random.Random) -> bytes:
    """A stretch of it is missing, doubled or of another place."""
    start, length = rng.randrange(len(data)), rng.randrange(1, max(2, len(data) // 4))
    other = rng.randrange(len(data))
    middle = rng.choice([b"", data[start : start + length] * 2, data[other : other + length]])
    return data[:start] + middle + data[start + length :]


def wrong_header(data: bytes, rng: random.Random) -> bytes:
    """A number at its beginning is absurd."""
    out, size = bytearray(data), rng.choice([1, 2, 4, 8])
    at = rng.randrange(max(1, min(len(out), 256) - size))
    value = rng.choice([0, 1, (1 << (8 * size)) - 1, 1 << (8 * size - 1), rng.randrange(1 << (8 * size))])
    out[at : at + size] = value.to_bytes(size, rng.choice(["little", "big"]))
    return bytes(out)


def overwritten(data: bytes, rng: random.Random) -> bytes:
    """A stretch of it is zeros, or noise."""
    start, length = rng.randrange(len(data)), rng.randrange(1, max(2, len(data) // 8))
    stretch = data[start : start + length]
    return (
        data[:start] + rng.choice([bytes(len(stretch)), rng.randbytes(len(stretch))]) + data[start + length :]
    )


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncated, flipped, spliced, wrong_header, overwritten,
)  # fmt: skip


def mutated(data: bytes, seed: int) -> tuple[bytes, str]:
    """The data with one kind of damage, and its name."""
    rng = random.Random(seed)
    kind = MUTATIONS[seed % len(MUTATIONS)]
    return kind(data, rng), kind.__name__
