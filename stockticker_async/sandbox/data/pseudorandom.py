"""Pseudo-random numbers out of hashes: the same on every machine and every Python, in any order of calls.

Only integers, IEEE additions, multiplications and divisions: `math.exp` and `random` may differ.
"""

from hashlib import blake2b, shake_128
from struct import pack, unpack

_MASK = (1 << 64) - 1

# (days between lattice points, amplitude): a slow tide, and ripples on it. All together a level stays
# within 0.40 and 2.0, so that no price runs away, whatever the day.
_OCTAVES = ((1024, 0.40), (256, 0.20), (64, 0.10), (16, 0.05), (4, 0.03))


def seed_of(*parts: object) -> int:
    """64 bits of a hash over the parts' text."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


def mix(seed: int, n: int) -> int:
    """The n-th 64-bit number of a seed (splitmix64, https://prng.di.unimi.it/splitmix64.c)."""
    z = (seed + n * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def fraction(seed: int, n: int) -> float:
    """The n-th number of a seed in [0, 1)."""
    return (mix(seed, n) >> 11) / (1 << 53)


def level(seed: int, day: int) -> float:
    """Value noise over days, the product of its octaves: smooth, about 1, in (0.40, 2.0)."""
    product = 1.0
    for octave, (period, amplitude) in enumerate(_OCTAVES, 1):
        point, rest = divmod(day, period)
        # A ticker's octaves are far apart in the seed's sequence: lattices never share a number.
        at = (octave << 40) + point
        left = mix(seed, at) / _MASK
        if rest:
            x = rest / period
            left += (mix(seed, at + 1) / _MASK - left) * x * x * (3 - 2 * x)
        product *= 1 + amplitude * (2 * left - 1)
    return product


def day_noise(seed: int, day: int) -> tuple[int, ...]:
    """Sixteen 32-bit numbers of one day."""
    return unpack("<16I", blake2b(pack("<Qi", seed, day)).digest())


def bulk(seed: int, day: int, count: int) -> tuple[int, ...]:
    """`count` 16-bit numbers of one day, all made at once."""
    return unpack(f"<{count}H", shake_128(pack("<Qi", seed, day)).digest(2 * count))
