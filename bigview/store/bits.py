"""Bitmaps over the rows of a store: bit q of word w stands for row 64·w + q."""

import numba as nb
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]


def full(rows: int) -> Bits:
    """Return the bits of all rows."""
    bits = np.full(-(-rows // 64), np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64)
    if rows & 63:
        bits[-1] = np.uint64((1 << (rows & 63)) - 1)
    return bits


@nb.njit(inline="always")
def popcount(v):  # type: ignore[no-untyped-def]
    """Count the set bits of a word (Warren, Hacker's Delight, 5-1)."""
    v = nb.uint64(v)
    v -= (v >> nb.uint64(1)) & nb.uint64(0x5555555555555555)
    v = (v & nb.uint64(0x3333333333333333)) + ((v >> nb.uint64(2)) & nb.uint64(0x3333333333333333))
    v = (v + (v >> nb.uint64(4))) & nb.uint64(0x0F0F0F0F0F0F0F0F)
    return nb.int64((v * nb.uint64(0x0101010101010101)) >> nb.uint64(56))


@nb.njit(inline="always")
def bit_at(bits, row):  # type: ignore[no-untyped-def]
    """Whether a row's bit is set."""
    return (bits[row >> 6] >> nb.uint64(row & 63)) & nb.uint64(1)


@nb.njit(nogil=True, cache=True)
def next_bit(bits, row, stop):  # type: ignore[no-untyped-def]
    """Return the first row from `row` on whose bit is set, or some row from `stop` on where there is none; no bits at all stand for every row."""
    if bits.shape[0] == 0:
        return row
    while row < stop:
        word = bits[row >> 6] >> nb.uint64(row & 63)
        if word:
            return row + popcount((word & (~word + nb.uint64(1))) - nb.uint64(1))  # bits below the lowest one that is set
        row = (row | 63) + 1
    return row


@nb.njit(nogil=True, cache=True)
def count_run(bits, start, stop):  # type: ignore[no-untyped-def]
    """Count the set bits of rows start … stop."""
    if stop <= start:
        return 0
    first, last = start >> 6, (stop - 1) >> 6
    low = nb.uint64(0xFFFFFFFFFFFFFFFF) << nb.uint64(start & 63)
    high = nb.uint64(0xFFFFFFFFFFFFFFFF) >> nb.uint64(63 - ((stop - 1) & 63))
    if first == last:
        return popcount(bits[first] & low & high)
    total = popcount(bits[first] & low)
    for word in range(first + 1, last):
        total += popcount(bits[word])
    return total + popcount(bits[last] & high)


@nb.njit(nogil=True, cache=True)
def _positions(bits, start, stop, skip, out):  # type: ignore[no-untyped-def]
    found = 0
    for row in range(start, stop):
        if row & 63 == 0 and bits[row >> 6] == 0 and row + 64 <= stop:
            continue
        if bit_at(bits, row):
            if skip > 0:
                skip -= 1
                continue
            if found == out.shape[0]:
                return found, skip
            out[found] = row
            found += 1
    return found, skip


@nb.njit(nogil=True, cache=True)
def set_bits(bits, rows):  # type: ignore[no-untyped-def]
    """Set the bits of rows."""
    for q in range(rows.shape[0]):
        bits[rows[q] >> 6] |= nb.uint64(1) << nb.uint64(rows[q] & 63)


def words(rows: int) -> int:
    """Return the number of words that hold a bit for each row."""
    return -(-rows // 64)


def pack(mask: NDArray[np.bool_], start: int = 0) -> Bits:
    """Return the words that hold `mask`, whose first entry is row `start` (the words begin at row start − start % 64)."""
    lead = start % 64
    padded = np.zeros(words(lead + len(mask)) * 64, bool)
    padded[lead : lead + len(mask)] = mask
    return np.packbits(padded, bitorder="little").view(np.uint64)


def unpack(bits: Bits, start: int, stop: int) -> NDArray[np.bool_]:
    """Return the bits of rows start … stop as booleans."""
    first = start // 64
    part = np.unpackbits(bits[first : words(stop)].view(np.uint8), bitorder="little").view(bool)
    return part[start - 64 * first : stop - 64 * first]


def tested(bits: Bits, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the bits of rows, in any order, as booleans."""
    found: NDArray[np.bool_] = (bits[rows >> 6] >> (rows & 63).astype(np.uint64) & np.uint64(1)).astype(bool)
    return found


def positions(bits: Bits, start: int, stop: int, skip: int, most: int) -> tuple[NDArray[np.int64], int]:
    """Return the rows of set bits in start … stop after `skip` of them, at most `most`; and how many remain to be skipped."""
    out = np.empty(max(0, min(most, stop - start)), np.int64)
    found, left = _positions(bits, start, stop, skip, out)
    return out[:found], left
