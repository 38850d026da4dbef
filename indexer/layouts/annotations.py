"""A layout's lists, tables and documents -> splits, fields, captions and boxes of the samples they name.

`sources` reads them, `joining` finds the samples; here it is told. A list that names files which are not there is
reported with counts; one that cannot be read as what it should be is an error that names the line.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.errors import AnnotationError, Problem
from indexer.layouts.joining import Rows, match_entries, sample_word
from indexer.layouts.language.annotation import BY_CORNERS, BY_SIZE, OWN, Annotation, Format, Numbers
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import Source, as_tuple, fill_column, filled, rounds, slots, span_of
from indexer.layouts.sources import Documents, Entries, read, read_numbers, whole_number
from indexer.layouts.sources.text import lines_of, text_of
from indexer.samples import FIELDS, Samples
from indexer.scan.listing import Listing, printable


@dataclass(frozen=True)
class Files:
    """The files the scan saw in the dataset's folder: nothing else is ever opened."""

    listing: Listing
    base: str
    """The dataset's folder below the listing's root: empty, or ends in `/`."""

    def path(self, name: str) -> Path | None:
        """Where a file of the dataset is, if it is there."""
        return self.listing.root / (self.base + name) if self.has(name) else None

    def has(self, name: str) -> bool:
        """Whether a file is there, or a folder that holds files, written `info/`."""
        paths, name = self.listing.paths, self.base + name
        at = bisect_left(paths, name)
        return at < len(paths) and (paths[at] == name or (name.endswith("/") and paths[at].startswith(name)))


@dataclass
class Told:
    """What the annotations of a layout did."""

    samples: Samples
    used: list[str] = field(default_factory=list)
    """Files that were read."""
    problems: list[Problem] = field(default_factory=list)
    unboxed: int = 0
    """Pictures in which nobody is boxed: no samples."""


def annotate(layout: Layout, samples: Samples, files: Files) -> Told:
    """Read every annotation of a layout and mark the samples.

    Args:
        layout: Whose annotations.
        samples: Changed in place; paths relative to the dataset's folder.
        files: Where the lists lie.

    Raises:
        AnnotationError: A file is malformed.
    """
    told, documents = Told(samples), Documents()
    for annotation in layout.annotation:
        for values in rounds(annotation.each):
            _Round(layout, annotation, values, files, documents, told).run()
    if told.samples.box is not None:
        if not told.samples.box[:, 2].any():
            names = ", ".join(dict.fromkeys(told.used[:3]))
            raise AnnotationError(f"{files.listing.root}: nobody is boxed in any picture that is there (read: {names})")
        pictures = len(pc.unique(told.samples.path))
        told.samples = told.samples.take(np.flatnonzero(told.samples.box[:, 2] > 0))
        told.unboxed = pictures - len(pc.unique(told.samples.path))
    told.used = list(dict.fromkeys(told.used))
    return told


@dataclass
class _Round:
    """One reading of one annotation."""

    layout: Layout
    annotation: Annotation
    values: dict[str, str]
    files: Files
    documents: Documents
    told: Told

    @property
    def samples(self) -> Samples:
        return self.told.samples

    def run(self) -> None:
        if self.annotation.join == "own":
            self._run_own()
            return
        name, path, kind = self._found(self.annotation.files(), self.annotation.format_of)
        if path is None or kind is None:
            if not self.annotation.optional:
                self._missing([filled(n, self.values) for n in self.annotation.files()])
            return
        entries, lacking = self._read(name, path, kind)
        for place in lacking:
            self._problem("annotation-missing", name, f"has no list {place!r}")
        columns = self._as_text(self._narrowed(entries, name, path, kind), name)
        size = _size(entries)
        matched, rows, listed = match_entries(self.annotation, columns, self.samples, self.values, size)
        self._tell_lost(name, listed, matched)
        self._tell(name, entries, columns, matched, rows)

    def _run_own(self) -> None:
        """Every sample has a file of its own: its entries are those of all files, one after the other."""
        template = filled(self.annotation.files()[0], self.values)
        words = {word: sample_word(word, self.samples.path).to_pylist() for word in slots(template) if word in OWN}
        gathered: Entries = {}
        rows: list[int] = []
        lost, empty = [], []
        name = template
        for row in range(len(self.samples)):
            name = filled(template, {word: column[row] for word, column in words.items()})
            path, kind = self.files.path(name), self.annotation.format_of(name)
            if path is None or kind is None:
                lost.append(name)
                continue
            entries, lacking = self._read(name, path, kind)
            if lacking and kind != "xml":  # label files in XML hold an element for each thing that is there, or none
                empty.append(name)
            entries = self._narrowed(entries, name, path, kind)
            for column, found in entries.items():
                gathered.setdefault(column, []).extend(_as_list(found))
            rows += [row] * _size(entries)
        if empty:
            places = " or ".join(map(repr, self.annotation.places()))
            self._problem(
                "annotation-missing", template, f"{len(empty):,} have no list {places} (first: {empty[0]})", len(empty)
            )
        if lost and not self.annotation.optional:
            self._problem(
                "annotation-missing", template, f"{len(lost):,} are not in the tree (first: {lost[0]})", len(lost)
            )
        if gathered:
            columns = self._as_text(gathered, template)
            self._tell(template, gathered, columns, np.arange(len(rows)), np.array(rows, np.int64))

    # ------------------------------------------------------------------------------------------------- reading

    def _found(self, names: Sequence[str], format_of: Any) -> tuple[str, Path | None, Format | None]:
        """The first of several files that is there."""
        for name in (filled(n, self.values) for n in names):
            path = self.files.path(name)
            if path is not None:
                return name, path, format_of(name)
        return "", None, None

    def _read(self, name: str, path: Path, kind: Format) -> tuple[Entries, list[str]]:
        """The entries of a file, and the places in it that are not there."""
        self.told.used.append(name)
        places = tuple(filled(place, self.values) for place in self.annotation.places())
        annotation = self.annotation.model_copy(update={"at": places}) if self.values and places else self.annotation
        return read(annotation, path, kind, self.documents)

    def _narrowed(self, entries: Entries, name: str, path: Path, kind: Format) -> Entries:
        """Only the entries that count, and for those that stand for runs of lines, an entry a line. In place."""
        annotation, size = self.annotation, _size(entries)
        if not (annotation.entries or annotation.only or annotation.where or annotation.runs or annotation.parse):
            return entries
        entries.update({column: _as_list(values) for column, values in entries.items()})
        chosen = list(range(size))
        if annotation.entries is not None:
            first, last = span_of(annotation.entries)
            chosen = chosen[first - 1 : last]
            if size and not chosen:
                self._problem("annotation-missing", name, f"has {size:,} entries, and none of {annotation.entries}")
        if annotation.only is not None:
            chosen = self._chosen(annotation.only, name, path, kind, size)
        for column, words in annotation.where.items():
            chosen = [i for i in chosen if _spelt(entries[column][i]) in as_tuple(words)]
        if len(chosen) < size or annotation.only is not None:
            entries.update({column: [values[i] for i in chosen] for column, values in entries.items()})
        if annotation.runs is not None:
            self._lay_out_runs(entries, name)
        for column, pattern in annotation.parse.items():
            words = self._words(entries[column], name)
            groups = pc.extract_regex(words, pattern.regex)
            odd = np.flatnonzero(groups.is_null().to_numpy(zero_copy_only=False))
            if len(odd):
                word = entries[column][int(odd[0])]
                raise AnnotationError(f"{name}, entry {int(odd[0])}: expected {pattern.text}, found {word!r:.80}")
            for group in pattern.groups:
                entries[group] = groups.field(group).to_pylist()
        return entries

    def _chosen(self, only: Numbers, name: str, path: Path, kind: Format, size: int) -> list[int]:
        at = filled(only.at, self.values) if only.at is not None else None
        if only.file is not None:
            name, found, kind_found = self._found(as_tuple(only.file), self.annotation.format_of_numbers)
            if found is None or kind_found is None:
                self._missing([filled(n, self.values) for n in as_tuple(only.file)])
                return []
            path, kind = found, kind_found
            self.told.used.append(name)
        told = dict.fromkeys(read_numbers(path, kind, at, self.documents))  # a number twice chooses an entry once
        numbers = [number - only.base for number in told]
        beyond = next((n for n in numbers if not 0 <= n < size), None)
        if beyond is not None:
            raise AnnotationError(
                f"{path}: chooses entry {beyond + only.base:,}, counted from {only.base}; there are {size:,}"
            )
        return numbers

    def _lay_out_runs(self, entries: Entries, name: str) -> None:
        runs = self.annotation.runs
        assert runs is not None
        list_name, path, _ = self._found(as_tuple(runs.file), lambda n: "values")
        if path is None:
            self._missing([filled(n, self.values) for n in as_tuple(runs.file)])
            entries.update({column: [] for column in (*entries, "line")})
            return
        self.told.used.append(list_name)
        lines = [line.strip() for line in lines_of(text_of(path, self.annotation.encoding)) if line.strip()]
        bounds = []
        for number, (first, last) in enumerate(zip(entries[runs.first], entries[runs.last], strict=True)):
            where = f"{name}, entry {number}"
            a, b = whole_number(first, where) - runs.base, whole_number(last, where) - runs.base
            if not 0 <= a <= b < len(lines):
                raise AnnotationError(
                    f"{name}, entry {number}: stands for lines {first} to {last} of {list_name}, which has {len(lines):,}"
                )
            bounds.append((a, b + 1))
        entries.update(
            {
                column: [v for v, (a, b) in zip(values, bounds, strict=True) for _ in range(a, b)]
                for column, values in list(entries.items())
            }
        )
        entries["line"] = [lines[i] for a, b in bounds for i in range(a, b)]

    def _as_text(self, entries: Entries, name: str) -> dict[str, pa.Array]:
        """The columns that are words, as Arrow text; those that name fields in our words."""
        columns = {}
        for column, values in entries.items():
            if column not in ("caption", "box"):
                words = self._words(values, name)
                columns[column] = self._ours(column, words) if column in FIELDS else words
        size = _size(entries)
        given = {name: pa.repeat(value, size) for name, value in self.values.items()}
        told = {
            field_name: self._ours(field_name, fill_column(template, {**given, **columns}, size))
            for field_name, template in self.annotation.tell.items()
        }
        return {**columns, **told}

    def _ours(self, field_name: str, words: pa.Array) -> pa.Array:
        """The dataset's words of a field in ours."""
        encoded = words.dictionary_encode()
        ours = [self.layout.standard_value(field_name, word, {})[0] for word in encoded.dictionary.to_pylist()]
        return pa.array(ours, pa.string()).take(encoded.indices)

    def _words(self, values: Any, where: str) -> pa.Array:
        """Words of a file as Arrow text. Numbers are words here; lists and halves of characters are not."""
        if isinstance(values, pa.Array):
            return values
        try:
            return pa.array(values, pa.string())
        except (pa.ArrowException, TypeError, UnicodeError):
            pass  # not all of them are text yet
        for number, value in enumerate(values):
            if not isinstance(value, (str, int, float, type(None))) and value != []:  # an empty cell of MATLAB's
                raise AnnotationError(
                    f"{where}, entry {number}: expected a word, found {json.dumps(value, default=str)[:80]}"
                )
        try:
            return pa.array([_spelt(v) for v in values], pa.string())
        except UnicodeEncodeError:
            raise AnnotationError(f"{where}: holds text that is not valid Unicode; repair the file") from None

    # ------------------------------------------------------------------------------------------------- telling

    def _tell(self, name: str, entries: Entries, columns: dict[str, pa.Array], matched: Rows, rows: Rows) -> None:
        if self.annotation.tells_boxes():
            boxes = self._boxes_of(entries, name)[matched]
            # one picture, one set of boxes: what is boxed already is no picture to box again
            use = boxes[:, 2] > 0
            if self.samples.box is not None:
                use &= self.samples.box[rows, 2] == 0
            matched, rows = matched[use], rows[use]
            rows = self._make_boxes(boxes[use], rows)
        for column in FIELDS:
            if column in columns and column != self.annotation.join:
                self._set(column, rows, columns[column].take(pa.array(matched)), name)
        if "caption" in entries:
            listed = _as_list(entries["caption"])
            captions = [listed[i] for i in matched]
            known = [i for i, c in enumerate(captions) if c not in (None, "", [])]
            self.samples.add_captions(rows[known].tolist(), [self._sentences(captions[i], name) for i in known])
        if self.annotation.split is not None:
            marked = list(self._splits(columns, matched, rows))
            if self.annotation.reach == "identity":
                marked = [(names, _whole_identities(self.samples, chosen)) for names, chosen in marked]
            # all leave before any is marked: a sample may be listed for two splits
            for names, chosen in marked if self.annotation.replaces else ():
                self.samples.splits.leave(chosen, names)
            for names, chosen in marked:
                self.samples.splits.mark(chosen, names)

    def _boxes_of(self, entries: Entries, name: str) -> NDArray[np.int32]:
        """x, y, width, height of each entry, shape (entries, 4), in whole pixels; 0 for those that are empty."""
        names = BY_SIZE
        if "box" in entries:
            told = entries["box"]
        else:
            names = BY_SIZE if {*BY_SIZE} <= entries.keys() else BY_CORNERS
            told = list(zip(*(_as_list(entries[name]) for name in names), strict=True))
        by_corners = "box" not in entries and names == BY_CORNERS
        boxes = np.zeros((len(told), 4), np.int32)
        empty = 0
        for number, box in enumerate(told):
            try:
                told_here = np.ravel(box).tolist()
                if all(value is None or value == "" for value in told_here):
                    continue  # nobody is boxed here
                x, y, wide, high = (round(float(value)) for value in told_here)
                boxes[number] = (x, y, wide - x, high - y) if by_corners else (x, y, wide, high)
            except (TypeError, ValueError, OverflowError):
                expected = ", ".join(BY_CORNERS if by_corners else BY_SIZE)
                raise AnnotationError(f"{name}, entry {number}: expected a box {expected}, found {box!r:.80}") from None
            if boxes[number, 2] <= 0 or boxes[number, 3] <= 0:
                boxes[number] = 0
                empty += 1
        if empty:
            self._problem("value", name, f"{empty:,} boxes have no width or no height: passed over", empty)
        return boxes

    def _make_boxes(self, boxes: NDArray[np.int32], rows: Rows) -> Rows:
        """Samples for the boxes in the pictures at `rows`, where there are none yet; and the place of each."""
        samples, before = self.samples, len(self.samples)
        own = samples.box if samples.box is not None else np.zeros((before, 4), np.int32)
        # a picture is known by the first row with its path, its boxes by that and their four numbers
        picture = pc.index_in(samples.path, value_set=pc.unique(samples.path)).to_numpy().astype(np.int64)
        keys = np.concatenate([np.c_[picture, own], np.c_[picture[rows], boxes]])
        # paths are sorted, so their numbers are; within a picture, boxes from the left
        distinct_keys, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        origin = np.r_[np.arange(before), rows]
        self.told.samples = samples.take(origin[first])
        self.told.samples.box = np.ascontiguousarray(distinct_keys[:, 1:], np.int32)
        return np.asarray(place).ravel()[before:]

    def _set(self, column: str, rows: Rows, words: pa.Array, name: str) -> None:
        """A field of the samples at `rows`; what the file leaves open stays as the rules told it."""
        told = pc.fill_null(pc.not_equal(words, ""), False).to_numpy(zero_copy_only=False)
        place = np.full(len(self.samples), -1, np.int64)
        place[rows[told]] = np.flatnonzero(told)
        found = words.take(pa.array(place, mask=place < 0))
        differs = pc.fill_null(pc.not_equal(words, found.take(pa.array(rows))), False).to_numpy(zero_copy_only=False)
        if (odd := np.unique(rows[differs & told])).size:
            first = printable(self.samples.path[int(odd[0])].as_py())
            message = f"tells two values of {column} of {len(odd):,} samples (first: {first}): the last one counts"
            self._problem("contradiction", name, message, len(odd))
        self.samples.fields[column] = pc.coalesce(found, self.samples.fields[column])

    def _sentences(self, value: Any, where: str) -> list[str]:
        sentences = [value] if isinstance(value, str) else value
        if not isinstance(sentences, list) or not all(isinstance(s, str) for s in sentences):
            raise AnnotationError(
                f"{where}: a caption should be text or a list of texts, found {json.dumps(value, default=str)[:80]}"
            )
        self._words(sentences, where)
        return sentences

    def _splits(
        self, columns: dict[str, pa.Array], matched: Rows, rows: Rows
    ) -> Iterable[tuple[tuple[str, ...], Rows]]:
        """Split names, and the rows they are for."""
        split = self.annotation.split
        if not isinstance(split, Source):
            yield self.layout.standard_value("split", filled(str(split), self.values), {}), rows
            return
        if split.group in columns:
            words = columns[split.group].take(pa.array(matched))
        else:
            words = self.samples.fields[split.group].take(pa.array(rows))
        yield from split_words(self.layout, split, words, rows, self.values)

    def _tell_lost(self, name: str, listed: pa.Array, matched: Rows) -> None:
        missed = np.ones(len(listed), bool)
        missed[matched] = False
        lost = np.flatnonzero(missed)
        if len(lost):
            what = "identities" if self.annotation.join in ("identity", "rank") else "files"
            first = printable(listed[int(lost[0])].as_py() or "an entry that names none")
            self._problem(
                "listed-missing",
                name,
                f"{len(lost):,} of {len(listed):,} listed {what} are not in the tree (first: {first})",
                len(lost),
            )

    def _missing(self, names: Sequence[str]) -> None:
        columns = self.annotation.columns
        fields = [c for c in columns if c in FIELDS and c != self.annotation.join]
        lost = (
            "boxes" if self.annotation.tells_boxes() else "captions" if "caption" in columns else " and ".join(fields)
        )
        lost = "splits" if self.annotation.split is not None else lost or "facts"
        self._problem("annotation-missing", " or ".join(names), f"not in the tree: the {lost} it tells are unknown")

    def _problem(self, kind: Any, where: str, message: str, count: int = 1) -> None:
        self.told.problems.append(Problem(kind, where, message, count))


def _spelt(value: Any) -> str | None:
    """A number as a label: 479.0, of a matrix that holds fractions elsewhere, is `479`; no number (NaN) is none."""
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() else str(value)
    return json.dumps(value) if isinstance(value, bool) else None if value is None or value == [] else str(value)


def _size(entries: Entries) -> int:
    return len(next(iter(entries.values()), []))


def _as_list(values: Any) -> list[Any]:
    return values.to_pylist() if isinstance(values, pa.Array) else list(values)


def split_words(
    layout: Layout, split: Source, words: pa.Array, rows: Rows, values: dict[str, str]
) -> Iterable[tuple[tuple[str, ...], Rows]]:
    """Words that name splits, one a row -> our names of splits, and the rows that each is for."""
    if not len(words):
        return
    encoded = words.dictionary_encode(null_encoding="encode")
    codes = encoded.indices.to_numpy()
    by_word = np.argsort(codes, kind="stable")
    chosen_rows = np.split(rows[by_word], np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))[:-1])
    for word, chosen in zip(encoded.dictionary.to_pylist(), chosen_rows, strict=True):
        own = split.values
        if split.otherwise is not None and word not in own:
            word, own = split.otherwise, {}
        if word:
            names = layout.standard_value("split", word, own)
            yield tuple(filled(name, values) for name in names), chosen


def _whole_identities(samples: Samples, rows: Rows) -> Rows:
    keys = samples.identity_keys()
    return np.flatnonzero(
        pc.is_in(keys, value_set=keys.take(pa.array(rows)).drop_null()).to_numpy(zero_copy_only=False)
    )
