"""How many of what, in words."""

from __future__ import annotations


def count(number: int, word: str) -> str:
    """A number and its word, in the singular or plural.

    >>> count(1, "identity"), count(2_000, "batch"), count(0, "sample"), count(10, "epoch"), count(2, "box")
    ('1 identity', '2,000 batches', '0 samples', '10 epochs', '2 boxes')
    """
    plural = word[:-1] + "ies" if word.endswith("y") else word + ("es" if word.endswith(("tch", "s", "x")) else "s")
    return f"{number:,} {word if number == 1 else plural}"
