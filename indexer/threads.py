"""A function and pieces of data -> results, in order, on all cores: for work that NumPy and zlib do without Python's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_MOST: Final = 8  # memory feeds no more


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_threads(function: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """`map`, a few pieces ahead. All threads have ended when it does, so that a process can fork afterwards.

    >>> list(in_threads(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    waiting = iter(pieces)
    first = list(islice(waiting, 2))
    threads = min(cores(), _MOST)
    if len(first) < 2 or threads < 2:
        yield from map(function, first)
        yield from map(function, waiting)
        return
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Result]] = deque(pool.submit(function, piece) for piece in first)
        ahead.extend(pool.submit(function, piece) for piece in islice(waiting, 2 * threads - 2))
        while ahead:
            found = ahead.popleft().result()
            ahead.extend(pool.submit(function, piece) for piece in islice(waiting, 1))
            yield found
