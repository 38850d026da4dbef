"""What an identity's block of K rows must hold, in words -> requirements on the rows.

`each` is a preset, an expression or exact quotas. Everything a user can write wrongly is found here, and the message points at
the place. What a contract means for one identity is `eligibility`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import index as index_of
from typing import Any, Final, Literal, Protocol, SupportsIndex

from indexer.errors import SettingsError, did_you_mean
from indexer.schema import Pairing, mask_names, modality_mask
from indexer.vocabulary import RGB, TEXT, resolve_modality

PRESETS: Final = ("any", "rgb", "pair", "complete")
SPREADS: Final = {"cameras": "camid", "tracklets": "tracklet"}
"""What a block can be spread over → the column that tells it."""
Each = str | Mapping[str, int]


class Described(Protocol):
    """Whatever tells which modalities there are."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """In bit order."""

    @property
    def pairing(self) -> Pairing:
        """What makes an identity pairable."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A block has at least, or exactly, `count` rows that have one of the modalities in `mask`.

    A row that has several of them counts once; a row counts for every requirement that it meets.
    """

    mask: int
    count: int
    words: str
    """The modalities as a person names them."""
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.words.replace(' or ', '|')}{'==' if self.exact else '>='}{self.count}"


@dataclass(frozen=True, slots=True)
class Spread:
    """The rows of a block come from at least `count` different cameras, or tracklets. Rows without one do not count."""

    over: Literal["cameras", "tracklets"]
    count: int

    def __str__(self) -> str:
        return f"{self.over}>={self.count}"


@dataclass(frozen=True, slots=True)
class GroupContract:
    """What every block must hold."""

    name: str
    """As the user wrote it."""
    requirements: tuple[Requirement, ...] = ()
    spreads: tuple[Spread, ...] = ()
    as_k_permits: bool = False
    """Where the requirements need more than K rows, each block meets K of them, in turn."""

    def __str__(self) -> str:
        """The contract spelled out, e.g. `pair (rgb>=1, nir|sketch>=1)`; the same meaning, the same words."""
        needs = ", ".join(map(str, (*self.requirements, *self.spreads)))
        if self.name in PRESETS:
            return f"{self.name} ({needs})" if needs else self.name
        return needs


def parse_contract(each: Each, index: Described) -> GroupContract:
    """Read a contract, and check it against the modalities of the index.

    Args:
        each: A preset. `any`: no requirement. `rgb`: at least one RGB row. `pair`: at least one row of the index's anchor
            modality (RGB) and one of the others it is paired with. `complete`: a row of every image modality and, where
            it can be, of text; as many of them as K permits.
            Or an expression, terms between commas, all of which hold: `rgb>=1, nir|sketch>=1`, `rgb==2, ir==2`,
            `pair, cameras>=2`, `tracklets>=2`.
            Or exact quotas: `{"rgb": 2, "ir": 2}` is `rgb==2, ir==2`.
        index: An index, a view of one, or its metadata.

    Raises:
        SettingsError: It cannot be read, or no identity of this index could serve it; the message points at the place.
    """
    if isinstance(each, Mapping):
        return _quotas(each, index)
    if not isinstance(each, str):
        raise SettingsError(f"each: expected a contract in words or exact quotas as a dict, found {each!r}")
    text = each.strip()
    if text in PRESETS:
        return _preset(text, index)
    if re.fullmatch(r"\w+", text):
        near = did_you_mean(text, [*PRESETS, *(f"{name}>=1" for name in index.modalities)])
        raise SettingsError(f"each={text!r}: not a group contract; {near}")
    return _Expression(each, index).contract()


def _preset(name: str, index: Described) -> GroupContract:
    modalities, pairing = index.modalities, index.pairing
    only = " + ".join(modalities)
    if name == "rgb":
        if RGB not in modalities:
            raise SettingsError(f"each='rgb': this index has no rgb samples, only {only}; use each='any'")
        return GroupContract(name, (Requirement(modality_mask([RGB], modalities), 1, RGB),))
    if name == "pair":
        if not pairing.others:
            raise SettingsError(
                f"each='pair': this index has one modality only ({only}), nothing to pair; use each='any'"
            )
        return GroupContract(name, (
            Requirement(modality_mask([pairing.anchor], modalities), 1, pairing.anchor),
            Requirement(modality_mask(pairing.others, modalities), 1, " or ".join(pairing.others)),
        ))  # fmt: skip
    if name == "complete":
        # text last: a caption comes with an image, which then counts for both
        names = sorted(modalities, key=lambda m: (m == TEXT, modalities.index(m)))
        needs = tuple(Requirement(modality_mask([m], modalities), 1, m) for m in names)
        return GroupContract(name, needs, as_k_permits=True)
    return GroupContract(name)


def _quotas(each: Mapping[Any, Any], index: Described) -> GroupContract:
    needs = []
    for words, count in each.items():
        if (
            not isinstance(words, str)
            or isinstance(count, bool)
            or not isinstance(count, SupportsIndex)
            or index_of(count) < 0
        ):
            raise SettingsError(
                f"each={dict(each)!r}: expected modality → rows, as a whole number, found {words!r}: {count!r}"
            )
        if words.strip() in SPREADS:
            raise SettingsError(f"each={dict(each)!r}: quotas count rows of a modality; write each='{words}>={count}'")
        names = {resolve_modality(word.strip(), index.modalities, setting="each") for word in words.split("|")}
        mask = modality_mask(sorted(names), index.modalities)
        needs.append(Requirement(mask, index_of(count), " or ".join(mask_names(mask, index.modalities)), exact=True))
    if not needs:
        raise SettingsError("each={}: expected quotas, e.g. {'rgb': 2, 'ir': 2}; each='any' asks for nothing")
    merged = tuple(_merged(needs))
    return GroupContract(", ".join(map(str, merged)), merged)


_TERM: Final = re.compile(r"\s*(?P<names>[^<>=!≥≤≠]*?)\s*(?:(?P<op>[<>=!≥≤≠]+)\s*(?P<count>.*?)\s*)?")


class _Expression:
    """One expression, term by term; knows where it is, to say so."""

    def __init__(self, text: str, index: Described) -> None:
        self.text, self.index = text, index

    def contract(self) -> GroupContract:
        requirements: list[Requirement] = []
        spreads: list[Spread] = []
        at = 0
        for term in self.text.split(","):
            part = self._term(term, at)
            if isinstance(part, Spread):
                spreads.append(part)
            elif isinstance(part, Requirement):
                requirements.append(part)
            else:
                requirements.extend(part.requirements)
            at += len(term) + 1
        return GroupContract(self.text.strip(), tuple(_merged(requirements)), tuple(_most(spreads)))

    def _term(self, term: str, at: int) -> Requirement | Spread | GroupContract:
        found = _TERM.fullmatch(term)
        if found is None or not found["names"]:
            raise self._error(at, at + len(term), "expected a term, e.g. rgb>=1")
        names, op, count = found["names"], found["op"], found["count"]
        start, stop = at + found.start("names"), at + found.end("names")
        if op is None:
            if names in PRESETS:
                return _preset(names, self.index)
            if not re.fullmatch(r"[\w| -]+", names):
                raise self._error(start, stop, "expected a modality and a count, e.g. rgb>=1")
            raise self._error(start, stop, f"expected a count after {names!r}, e.g. {names}>=1")
        op = {"≥": ">=", "=": "=="}.get(op, op)
        if op not in (">=", "=="):
            raise self._error(at + found.start("op"), at + found.end("op"), f"expected >= or ==, found {op}")
        if not re.fullmatch(r"[0-9]{1,6}", count):
            where = at + found.start("count") if count else at + found.start("op")
            raise self._error(where, at + found.end("count"), f"expected a whole number after {op}, found {count!r}")
        exact = op != ">="
        if names in SPREADS:
            if exact:
                raise self._error(
                    at + found.start("op"), at + found.end("op"), f"{names} can only be asked for with >="
                )
            return Spread("cameras" if names == "cameras" else "tracklets", int(count))
        resolved = []
        spread = next((word.strip() for word in names.split("|") if word.strip() in SPREADS), None)
        if spread is not None:
            raise self._error(
                start, stop, f"{spread} are no modality; ask for them in a term of their own, {spread}>=2"
            )
        for word in names.split("|"):
            resolved.append(self._modality(word.strip(), start + len(word) - len(word.lstrip()), start + len(word)))
            start += len(word) + 1
        mask = modality_mask(sorted(set(resolved)), self.index.modalities)
        return Requirement(mask, int(count), " or ".join(mask_names(mask, self.index.modalities)), exact)

    def _modality(self, word: str, start: int, stop: int) -> str:
        try:
            return resolve_modality(word, self.index.modalities)
        except SettingsError:
            near = did_you_mean(word, [*self.index.modalities, *SPREADS])
            raise self._error(start, stop, f"this index has no modality {word!r}; {near}") from None

    def _error(self, start: int, stop: int, message: str) -> SettingsError:
        while start < stop - 1 and self.text[start].isspace():
            start += 1
        marks = " " * start + "^" * max(stop - start, 1)
        text = re.sub(r"\s", " ", self.text)  # in one line, so that the marks stand where they should
        return SettingsError(f"each, column {start + 1}: {message}\n    {text}\n    {marks}")


def _merged(requirements: list[Requirement]) -> list[Requirement]:
    """The same modalities asked for twice are asked for once: the larger count, or the exact one."""
    found: dict[int, Requirement] = {}
    for new in requirements:
        old = found.get(new.mask)
        if old is None:
            found[new.mask] = new
        elif old.exact or new.exact:
            exact, other = (old, new) if old.exact else (new, old)
            if other.count > exact.count or (other.exact and other.count != exact.count):
                raise SettingsError(f"each: {old} and {new} contradict each other")
            found[new.mask] = exact
        else:
            found[new.mask] = replace(old, count=max(old.count, new.count))
    return [need for need in found.values() if need.count or need.exact]


def _most(spreads: list[Spread]) -> list[Spread]:
    counts: dict[Literal["cameras", "tracklets"], int] = {}
    for spread in spreads:
        counts[spread.over] = max(counts.get(spread.over, 0), spread.count)
    return [Spread(over, count) for over, count in sorted(counts.items()) if count]
