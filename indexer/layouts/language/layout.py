"""The whole of a layout file: a dataset's way to name files, where its splits come from, what its paper counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator

from indexer.errors import did_you_mean
from indexer.layouts.language.annotation import Annotation
from indexer.layouts.language.draw import Draw
from indexer.layouts.language.parts import FIELDS, MOST_TABLES, Model, Words, as_tuple, check_values
from indexer.layouts.language.queries import Queries
from indexer.layouts.language.rule import Aside, Rule
from indexer.vocabulary import standard_modality, standard_split

Kind = Literal[
    "visible-infrared", "aligned", "person", "clothes", "text", "sketch", "vehicle", "video", "wildlife", "any"
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
COUNTED: Final = ("identities", "samples", "distractor", "junk", "tracklets", "captions", "cameras")
"""What a source may count, beside the samples of a modality."""


class Detection(Model):
    """How readily a layout is taken for the layout of a tree nobody named."""

    loose: bool = False
    """Fits much: taken only where no other layout fits."""
    min_identities: Annotated[int, Field(le=1 << 31)] = 0
    """With fewer, the folders that look like identities may be something else."""
    needs: Words = ()
    """Files and folders (`info/`) without which it is not taken; `a|b`: one of them."""
    marks: Words = ()
    """Likewise, where layouts fit alike: one all of whose marks are there is preferred."""
    yields_to: Words = ()
    """Layouts that are taken instead where they fit as well."""


class Layout(Model):
    """A dataset's way to name files, where its splits come from, and what its paper counts."""

    name: str
    title: str
    about: str
    kind: Kind = "any"
    source: str
    """Where the dataset is asked for."""
    rests_on: Literal["file lists", "documentation"] = "documentation"
    """What the layout was written from: lists of the real files, or what documents and loaders say of them."""
    counted: str = ""
    """Where the published counts come from."""
    tree: str = ""
    """Some files of the tree a user must have."""
    note: str = ""
    """What a user should know."""
    modalities: Words = ()
    """In bit order; none: those that are found, in canonical order."""
    rule: tuple[Rule, ...] = Field(min_length=1, max_length=MOST_TABLES)
    aside: tuple[Aside, ...] = Field((), max_length=MOST_TABLES)
    annotation: tuple[Annotation, ...] = Field((), max_length=MOST_TABLES)
    queries: tuple[Queries, ...] = Field((), max_length=MOST_TABLES)
    draw: tuple[Draw, ...] = Field((), max_length=MOST_TABLES)
    values: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {}
    """Field → the dataset's word → ours. Words that are not listed stay as they are."""
    roles: Mapping[Literal["distractor", "junk"], Words] = {}
    """Identity labels that are nobody."""
    default_protocol: str | None = None
    """`trial1`: its splits are also the plain `train`, `query`, …"""
    detect: Detection = Detection()
    published: Mapping[str, Mapping[str, Annotated[int, Field(ge=0, le=1 << 53)]]] = {}
    """Split (`train`, `train+val`) → what the source counts: `COUNTED`, or samples of a modality."""
    digest: str = ""

    @model_validator(mode="after")
    def _words_are_known(self) -> Layout:
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError("modalities: one of them is there twice")
        if any(r.aligned for r in self.rule) and any(r.composite for r in self.rule):
            raise ValueError("aligned and composite: a layout has sets of files, or pictures that show several at once")
        for word in self.modalities:
            if standard_modality(word) != word:
                near = standard_modality(word) or "a plain word such as rgb"
                raise ValueError(f"modalities: {word!r} is not a standard name; use {near!r}")
        for name, words in self.values.items():
            if name not in FIELDS:
                raise ValueError(f"values: there is no field {name!r}; {did_you_mean(name, FIELDS)}")
            check_values(name, words)
        for splits, counts in self.published.items():
            for word in counts:
                if word not in (*COUNTED, *self.modalities):
                    raise ValueError(f"published.{splits}: nothing is counted as {word!r}")
        if not any(r.tells("identity") for r in self.rule) and not any(
            "identity" in {*a.columns, *a.captured()} and a.join != "identity" for a in self.annotation
        ):
            raise ValueError(
                "no rule has a group 'identity', written (?P<identity>…), and no annotation a column 'identity'"
            )
        return self

    def standard_value(self, field: str, word: str, own: Mapping[str, str | tuple[str, ...]]) -> tuple[str, ...]:
        """Our words for a dataset's word of a field: through the rule's or layout's table, then the vocabulary."""
        words = as_tuple(own.get(word, self.values.get(field, {}).get(word, word)))
        if field == "modality":
            return tuple(standard_modality(w) or w for w in words)
        if field == "split":
            return tuple(standard_split(w) for w in words)
        return words
