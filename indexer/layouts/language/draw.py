"""`[[draw]]`: splits that are drawn by lot, as evaluation codes of the field do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from indexer.errors import did_you_mean
from indexer.layouts.language.parts import (
    FIELDS,
    Model,
    Value,
    Word,
    Words,
    check_slots,
    check_split,
    filled,
    rounds,
    slots,
    split_templates,
)


class Draw(Model):
    """Some of the samples, or of the identities, by lot; the same for the same seed."""

    each: Mapping[str, str] = {}
    origin: Word | None = Field(None, alias="from")
    """`gallery`, `query+gallery`; None: all samples."""
    where: Mapping[str, Words] = {}
    """Field → words: only samples that have one of them."""
    of: Literal["sample", "identity"] = "sample"
    per: Words = ()
    """Fields: so many of each group of samples that agree in them."""
    take: int | None = Field(None, ge=1, le=1 << 31)
    """None: all."""
    seed: Word = "0"
    split: Value
    rest: Value | None = None

    @model_validator(mode="after")
    def _words_are_known(self) -> Draw:
        for name in (*self.where, *self.per):
            if name not in FIELDS or name == "split":
                raise ValueError(f"draw: a sample has no field {name!r}; {did_you_mean(name, FIELDS)}")
        for name, words in self.where.items():
            if not words:
                raise ValueError(f"draw: where.{name}: expected words, found none")
        check_slots("from", self.origin or "", self.each)
        for what, split in (("split", self.split), ("rest", self.rest)):
            check_split(what, split, (), self.each)
            for name in self.each:
                if any(name not in slots(template) for template in split_templates(split)):
                    raise ValueError(f"{what}: expected {{{name}}} in it; without, every round is drawn into one split")
        if self.of == "identity" and self.per:
            raise ValueError("draw: `per` goes with samples; whole identities are drawn out of all of them")
        for values in rounds(self.each):
            if not filled(self.seed, values).isdecimal():
                raise ValueError(f"draw.seed: expected a number, or a slot that is one, found {self.seed!r}")
        return self
