"""Lists of labels, cameras and modalities -> `LabelIndex`, an index in memory, in the order of the lists.

So that the drop-ins draw from lists with the engine that draws from index files: a position in the lists is a row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from indexer.errors import SettingsError, did_you_mean
from indexer.schema import BY_NAME, MAPPED_INTEGERS, MAX_MODALITIES, UNKNOWN, Pairing, mask_names, modality_mask
from indexer.vocabulary import RGB, modality_order, standard_modality
from sampler_runtime.cached_property import cached_property
from sampler_runtime.compat.calling import warn
from sampler_runtime.compat.numbering import Numbered, numbered
from sampler_runtime.view import checked_pids, checked_rows

Rows = NDArray[np.int64]
_NO_FILES = "labels were given, no files; open an index with open_index for that"


@dataclass(frozen=True, eq=False)
class LabelIndex:
    """What is told of each sample, as an index; satisfies `IndexView`. Its rows need no order: `pools` sorts them."""

    identities: tuple[Any, ...]
    """Label of each pid, as given."""
    modalities: tuple[str, ...]
    told: dict[str, NDArray[Any]]
    """The columns that are told, each of shape `(samples,)`: `pid`, and perhaps `camid` and `modalities`."""

    @property
    def pairing(self) -> Pairing:
        """What makes an identity pairable."""
        return Pairing.default(self.modalities)

    @property
    def selection(self) -> str:
        """How the view was made, in words."""
        return f"{len(self):,} labels"

    @cached_property
    def view_digest(self) -> str:
        """Of what batches depend on."""
        digest = hashlib.sha256("\x1f".join((*self.modalities, "", *map(repr, self.identities))).encode())
        for name, column in sorted(self.told.items()):
            digest.update(f"\x1f{name}\x1f".encode() + column.astype(BY_NAME[name].dtype).tobytes())
        return digest.hexdigest()

    @cached_property
    def pids(self) -> NDArray[np.int32]:
        """The distinct pids, ascending."""
        times = np.bincount(self.told["pid"] + 1, minlength=1)[1:]
        return np.flatnonzero(times).astype(np.int32)

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.told["pid"])

    def look_again(self) -> None:
        """There is no file that could have changed."""

    def column(self, name: str) -> NDArray[Any]:
        """An integer column, shape `(len(self),)`; unknown where nothing was told."""
        if name in self.told:
            return self.told[name]
        if name not in MAPPED_INTEGERS:
            raise SettingsError(f"column(name): not an integer column; {did_you_mean(name, MAPPED_INTEGERS)}")
        dtype = np.dtype(BY_NAME[name].dtype)
        return np.full(len(self), 1 if name == "modalities" else UNKNOWN if dtype.kind == "i" else 0, dtype)

    def column_blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Integer columns, in one piece."""
        if len(self):
            yield tuple(self.column(name) for name in names)

    def value(self, name: str, row: int) -> int:
        """One value of an integer column."""
        return int(self.subset([row]).column(name)[0])

    def labels(self, name: str, rows: Rows) -> list[str | None]:
        """The identity at some rows, as text; nothing else is told in words."""
        if name != "identity":
            return [None] * len(rows)
        return [None if pid < 0 else str(self.identities[pid]) for pid in self.told["pid"][rows].tolist()]

    def modalities_of(self, row: int) -> tuple[str, ...]:
        """The modalities of a row, in bit order."""
        return mask_names(self.value("modalities", row), self.modalities)

    def subset(
        self, rows: Sequence[int] | Rows | None = None, *, pids: Sequence[int] | Rows | None = None
    ) -> LabelIndex:
        """The samples at some rows, or of some identities, in index order; see `MappedIndex.subset`."""
        if (rows is None) == (pids is None):
            raise SettingsError("subset(): expected either rows= or pids=")
        if rows is None:
            chosen = np.flatnonzero(np.isin(self.told["pid"], checked_pids(pids, self.pids, self.selection)))
        else:
            chosen = np.sort(self.checked_rows(rows, "subset(rows=)"))
        return LabelIndex(self.identities, self.modalities, {name: c[chosen] for name, c in self.told.items()})

    def checked_rows(self, rows: Any, setting: str) -> Rows:
        """Rows a user gave, as an array; see `view.checked_rows`."""
        return checked_rows(rows, len(self), setting)

    def rows_for(self, paths: Sequence[str | PathLike[str]]) -> NoReturn:
        """There are no paths."""
        raise SettingsError(f"rows_for(paths): {_NO_FILES}")

    def locate(self, row: int) -> NoReturn:
        """There is no file."""
        raise SettingsError(f"locate({row}): {_NO_FILES}")

    def path_of(self, row: int) -> NoReturn:
        """There are no paths."""
        raise SettingsError(f"path_of({row}): {_NO_FILES}")

    def __repr__(self) -> str:
        return f"<{self.selection}, {len(self.pids):,} identities, {'+'.join(self.modalities)}>"


def label_index(
    labels: Any,
    cameras: Any = None,
    modalities: Sequence[str | Sequence[str]] | None = None,
    *,
    setting: str = "labels",
) -> LabelIndex:
    """An index of lists that tell of the same samples, each in the same order.

    Args:
        labels: The identity of each sample: whole numbers, or text.
        cameras: The camera of each, likewise; None where there is none.
        modalities: The modality of each, or the several that it has; in any usual spelling.
        setting: How messages call the labels.

    Raises:
        SettingsError: They are no such lists, or not equally long.
    """
    people = _without_junk(numbered(labels, setting), setting)
    told: dict[str, NDArray[Any]] = {"pid": people.codes}
    names: tuple[str, ...] = (RGB,)
    if cameras is not None:
        told["camid"] = _as_long(numbered(cameras, "cameras", missing=True), people, "cameras").codes
    if modalities is not None:
        kinds = _as_long(numbered([_words(kind) for kind in modalities], "modalities"), people, "modalities")
        of_kind = [[_modality(word) for word in kind.split("+")] for kind in kinds.names]
        names = tuple(modality_order(name for kind in of_kind for name in kind))
        if len(names) > MAX_MODALITIES:
            raise SettingsError(
                f"modalities: {len(names)} different ones, at most {MAX_MODALITIES}; found {names[:5]} …"
            )
        masks = np.array([modality_mask(sorted(set(kind)), names) for kind in of_kind], np.uint32)
        told["modalities"] = masks[kinds.codes]
    return LabelIndex(people.names, names, told)


def _without_junk(people: Numbered, setting: str) -> Numbered:
    """The number -1 marks junk and outliers throughout the field: no identity, so nobody to draw."""
    if not isinstance(people.names[0], int) or -1 not in people.names:
        return people
    junk = people.names.index(-1)
    codes = np.where(people.codes == junk, UNKNOWN, people.codes - (people.codes > junk)).astype(np.int32)
    samples = int((people.codes == junk).sum())
    warn(
        f"{setting}: {samples:,} samples have the label -1, junk or outliers of no one identity; the original draws them as one "
        "person, here they are never drawn; give them another label to draw them"
    )
    return Numbered(tuple(name for name in people.names if name != -1), codes)


def _words(kind: str | Sequence[str]) -> str:
    if isinstance(kind, str):
        return kind
    return kind[0] if len(kind) == 1 else "+".join(sorted(kind))


def _modality(word: str) -> str:
    name = standard_modality(word)
    if name is None:
        raise SettingsError(f"modalities: {word!r} cannot name a modality; expected e.g. rgb, vis, ir, sketch, text")
    return name


def _as_long(told: Numbered, people: Numbered, setting: str) -> Numbered:
    if len(told.codes) != len(people.codes):
        raise SettingsError(
            f"{setting}: expected one for each of {len(people.codes):,} labels, found {len(told.codes):,}"
        )
    return told
