"""A layout's lists, tables and documents -> splits, fields, captions and boxes of the samples they name.

`entries` reads them, `joining` finds the samples; here it is told. A list that names files which are not there is
reported with counts; one that cannot be read as what it should be is an error that names the line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.errors import AnnotationError, Problem, names_told
from indexer.layouts.boxes import add_boxes, boxes_of
from indexer.layouts.entries import Lists, size_of
from indexer.layouts.files import Files
from indexer.layouts.joining import Rows, match_entries, sample_word
from indexer.layouts.language.annotation import OWN, Annotation
from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import Source, fill_column, filled, rounds, slots
from indexer.layouts.sources import Documents, Entries
from indexer.layouts.sources.words import as_list, sentences_of, words_of
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
            lists = Lists(annotation, values, files, documents, told.used, told.problems)
            _Round(layout, annotation, values, lists, told).run()
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
    lists: Lists
    told: Told

    @property
    def samples(self) -> Samples:
        return self.told.samples

    def run(self) -> None:
        if self.annotation.join == "own":
            self._run_own()
            return
        name, path, kind = self.lists.found(self.annotation.files(), self.annotation.format_of)
        if path is None or kind is None:
            if not self.annotation.optional:
                self.lists.missing([filled(n, self.values) for n in self.annotation.files()])
            return
        entries, lacking = self.lists.read(name, path, kind)
        for place in lacking:
            self.lists.problem("annotation-missing", name, f"has no list {place!r}")
        columns = self._as_text(self.lists.narrowed(entries, name, path, kind), name)
        size = size_of(entries)
        matched, rows, listed = match_entries(self.annotation, columns, self.samples, self.values, size, name)
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
            path, kind = self.lists.files.path(name), self.annotation.format_of(name)
            if path is None or kind is None:
                lost.append(name)
                continue
            self.lists.documents.forget()  # each of thousands is asked for once
            entries, lacking = self.lists.read(name, path, kind)
            if lacking and kind != "xml":  # label files in XML hold an element for each thing that is there, or none
                empty.append(name)
            entries = self.lists.narrowed(entries, name, path, kind)
            for column, found in entries.items():
                gathered.setdefault(column, []).extend(as_list(found))
            rows += [row] * size_of(entries)
        if empty:
            places = " or ".join(map(repr, self.annotation.places()))
            self.lists.problem(
                "annotation-missing", template, f"{len(empty):,} have no list {places} (first: {empty[0]})", len(empty)
            )
        if lost and not self.annotation.optional:
            self.lists.problem(
                "annotation-missing", template, f"{len(lost):,} are not in the tree (first: {lost[0]})", len(lost)
            )
        if gathered:
            columns = self._as_text(gathered, template)
            self._tell(template, gathered, columns, np.arange(len(rows)), np.array(rows, np.int64))

    # ------------------------------------------------------------------------------------------------- words

    def _as_text(self, entries: Entries, name: str) -> dict[str, pa.Array]:
        """The columns that are words, as Arrow text; those that name fields in our words."""
        columns = {}
        for column, values in entries.items():
            if column not in ("caption", "box"):
                words = words_of(values, name)
                columns[column] = self._ours(column, words) if column in FIELDS else words
        size = size_of(entries)
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
                self.lists.problem("value", name, f"{empty:,} boxes have no width or no height: passed over", empty)
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
            self.lists.problem("contradiction", name, message, len(odd))
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
            first = names_told([listed[int(lost[0])].as_py() or "an entry that names none"])
            self.lists.problem(
                "listed-missing",
                name,
                f"{len(lost):,} of {len(listed):,} listed {what} are not in the tree (first: {first})",
                len(lost),
            )


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
