"""A number n -> true, or a call, once in n calls: for log lines, norms and progress."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sampler_runtime.settings import whole_number

P = ParamSpec("P")
R = TypeVar("R")


class Every:
    """True at every n-th call, and at the first.

    Args:
        n: In calls.
        first: Whether the first call counts as due: a log then begins with the first step.

    Raises:
        SettingsError: `n` is no integer of at least 1.

    >>> due = Every(3)
    >>> [due() for _ in range(7)]
    [True, False, True, False, False, True, False]
    >>> due.count
    7
    """

    def __init__(self, n: int, *, first: bool = True) -> None:
        """See the class."""
        self.n, self.first = whole_number(n, "every n", 1), first
        self.count = 0
        """Calls so far."""

    def __call__(self) -> bool:
        """Count a call: is it due?"""
        self.count += 1
        return self.count % self.n == 0 or (self.first and self.count == 1)

    def __repr__(self) -> str:
        return f"Every({self.n}, first={self.first}), {self.count:,} calls"


def every(n: int, *, first: bool = True) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """A decorator: the function runs at every n-th call and at the first; the others do nothing and give None.

    Args:
        n: In calls. Of a method: in calls on all objects together.
        first: As of `Every`.

    Raises:
        SettingsError: As of `Every`.

    >>> @every(2, first=False)
    ... def show(step):
    ...     return f"step {step}"
    >>> [show(step) for step in range(4)]
    [None, 'step 1', None, 'step 3']
    """
    whole_number(n, "every n", 1)

    def decorate(function: Callable[P, R]) -> Callable[P, R | None]:
        due = Every(n, first=first)

        @functools.wraps(function)
        def throttled(*args: P.args, **kwargs: P.kwargs) -> R | None:
            return function(*args, **kwargs) if due() else None

        return throttled

    return decorate
