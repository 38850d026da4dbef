"""`[[queries]]`: queries of several items each, as a benchmark lists them."""

from __future__ import annotations

from pydantic import model_validator

from indexer.layouts.language.parts import Model, PatternField, Word, check_inside, check_slots


class Queries(Model):
    """A JSON file of query sets: each query names the files, or holds the sentences, that together ask for somebody.

    Either one object, set → list of `[label, item, item …]`, or a list of objects with the keys `set_key` and
    `items_key`.
    """

    file: Word
    sets: PatternField
    """Which names are sets; its group `items` says what the items are: modalities, in the items' order."""
    separator: Word = "+"
    """Between the modalities in a set's name."""
    set_key: Word | None = None
    items_key: Word | None = None
    path: Word = "{item}"
    """A template: where a file that is named so lies."""
    labels: Word | None = None
    """A key of the same document whose list of `[label, path]` says whom a label means."""
    split: Word = "query"
    """Of the sentences: a query of text alone is no file, and becomes a sample of its own."""

    prefix: str = ""
    """Before the names of the sets, where two files have sets of one name: `test/`."""
    optional: bool = False

    @model_validator(mode="after")
    def _says_all(self) -> Queries:
        if "items" not in self.sets.groups:
            raise ValueError("sets: expected a group (?P<items>…), which says what the items are")
        if (self.set_key is None) != (self.items_key is None):
            raise ValueError("set_key and items_key go together: one of them alone tells nothing")
        check_slots("path", self.path, ["item"])
        if "{item}" not in self.path:
            raise ValueError("path: expected a template with {item}, or every item would be one file")
        check_slots("split", self.split, ())
        check_slots("file", self.file, ())
        check_inside("file", self.file)
        return self
