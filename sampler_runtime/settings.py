"""What a sampler is asked for, checked together with the index it is asked of -> its blocks.

Its own file, without torch: the command line plans with it too. Whatever cannot work is found here, at construction,
with the nearest setting that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import SupportsIndex

from indexer.errors import NotEnoughIdentitiesError, SettingsError
from sampler_runtime.contract import Blocks, compile_contract, describe, parse_contract
from sampler_runtime.mapped import MappedIndex
from sampler_runtime.pools import find_pools

_TOO_LARGE = 1 << 40  # far beyond any use, and products of two such numbers with K still fit 64 bits


@dataclass(frozen=True, slots=True)
class PKSettings:
    """The settings that, with an index, say what every batch is."""

    p: int
    """Identities in a batch."""
    k: int
    """Instances of each."""
    each: str = "any"
    """The group contract of every block."""
    epoch: str = "identities"
    """What an epoch is: every eligible identity once."""
    seed: int = 0
    """Fixed for a training run."""

    def __post_init__(self) -> None:
        for name, least in (("p", 1), ("k", 1), ("seed", 0)):
            object.__setattr__(self, name, whole_number(getattr(self, name), name, least))
        if self.epoch != "identities":
            raise SettingsError(f"epoch: expected 'identities', found {self.epoch!r}")


def whole_number(value: object, name: str, least: int) -> int:
    """A setting that counts, as a Python int; NumPy's integers are welcome, booleans are not.

    Raises:
        SettingsError: It is no integer, or below `least`.
    """
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or index(value) < least:
        raise SettingsError(f"{name}: expected an int >= {least}, found {value!r}")
    if index(value) >= _TOO_LARGE:
        raise SettingsError(f"{name}: expected an int below 2**40, found {value!r}")
    return index(value)


def resolve_blocks(view: MappedIndex, settings: PKSettings) -> Blocks:
    """The identities and pools that settings draw from.

    Raises:
        NotEnoughIdentitiesError: Fewer than P identities can serve; the message says why and what could work.
        SettingsError: The contract makes no sense for this index.
    """
    contract = parse_contract(settings.each, view.metadata)
    blocks = compile_contract(contract, find_pools(view), settings.k)
    if blocks.num_identities >= settings.p:
        return blocks
    everyone = blocks.num_identities + sum(blocks.left_out.values())
    words = describe(contract, view.modalities)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in blocks.left_out.items())
    hints = []
    if blocks.num_identities:
        hints.append(f"use p={blocks.num_identities} or less")
    if settings.each != "any" and everyone >= settings.p:
        hints.append("use each='any'")
    if not everyone:
        hints = [f"this view ({view.selection}) has no identities to draw: select another split"]
    raise NotEnoughIdentitiesError(
        f"P={settings.p}: {blocks.num_identities:,} of {everyone:,} identities can serve each={words} with K={settings.k}"
        + (f" ({reasons})" if reasons else "")
        + (f"; {' or '.join(hints)}" if hints else "")
    )
