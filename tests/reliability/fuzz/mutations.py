"""Whole inputs -> broken ones, always the same for the same number: a plain stand-in for atheris, which looks where they lead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

_TOKENS: Final = (
    b"\xff", b"\xff\xfe", b"\x80" * 8, b"\xff" * 4, b"\0" * 8,
    *(word.encode()
    for word in (
        "\0", "\n", "\r\n", "\ufeff", '"', "'", ",", ";", "\t", "{", "}", "[", "]", "<", ">", "&", "..", "/", "\\", "-1", "1e999", "NaN",
        "null", "true", "4294967296", "9" * 25, "9" * 5000, "[" * 2000, "{\"a\":" * 2000, "((a*)*)*", "(?P<x>", "{path}", "\\ud800", "0x" + "f" * 5000,
        "<!DOCTYPE x>", "../../etc/passwd", "x" * 5000,
    )),
)  # fmt: skip


def mutations(whole: Sequence[bytes], number: int, times: int) -> Iterator[bytes]:
    """Broken inputs.

    Args:
        whole: What they are made of.
        number: Another one gives others.
        times: How many.
    """
    lot = np.random.Generator(np.random.PCG64(number))
    for _ in range(times):
        data = bytearray(whole[lot.integers(len(whole))])
        for _ in range(int(lot.integers(1, 5))):
            first, last = sorted(int(at) for at in lot.integers(0, len(data) + 1, 2))
            last = min(last, first + int(lot.integers(1, 40)))
            match int(lot.integers(6)):
                case 0 if data:
                    data[first % len(data)] ^= 1 << int(lot.integers(8))
                case 1:
                    del data[first:last]
                case 2:
                    data[first:first] = data[first:last] * int(lot.integers(1, 8))
                case 3:
                    data[first:last] = _TOKENS[lot.integers(len(_TOKENS))]
                case 4 if lot.integers(4) == 0:
                    del data[first:]
                case 5:
                    other = whole[lot.integers(len(whole))]
                    at = int(lot.integers(0, len(other) + 1))
                    data[first:last] = other[at : at + int(lot.integers(1, 60))]
        yield bytes(data)
