"""A layout's lists, tables and documents -> splits, fields, captions and boxes of the samples they name.

`sources` reads them, `joining` finds the samples; here it is told. A list that names files which are not there is
reported with counts; one that cannot be read as what it should be is an error that names the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import AnnotationError, Problem
from indexer.layouts.boxes import add_boxes, boxes_of
from indexer.layouts.files import Files
from indexer.layouts.joining import Rows, match_entries, sample_word
from indexer.layouts.language.annotation import OWN, Annotation, Format, Numbers
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import Source, as_tuple, fill_column, filled, rounds, slots, span_of
from indexer.layouts.sources import Documents, Entries, read, read_numbers, whole_number
from indexer.layouts.sources.text import lines_of, text_of
from indexer.layouts.sources.words import as_list, sentences_of, spelt, words_of
from indexer.samples import FIELDS, Samples
from indexer.scan.listing import printable


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
            self.documents.forget()  # each of thousands is asked for once
            entries, lacking = self._read(name, path, kind)
            if lacking and kind != "xml":  # label files in XML hold an element for each thing that is there, or none
                empty.append(name)
            entries = self._narrowed(entries, name, path, kind)
            for column, found in entries.items():
                gathered.setdefault(column, []).extend(as_list(found))
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
        entries.update({column: as_list(values) for column, values in entries.items()})
        chosen = list(range(size))
        if annotation.entries is not None:
            first, last = span_of(annotation.entries)
            chosen = chosen[first - 1 : last]
            if size and not chosen:
                self._problem("annotation-missing", name, f"has {size:,} entries, and none of {annotation.entries}")
        if annotation.only is not None:
            chosen = self._chosen(annotation.only, name, path, kind, size)
        for column, words in annotation.where.items():
            chosen = [i for i in chosen if spelt(entries[column][i]) in as_tuple(words)]
        if len(chosen) < size or annotation.only is not None:
            entries.update({column: [values[i] for i in chosen] for column, values in entries.items()})
        if annotation.runs is not None:
            self._lay_out_runs(entries, name)
        for column, pattern in annotation.parse.items():
            words = words_of(entries[column], name)
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
                words = words_of(values, name)
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

    # ------------------------------------------------------------------------------------------------- telling

    def _tell(self, name: str, entries: Entries, columns: dict[str, pa.Array], matched: Rows, rows: Rows) -> None:
        if self.annotation.tells_boxes():
            boxes, empty = boxes_of(entries, name)
            if empty:
                self._problem("value", name, f"{empty:,} boxes have no width or no height: passed over", empty)
            boxes = boxes[matched]
            # one picture, one set of boxes: what is boxed already is no picture to box again
            use = boxes[:, 2] > 0
            if self.samples.box is not None:
                use &= self.samples.box[rows, 2] == 0
            matched, rows = matched[use], rows[use]
            self.told.samples, rows = add_boxes(self.samples, boxes[use], rows)
        for column in FIELDS:
            if column in columns and column != self.annotation.join:
                self._set(column, rows, columns[column].take(pa.array(matched)), name)
        if "caption" in entries:
            listed = as_list(entries["caption"])
            captions = [listed[i] for i in matched]
            known = [i for i, c in enumerate(captions) if c not in (None, "", [])]
            self.samples.add_captions(rows[known].tolist(), [sentences_of(captions[i], name) for i in known])
        if self.annotation.split is not None:
            marked = list(self._splits(columns, matched, rows))
            if self.annotation.reach == "identity":
                marked = [(names, _whole_identities(self.samples, chosen)) for names, chosen in marked]
            # all leave before any is marked: a sample may be listed for two splits
            for names, chosen in marked if self.annotation.replaces else ():
                self.samples.splits.leave(chosen, names)
            for names, chosen in marked:
                self.samples.splits.mark(chosen, names)

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


def _size(entries: Entries) -> int:
    return len(next(iter(entries.values()), []))


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
