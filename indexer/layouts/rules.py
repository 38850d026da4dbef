"""Paths and a layout's rules -> samples: all paths at once, by RE2.

RE2 runs in time linear in the path, so that a pattern of a user's cannot hang a build; Arrow applies it to whole
columns at millions of paths a second.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.layouts.language.layout import Layout
from indexer.layouts.language.parts import AGAIN, IMAGE_EXTENSIONS, Pattern, Source, fill_column
from indexer.layouts.language.rule import Aside, Rule
from indexer.samples import FIELDS, no_text

_IMAGE = rf"\.(?:{'|'.join(IMAGE_EXTENSIONS)})$"

Rows = NDArray[np.int64]


@dataclass
class Taken:
    """What one rule took."""

    rows: Rows
    """Positions in the paths that were given."""
    fields: dict[str, pa.Array]
    splits: list[tuple[NDArray[np.bool_], tuple[str, ...]]]
    """Which of `rows` are in which splits."""
    group: pa.Array | None
    contradicting: Rows
    """Paths that a pattern fits but whose parts contradict each other: not taken."""
    composite: tuple[str, ...] = ()
    """Modalities that each picture shows side by side."""


def is_image(paths: pa.Array) -> NDArray[np.bool_]:
    """Which paths (extensions in lower case, `Listing.folded`) name images."""
    return _mask(pc.match_substring_regex(paths, _IMAGE))


def take_asides(asides: tuple[Aside, ...], paths: pa.Array, rows: Rows) -> tuple[dict[str, Rows], Rows]:
    """Set apart the files a layout knows and that are no samples.

    Returns:
        The positions by reason, and those that are left.
    """
    known: dict[str, Rows] = {}
    for aside in asides:
        here = matches(aside.match, paths, rows)
        known[aside.why] = np.concatenate([known.get(aside.why, rows[:0]), rows[here]])
        rows = rows[~here]
    return {why: taken for why, taken in known.items() if len(taken)}, rows


def matches(pattern: Pattern, paths: pa.Array, rows: Rows) -> NDArray[np.bool_]:
    """Which of the paths at `rows` a pattern fits."""
    return _mask(pc.match_substring_regex(paths.take(pa.array(rows)), pattern.regex))


def apply_rules(layout: Layout, paths: pa.Array, rows: Rows) -> tuple[list[Taken], Rows]:
    """Let each rule in turn take what it fits.

    Args:
        layout: Whose rules.
        paths: Relative to the dataset, extensions in lower case.
        rows: The positions to look at.

    Returns:
        What each rule took, and the positions no rule took.
    """
    taken = []
    for rule in layout.rule:
        if not len(rows):
            break
        result, rows = _apply(layout, rule, paths, rows)
        taken.append(result)
    return taken, rows


def _apply(layout: Layout, rule: Rule, paths: pa.Array, rows: Rows) -> tuple[Taken, Rows]:
    here = paths.take(pa.array(rows))
    found = _extracted(here, rule.match)
    fits = _mask(found.is_valid())
    if rule.unless is not None:
        fits &= ~matches(rule.unless, paths, rows)
    agree = fits.copy()
    for name in rule.match.groups:
        if name.endswith(AGAIN):
            agree &= _mask(pc.fill_null(pc.equal(found.field(name.removesuffix(AGAIN)), found.field(name)), False))
    at = pa.array(np.flatnonzero(agree))
    groups = {name: _null_if_empty(found.field(name).take(at)) for name in rule.match.groups}
    size = len(at)
    fields = {name: no_text(size) for name in FIELDS}
    splits: list[tuple[NDArray[np.bool_], tuple[str, ...]]] = []
    for name, source in rule.sources().items():
        if name == "split":
            splits = _split_words(layout, source, groups[source.group])
        else:
            fields[name] = _our_words(layout, name, source, groups[source.group])
    for name, template in rule.templates().items():
        words = fill_column(template, groups, size)
        if name == "split":
            splits = _split_words(layout, _AS_IT_IS, words)
        else:
            fields[name] = _our_words(layout, name, _AS_IT_IS, words)
    if rule.composite:
        fields["modality"] = pa.repeat(rule.composite[0], size)
    for name, constant in rule.constants().items():
        word = layout.standard_value(name, constant, {})
        if name == "split":
            splits = [(np.ones(size, bool), word)]
        else:
            fields[name] = pa.repeat(word[0], size)
    group: pa.Array | None = None
    if rule.aligned:
        group = pc.binary_join_element_wise(*(pc.fill_null(groups[g], "") for g in rule.aligned), "\x1f")
    return Taken(rows[agree], fields, splits, group, rows[fits & ~agree], rule.composite), rows[~agree]


def _extracted(paths: pa.Array, pattern: Pattern) -> pa.Array:
    """The groups of a pattern in every path. Many paths by two threads: RE2 needs no lock, and is the slow part."""
    if len(paths) < _MANY:
        return pc.extract_regex(paths, pattern.regex)
    half = len(paths) // 2
    with ThreadPoolExecutor(1) as other:
        later = other.submit(pc.extract_regex, paths.slice(half), pattern.regex)
        return pa.concat_arrays([pc.extract_regex(paths.slice(0, half), pattern.regex), later.result()])


_MANY = 20_000
_AS_IT_IS = Source.model_validate({"from": "template"})


def _our_words(layout: Layout, field: str, source: Source, values: pa.Array) -> pa.Array:
    """A column of the dataset's words in ours."""
    if not (source.values or source.otherwise or field in layout.values or field == "modality"):
        return values  # nothing to translate, and perhaps a million different words
    encoded = values.dictionary_encode()
    words = [_translate(layout, field, source, word)[0] for word in encoded.dictionary.to_pylist()]
    return pa.array(words, pa.string()).take(encoded.indices)


def _split_words(layout: Layout, source: Source, values: pa.Array) -> list[tuple[NDArray[np.bool_], tuple[str, ...]]]:
    encoded = values.dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    words = encoded.dictionary.to_pylist()
    return [(codes == code, _translate(layout, "split", source, word)) for code, word in enumerate(words)]


def _translate(layout: Layout, field: str, source: Source, word: str) -> tuple[str, ...]:
    if source.otherwise is not None and word not in source.values:
        return layout.standard_value(field, source.otherwise, {})
    return layout.standard_value(field, word, source.values)


def _null_if_empty(values: pa.Array) -> pa.Array:
    """An optional group that took no part is an empty text to RE2; to us it tells nothing."""
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)
