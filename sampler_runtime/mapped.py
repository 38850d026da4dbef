"""An index file -> `MappedIndex`: its columns, mapped; views of it by split; path and row, both ways.

Opening reads the footer only. A view is an index of its own: its rows count from 0, so a sampler and a dataset over the
same view speak of the same rows. Pickles as a path, a digest and how the view was made (a subset: its rows), and maps anew in the
process that unpickles it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import IndexReplacedError, SettingsError, did_you_mean
from indexer.index_file import IndexFile, Verify, locate_index
from indexer.schema import MAPPED_INTEGERS, IndexMetadata, Pairing, mask_names, modality_mask
from indexer.vocabulary import TEXT, resolve_modality, standard_split
from sampler_runtime.cached_property import cached_property
from sampler_runtime.given_paths import Paths, as_told
from sampler_runtime.query_sets import QuerySet, query_set
from sampler_runtime.view import checked_pids, checked_rows

if TYPE_CHECKING:
    from sampler_runtime.contract import Each
    from sampler_runtime.explain import Explanation

Rows = NDArray[np.int64]
Step = tuple[str, Any]


@dataclass(frozen=True, slots=True)
class AsOpened:
    """How the user opened an index; so does every process that a view of it is sent to."""

    in_memory: bool = False
    root: Path | None = None
    links_outside: bool | None = None


def open_index(
    path: str | os.PathLike[str],
    *,
    verify: Verify = "quick",
    in_memory: bool = False,
    root: str | os.PathLike[str] | None = None,
    links_outside: bool | None = None,
) -> MappedIndex:
    """Open an index.

    Args:
        path: The index file, or the dataset folder it lies in.
        verify: `full` reads everything once and compares every checksum.
        in_memory: Read the file now and keep it (200 bytes a sample or so), instead of mapping it: for network file systems and
            disks that may go away in the middle of a training. Processes that are forked share it.
        root: The dataset folder, whatever the index says of it: for an index of a stranger, or one that lies elsewhere.
        links_outside: Whether samples are read that links lead to, out of the dataset folder. None: as the index was built; but not
            where you say yourself where the dataset lies.

    Raises:
        SettingsError: `root` is no folder.
        IndexMissingError: There is none; the message says how to make it.
        IndexVersionError, IndexDamagedError: It cannot be used.
        IndexFileError: It cannot be read.
    """
    if root is not None and not (os.fspath(root) and Path(root).is_dir()):
        raise SettingsError(
            f"open_index(root=): expected the dataset folder, found {os.fspath(root)!r:.200}, which is none"
        )
    file = IndexFile(locate_index(Path(path)), verify=verify, in_memory=in_memory)
    as_opened = AsOpened(in_memory, None if root is None else Path(root).resolve(), links_outside)
    return MappedIndex(file.path.resolve(), file.metadata.digest, as_opened=as_opened, _file=file)


class MappedIndex:
    """An index, or a view of one."""

    def __init__(
        self,
        path: Path,
        digest: str,
        steps: tuple[Step, ...] = (),
        *,
        as_opened: AsOpened = AsOpened(),
        _file: IndexFile | None = None,
    ) -> None:
        """Use `open_index` and `select`.

        Args:
            path: The index file.
            digest: Of its content: another index under the same path is refused.
            steps: How the view was made from the whole.
            as_opened: How the user opened it.
        """
        self.path, self.digest, self._steps, self._as_opened = path, digest, steps, as_opened
        self._opened = _file

    # ------------------------------------------------------------------------------------------- what it is

    @property
    def file(self) -> IndexFile:
        """The file, opened in this process when first needed."""
        if self._opened is None:
            file = IndexFile(self.path, in_memory=self._as_opened.in_memory)
            if file.metadata.digest != self.digest:
                raise IndexReplacedError(
                    f"{self.path}: another index than the one that was opened (digest {self.digest[:12]}…, "
                    f"found {file.metadata.digest[:12]}…): this process was started anew and has to open it by its name; put the "
                    "earlier index back to go on (`persistent_workers=True` keeps workers, and with them the index that they have), or "
                    "open the new one and begin anew"
                )
            self._opened = file
        return self._opened

    def look_again(self) -> None:
        """See whether the file is still the one that was opened; samplers do when an epoch begins. Costs a look at its name.

        If it was replaced by another index, or is gone, the log says so once: what was opened goes on as it was.

        Raises:
            IndexDamagedError: It was written over or cut short, instead of replaced.
        """
        if self._opened is not None:
            self._opened.look_again()

    @property
    def metadata(self) -> IndexMetadata:
        """The metadata document of the file."""
        return self.file.metadata

    @cached_property
    def root(self) -> Path:
        """The folder that paths are relative to."""
        return self._as_opened.root or (self.path.parent / self.metadata.root).resolve()

    @property
    def links_outside(self) -> bool:
        """Whether samples are read that links lead to, out of the dataset folder."""
        if self._as_opened.links_outside is not None:
            return self._as_opened.links_outside
        return self.metadata.links_outside and self._as_opened.root is None

    @cached_property
    def view_digest(self) -> str:
        """Of what batches depend on: the content of the file, and which samples of it these are."""
        digest = hashlib.sha256(self.digest.encode())
        for kind, value in self._steps:
            digest.update(f"\x1f{kind}\x1f".encode() + (value.encode() if isinstance(value, str) else value.tobytes()))
        return digest.hexdigest()

    @property
    def pairing(self) -> Pairing:
        """What makes an identity pairable."""
        return self.metadata.pairing

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the dataset, in bit order."""
        return self.metadata.modalities

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits of the dataset."""
        return self.metadata.splits

    @property
    def selection(self) -> str:
        """How this view was made, in words."""
        return (
            " / ".join(f"{kind} {value if isinstance(value, str) else len(value)}" for kind, value in self._steps)
            or "all"
        )

    def __len__(self) -> int:
        """Number of samples."""
        span = self._span
        return len(span) if isinstance(span, np.ndarray) else span[1] - span[0]

    def __repr__(self) -> str:
        return f"<index {self.path.name}: {self.selection}, {len(self):,} samples, {'+'.join(self.modalities)}>"

    def _repr_html_(self) -> str:
        from sampler_runtime.showing.cards import index_card

        return index_card(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MappedIndex) or self.digest != other.digest or len(self) != len(other):
            return False
        every = np.arange(len(self))
        return np.array_equal(self.index_rows(every), other.index_rows(every))

    __hash__ = None  # type: ignore[assignment]  # two views are equal by their rows; nobody needs them as keys

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "digest": self.digest, "steps": self._steps, "as_opened": self._as_opened}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["digest"], state["steps"], as_opened=state["as_opened"])  # type: ignore[misc]

    # ------------------------------------------------------------------------------------------------- views

    def select(self, *, split: str | Sequence[str] | None = None, modality: str | None = None) -> MappedIndex:
        """The samples of a split, of a modality, or of both.

        Args:
            split: `train`, `trial3/train`, or several as `train+val` or `["train", "val"]`.
            modality: Samples that have it, e.g. `rgb`; aligned samples have several.

        Raises:
            SettingsError: The dataset has no such split or modality; the message names the near one.
        """
        steps = self._steps
        if split is not None:
            words = split.split("+") if isinstance(split, str) else split
            if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words) or not words:
                raise SettingsError(f"select(split=): expected a split's name, or several, found {split!r}")
            names = [standard_split(word) for word in words]
            for name in names:
                if name not in self.splits:
                    near = did_you_mean(name, self.splits or ["(none)"])
                    raise SettingsError(f"select(split=): this index has no split {name!r}; {near}")
            steps = (*steps, ("split", "+".join(names)))
        if modality is not None:
            if not isinstance(modality, str):
                raise SettingsError(f"select(modality=): expected a modality's name, found {modality!r}")
            steps = (*steps, ("modality", resolve_modality(modality, self.modalities, setting="select(modality=)")))
        return self._view(steps)

    def subset(
        self, rows: Sequence[int] | Rows | None = None, *, pids: Sequence[int] | Rows | None = None
    ) -> MappedIndex:
        """The samples at some rows of this view, or of some identities, in index order.

        Args:
            rows: Rows of this view.
            pids: Numbers of identities, as in `pids`.

        Raises:
            SettingsError: A row or pid is not of this view or named twice; or not just one of the two is given.
        """
        if (rows is None) == (pids is None):
            raise SettingsError("subset(): expected either rows= or pids=")
        chosen = self._rows_of(pids) if rows is None else np.sort(self.checked_rows(rows, "subset(rows=)"))
        if np.any(chosen[1:] == chosen[:-1]):
            raise SettingsError("subset(rows=): a row is named twice; a sample is in a view once")
        return self._view((*self._steps, ("rows", chosen)))

    def _view(self, steps: tuple[Step, ...]) -> MappedIndex:
        return MappedIndex(self.path, self.digest, steps, as_opened=self._as_opened, _file=self._opened)

    def _rows_of(self, pids: Any) -> Rows:
        wanted = checked_pids(pids, self.pids, self.selection)
        keep = np.zeros(int(self.pids[-1]) + 2 if len(self.pids) else 1, bool)  # the last is that of pid -1
        keep[wanted] = True
        parts = [keep[pid] for (pid,) in self.column_blocks("pid")]
        return np.flatnonzero(np.concatenate(parts)) if parts else np.empty(0, np.int64)

    def checked_rows(self, rows: Any, setting: str) -> Rows:
        """Rows a user gave, as an array.

        Raises:
            SettingsError: They are no whole numbers, or not rows of this view.
        """
        return checked_rows(rows, len(self), setting)

    @cached_property
    def _span(self) -> tuple[int, int] | Rows:
        """The rows of the file this view holds: a range where it can be one."""
        span: tuple[int, int] | Rows = (0, self.file.num_rows)
        for kind, value in self._steps:
            if kind == "split":
                span = self._in_splits(span, value.split("+"))
            elif kind == "modality":
                bit = np.uint32(modality_mask([value], self.modalities))
                span = _filtered(span, (self._at(span, "modalities") & bit) != 0)
            else:
                span = span[value] if isinstance(span, np.ndarray) else span[0] + value
        return span

    def _in_splits(self, span: tuple[int, int] | Rows, names: Sequence[str]) -> tuple[int, int] | Rows:
        plain = all("/" not in name for name in names)
        if plain and isinstance(span, tuple):  # the file is sorted by default split: the metadata tells the ranges
            runs = [r for r in self.metadata.split_runs if set(r.splits) & set(names)]
            joined = all(a.stop == b.start for a, b in pairwise(runs))
            if runs and joined and span == (0, self.file.num_rows):
                return runs[0].start, runs[-1].stop
        bits = np.uint64(sum(1 << self.splits.index(name) for name in names))
        return _filtered(span, (self._at(span, "splits") & bits) != 0)

    def _at(self, span: tuple[int, int] | Rows, name: str) -> NDArray[Any]:
        column = self.file.integers(name)
        return column.take(span) if isinstance(span, np.ndarray) else column.slice(*span)

    def _file_row(self, row: int) -> int:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row}: this view has {len(self):,} samples")
        return int(self._span[row]) if isinstance(self._span, np.ndarray) else self._span[0] + row

    # --------------------------------------------------------------------------------------------- its content

    def column(self, name: str) -> NDArray[Any]:
        """An integer column of this view, shape `(len(self),)`: mapped where the view lies in one piece of the file."""
        if name not in MAPPED_INTEGERS:
            raise SettingsError(f"column(name): not an integer column; {did_you_mean(name, MAPPED_INTEGERS)}")
        return self._at(self._span, name)

    def column_blocks(self, *names: str) -> Iterator[tuple[NDArray[Any], ...]]:
        """Integer columns, a piece at a time: a pass over a large index without a copy of it."""
        self.file.compare(names)
        if isinstance(self._span, np.ndarray):
            yield tuple(self.column(name) for name in names)
        else:
            start, stop = self._span
            yield from zip(*(self.file.integers(name).blocks(start, stop) for name in names), strict=True)

    def index_rows(self, rows: Rows) -> Rows:
        """Rows of this view as rows of the file."""
        return self._span[rows] if isinstance(self._span, np.ndarray) else rows + self._span[0]

    def value(self, name: str, row: int) -> int:
        """One value of an integer column."""
        return int(self.file.integers(name).take(np.array([self._file_row(row)]))[0])

    def labels(self, name: str, rows: Rows) -> list[str | None]:
        """The values of a text column (`identity`, `camera`, `source`) at some rows."""
        found: list[str | None] = self.file.take([name], self.index_rows(rows))[name].to_pylist()
        return found

    def locate(self, row: int) -> tuple[MappedIndex, int]:
        """The view of one file that a row lies in, and its row there: this view, and the row."""
        return self, row

    def path_of(self, row: int) -> str:
        """The path of a row, relative to the root."""
        return self.file.paths[self._file_row(row)]

    def modalities_of(self, row: int) -> tuple[str, ...]:
        """The modalities of a row, in bit order."""
        return mask_names(self.value("modalities", row), self.modalities)

    @cached_property
    def _aligned(self) -> pa.ChunkedArray:
        return self.file.table(["aligned"])["aligned"]

    @cached_property
    def _captions(self) -> pa.ChunkedArray:
        return self.file.table(["captions"])["captions"]

    def aligned_of(self, row: int) -> dict[str, str]:
        """Modality → path of the other files of a row's aligned set; empty for a single image."""
        if len([name for name in self.modalities_of(row) if name != TEXT]) < 2:
            return {}  # asked for every sample of a batch: most datasets never need the column decoded
        partners = self._aligned[self._file_row(row)].as_py()
        return {p["modality"]: p["path"] for p in partners or ()}

    def captions_of(self, row: int) -> list[str]:
        """The sentences that describe a row's sample."""
        if TEXT not in self.modalities_of(row):
            return []
        return self._captions[self._file_row(row)].as_py() or []

    @cached_property
    def _boxes(self) -> pa.ChunkedArray | None:
        return self.file.table(["box"])["box"] if self.file.has("box") else None

    def box_of(self, row: int) -> tuple[int, int, int, int] | None:
        """x, y, width, height in pixels of a row's sample within its picture; None: the whole of it."""
        found = self._boxes[self._file_row(row)].as_py() if self._boxes is not None else None
        return None if found is None else tuple(found)

    @property
    def query_sets(self) -> tuple[str, ...]:
        """Names of the sets of queries of several items each, such as ORBench's `TEXT+NIR`."""
        return tuple(one.name for one in self.metadata.query_sets)

    def query_set(self, name: str) -> QuerySet:
        """The queries of a set, those all of whose items are in this view.

        Raises:
            SettingsError: The dataset has no such set.
        """
        return query_set(self, name)

    @cached_property
    def pids(self) -> NDArray[np.int32]:
        """The distinct pids of this view, ascending; distractors, junk and hidden identities have none."""
        found = [np.unique(pid) for (pid,) in self.column_blocks("pid")]
        distinct = np.unique(np.concatenate(found)) if found else np.empty(0, np.int32)
        return distinct[distinct >= 0]

    # ------------------------------------------------------------------------------------------- path -> row

    def rows_for(self, paths: Paths) -> Rows:
        """The row of each path, for a dataset of one's own whose order is not the index's.

        Args:
            paths: Relative to the root, or absolute below it, in the dataset's order.

        Returns:
            Shape `(len(paths),)`.

        Raises:
            SettingsError: A path is not in this view, or not a path.
        """
        found = self.find_rows(paths)
        missing = np.flatnonzero(found < 0)
        if len(missing):
            raise SettingsError(
                f"rows_for(paths): {len(missing):,} of {len(found):,} paths are not in this index ({self.selection}), "
                f"first: {os.fspath(paths[missing[0]])!r}; paths are relative to {self.root}"
                + (f", e.g. {self.path_of(0)!r}" if len(self) else "")
            )
        return found

    def find_rows(self, paths: Paths) -> Rows:
        """As `rows_for`, but -1 for a path that is not in this view."""
        relative = as_told(paths, self.root)
        column = self.file.table(["path"])["path"]
        own = column.take(pa.array(self._span)) if isinstance(self._span, np.ndarray) else column.slice(
            self._span[0], len(self)
        )  # fmt: skip
        if self.file.has("box"):
            raise SettingsError(
                "rows_for(paths): a picture of this dataset holds several samples; go by rows, not by paths"
            )
        found = pc.fill_null(pc.index_in(relative, value_set=own.combine_chunks()), -1)
        return np.asarray(found.to_numpy(), np.int64)

    def explain(self, each: Each = "any", *, p: int, k: int, **settings: Any) -> Explanation:
        """Who can serve a group contract and, by reason, who cannot.

        Args:
            each: As of `PKBatchSampler`.
            p: Identities in a batch.
            k: Instances of each.
            settings: Further ones of `PKBatchSampler`: on_short, prefer_complete, drop, compose, …

        Raises:
            SettingsError: A setting makes no sense for this index. That too few identities serve is no error here.
        """
        from sampler_runtime.explain import explain

        return explain(self, each, p=p, k=k, **settings)


def _filtered(span: tuple[int, int] | Rows, keep: NDArray[np.bool_]) -> tuple[int, int] | Rows:
    rows = np.flatnonzero(keep)
    if isinstance(span, np.ndarray):
        return span[rows]
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return span[0] + int(rows[0]), span[0] + int(rows[-1]) + 1
    return rows + span[0]
