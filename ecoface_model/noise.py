"""Normal noise by a seed, as PyTorch draws it on the CPU: a take is the same whatever engine makes it.

Mersenne Twister (Matsumoto and Nishimura 1998), whose 32-bit numbers are numpy's; 24 bits of each as a number
from 0 to 1, and Box and Muller's transform (1958) of eight of them with the eight that follow, as ATen's
`normal_fill` orders them (aten/src/ATen/native/cpu/DistributionTemplates.h); fewer than sixteen in pairs, of
53 bits each (aten/src/ATen/core/DistributionsHelper.h). A test holds it to torch.randn.
"""

import math

import numpy as np
from jaxtyping import Float32

from ecoface_model.arrays import NDArray
from ecoface_model.core.errors import RequestError

BLOCK = 16  # numbers that are transformed together


def expect_seed(seed: int, temperature: float) -> None:
    """Raises:
    RequestError: if a seed or a temperature is out of range.
    """
    if not 0 <= temperature < float("inf"):
        raise RequestError(f"expected a temperature of 0 or more, found {temperature}; 1 is usual")
    if not 0 <= seed < 2**63:
        raise RequestError(
            f"expected a seed of 0 or more, below 2^63, found {seed}; any such whole number will do"
        )


def normal_noise(n: int, seed: int) -> Float32[NDArray[np.float32], " n"]:
    """`torch.randn(n, generator=torch.Generator().manual_seed(seed))` but for rounding."""
    bits = np.random.MT19937()
    bits._legacy_seeding(seed & 0xFFFFFFFF)  # PyTorch's engine takes the same 32 bits of a seed
    if n < BLOCK:
        return _pairs(bits.random_raw(4 * BLOCK))[:n]
    ragged = n % BLOCK > 0  # then the last 16 numbers are drawn anew
    drawn = bits.random_raw(n + BLOCK * ragged)
    uniform = (drawn & 0xFFFFFF).astype(np.float32) * np.float32(2.0**-24)
    noise = np.empty(n, np.float32)
    whole = n - n % BLOCK
    noise[:whole] = _box_muller(uniform[:whole])
    if ragged:
        noise[-BLOCK:] = _box_muller(uniform[n:])
    return noise


def _box_muller(uniform: Float32[NDArray[np.float32], " n"]) -> Float32[NDArray[np.float32], " n"]:
    first, second = uniform.reshape(-1, 2, BLOCK // 2).transpose(1, 0, 2)  # (blocks, 8) each
    radius, angle = np.sqrt(-2 * np.log(1 - first)), np.float32(2 * math.pi) * second
    noise: NDArray[np.float32] = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
    return noise


def _pairs(drawn: NDArray[np.uint64]) -> Float32[NDArray[np.float32], " n"]:
    whole = (drawn[::2] << np.uint64(32) | drawn[1::2]) & np.uint64(2**53 - 1)
    first, second = (whole * 2.0**-53).reshape(-1, 2).T
    radius, angle = np.sqrt(-2 * np.log1p(-second)), 2 * math.pi * first
    noise = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
    return np.asarray(noise, np.float32)


def slowed(
    noise: Float32[NDArray[np.float32], "steps latent"], n_slow: int, correlation: float
) -> Float32[NDArray[np.float32], "steps latent"]:
    """White noise with its first channels as AR(1) processes of the same variance."""
    out = noise.copy()
    kept, new = np.float32(correlation), np.float32(math.sqrt(1 - correlation**2))
    out[1:, :n_slow] *= new
    for step in range(1, len(out)):
        out[step, :n_slow] += kept * out[step - 1, :n_slow]
    return out
