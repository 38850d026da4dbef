"""THE CONTRACT: what an index holds. Columns, their types and meaning, the metadata document, the format version.

`docs/format.md` tells the same in prose and is tested against this file. Pure: opens nothing, so that every other
file of both packages can rest on it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import pyarrow as pa

from indexer.errors import IndexDamagedError, IndexVersionError
from indexer.vocabulary import RGB, TEXT

FORMAT_VERSION: Final = 1
INDEX_NAME: Final = "reidindex.parquet"
METADATA_KEY: Final = b"reidindex"
OUR_HIDDEN: Final = ".reidindex-"
"""Begins the name of every hidden file that is made beside one that is being written."""

MAX_MODALITIES: Final = 32
MAX_SPLITS: Final = 64
MAX_VIEWS: Final = 255
MAX_IDENTITIES: Final = 2**31 - 1
UNKNOWN: Final = -1
"""pid, camid, tracklet, frame, clothes, size and mtime_ns where the dataset tells none. (`view` uses 0.)"""

_TEXT_CODE: Final = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the index."""

    name: str
    type: pa.DataType
    meaning: str
    nullable: bool = False
    mapped: bool = False
    """Written so that a reader can map it from the file: required, PLAIN, uncompressed, one page a row group."""
    content: bool = True
    """Belongs to the content digest. Size and mtime do not: a copied dataset gives the same batches."""
    optional: bool = False
    """Only in files of datasets that have such a thing."""

    @property
    def itemsize(self) -> int:
        """Bytes of a value as Parquet stores it: its physical integers have 4 or 8."""
        return 8 if self.type.bit_width == 64 else 4

    @property
    def dtype(self) -> str:
        """The NumPy dtype of the mapped values."""
        sign = "u" if pa.types.is_unsigned_integer(self.type) else "i"
        return f"<{sign}{self.itemsize}"


COLUMNS: Final[tuple[Column, ...]] = (
    Column("path", pa.string(), "the sample's file, relative to the root, `/` between folders; unique but for boxes and sentences",
           mapped=True),
    Column("path_end", pa.int64(), "running sum of the byte lengths of `path`: finds a path in the mapped page",
           mapped=True, content=False),
    Column("aligned", pa.list_(pa.struct([pa.field("modality", pa.string()), pa.field("path", pa.string())])),
           "the other files of an aligned set (RGB + NIR + TIR shot together)", nullable=True),
    Column("captions", pa.list_(pa.string()), "sentences that describe this very sample", nullable=True),
    Column("identity", _TEXT_CODE, "the dataset's own label, as text, as found; null where hidden", nullable=True),
    Column("pid", pa.int32(), "number of the identity, contiguous from 0, train's first; -1: never sampled",
           mapped=True),
    Column("role", _TEXT_CODE, "`distractor` or `junk`: kept and counted, pid -1; else null", nullable=True),
    Column("modality", _TEXT_CODE, "readable form of `modalities`, e.g. `rgb`, `rgb+text`"),
    Column("modalities", pa.uint32(), "bit i: the sample has the i-th modality of the metadata", mapped=True),
    Column("camera", _TEXT_CODE, "the dataset's camera, as text; null where it tells none", nullable=True),
    Column("camid", pa.int16(), "number of the camera, contiguous from 0; the same camera of two sources is two; -1: none told",
           mapped=True),
    Column("split", _TEXT_CODE, "readable default splits, e.g. `train`, `query+gallery`; null: in none",
           nullable=True),
    Column("splits", pa.uint64(), "bit i: the sample is in the i-th split of the metadata", mapped=True),
    Column("view", pa.uint8(), "position in the metadata's views (front, back, side …); 0: unknown", mapped=True),
    Column("tracklet", pa.int32(), "number of the tracklet; -1: none told", mapped=True),
    Column("frame", pa.int32(), "frame number; -1: none told", mapped=True),
    Column("clothes", pa.int16(), "number of the outfit; -1: none told", mapped=True),
    Column("source", _TEXT_CODE, "dataset or sub-dataset the sample comes from; null where there is one only",
           nullable=True),
    Column("size", pa.int64(), "bytes of the file; -1: not looked at", mapped=True, content=False),
    Column("mtime_ns", pa.int64(), "time of its last change, ns since 1970; -1: not looked at", mapped=True,
           content=False),
    Column("box", pa.list_(pa.int32()), "x, y, width, height in pixels of the sample within its picture; null: the whole of it",
           nullable=True, optional=True),
    Column("queries", pa.list_(pa.int32()), "numbers of the queries that the sample is an item of, see `query_sets`",
           nullable=True, optional=True),
    Column("width", pa.int32(), "pixels of the sample's file as it lies there; null: not readable", nullable=True, content=False,
           optional=True),
    Column("height", pa.int32(), "likewise", nullable=True, content=False, optional=True),
    Column("mode", _TEXT_CODE, "Pillow's name of the file's pixels: `RGB`, `L`, …; null: not readable", nullable=True, content=False,
           optional=True),
    Column("content_hash", pa.binary(16), "first 16 bytes of the SHA-256 of the sample's file; null: not readable", nullable=True,
           content=False, optional=True),
)  # fmt: skip

BY_NAME: Final[Mapping[str, Column]] = {c.name: c for c in COLUMNS}


def schema_with(optional: Collection[str] = ()) -> pa.Schema:
    """The schema of an index file that has these of the optional columns."""
    columns = [c for c in COLUMNS if not c.optional or c.name in optional]
    return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in columns])


SCHEMA: Final[pa.Schema] = schema_with()
MAPPED: Final[tuple[str, ...]] = tuple(c.name for c in COLUMNS if c.mapped)
MAPPED_INTEGERS: Final[tuple[str, ...]] = tuple(name for name in MAPPED if name != "path")


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which modalities make an identity pairable: the anchor and at least one of the others."""

    anchor: str = RGB
    others: tuple[str, ...] = ()

    @classmethod
    def default(cls, modalities: Sequence[str]) -> Pairing:
        """RGB (or the first modality) against every other *image* modality; text only when there is no other.

        Text is attached to nearly every image: counting it would make every identity look pairable.
        """
        anchor = RGB if RGB in modalities else modalities[0]
        images = tuple(m for m in modalities if m not in (anchor, TEXT))
        return cls(anchor, images or tuple(m for m in modalities if m == TEXT != anchor))

    def __str__(self) -> str:
        return f"{self.anchor}:{','.join(self.others)}"


@dataclass(frozen=True, slots=True)
class SplitRun:
    """Rows `start` to `stop` (excluded) have exactly the default splits `splits`. The file is sorted by them."""

    splits: tuple[str, ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Queries `first` to `last` (excluded) of the column `queries` are a benchmark's set of this name."""

    name: str
    """`TEXT+NIR`: as the benchmark calls it."""
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Bytes of the index file that Parquet knows nothing of: `size` from `start` on."""

    start: int
    size: int
    sha256: str
    """Of the bytes, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class IndexMetadata:
    """The JSON document that travels in the file under the key `reidindex`."""

    tool: str
    layout: str
    layout_digest: str
    modalities: tuple[str, ...]
    """In bit order."""
    splits: tuple[str, ...]
    """In bit order; `train` belongs to the default protocol, `trial3/train` to the protocol `trial3`."""
    views: tuple[str, ...]
    """`view` 1 is `views[1]`; `views[0]` is the empty word, unknown."""
    pairing: Pairing
    samples: int
    identities: int
    """Number of pids; all of them are below it."""
    split_runs: tuple[SplitRun, ...]
    fingerprint: str
    """Digest of the listing the index was made from: tells a stale index."""
    root: str = "."
    """Folder the paths are relative to, seen from the index file's folder."""
    digest: str = ""
    """Digest of the content, the words above included: batches depend on it, not on sizes and times of files."""
    format: int = FORMAT_VERSION
    protocol: str = ""
    """The protocol whose splits are also the plain `train`, `query` …; empty where there is none."""
    query_sets: tuple[QuerySet, ...] = ()
    """Sets of queries of several items each; the column `queries` tells the items."""
    made_by: str = ""
    """How another index was turned into this one: `filter "modality == 'rgb'"`; empty: built from a tree."""
    kept_pids: bool = False
    """Identities that an earlier index knew have kept their pids: train's need not come first, and some may be nobody's."""
    links_outside: bool = False
    """Links that lead out of the dataset folder were followed, and are when its samples are read."""
    beside: Extent | None = None
    """Where the files of the tree are told that are no sample's `path`; None: there are none, or nobody listed the tree."""

    def to_json(self) -> bytes:
        """The document as canonical JSON: the same metadata gives the same bytes."""
        told = {name: value for name, value in asdict(self).items() if value or name not in _ONLY_IF_TOLD}
        return json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, document: bytes, *, where: str) -> IndexMetadata:
        """Parse and check the document.

        Raises:
            IndexVersionError: Written by a later format.
            IndexDamagedError: It is not such a document.
        """
        try:
            raw = json.loads(document, object_pairs_hook=_once_each, parse_constant=_no_number)
            version = _number(raw["format"], "format")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise IndexDamagedError(f"{where}: its reidindex metadata cannot be read ({error}); rebuild it") from None
        if version != FORMAT_VERSION:
            raise IndexVersionError(
                f"{where}: index format {version}, this reidindex reads {FORMAT_VERSION}; "
                + ("install a newer reidindex" if version > FORMAT_VERSION else "rebuild it with `reidindex build`")
            )
        try:
            known = {f.name for f in fields(cls)}  # a later version of the same format may tell more
            metadata = cls(**{name: value for name, value in {**raw, **_structured(raw)}.items() if name in known})
            metadata._check()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexDamagedError(f"{where}: its reidindex metadata is malformed ({error}); rebuild it") from None
        return metadata

    def _check(self) -> None:
        for f in fields(self):
            if f.type == "str":
                _text(getattr(self, f.name), f.name)
            if f.type == "int":
                _number(getattr(self, f.name), f.name)
            if f.type == "bool" and not isinstance(getattr(self, f.name), bool):
                raise TypeError(f"{f.name} is not true or false")
        if self.beside is not None and not (self.beside.start >= 0 and self.beside.size >= 0):
            raise ValueError("beside does not lie within the file")
        if not 0 < len(self.modalities) <= MAX_MODALITIES or len(self.splits) > MAX_SPLITS:
            raise ValueError("too few or too many modalities or splits")
        if not 0 < len(self.views) <= MAX_VIEWS or self.views[0]:
            raise ValueError("views do not begin with the empty word, or are too many")
        for words in (self.modalities, self.splits, self.views, self.pairing.others):
            if len(set(words)) < len(words):
                raise ValueError("a word is told twice")
        if not {self.pairing.anchor, *self.pairing.others} <= set(self.modalities):
            raise ValueError("pairing names what is no modality")
        position = 0
        for run in self.split_runs:
            if run.start != position or run.stop < run.start or not set(run.splits) <= set(self.splits):
                raise ValueError("split_runs do not tile the rows")
            position = run.stop
        queries = 0
        for one in self.query_sets:
            if one.first != queries or one.last < one.first:
                raise ValueError("query_sets do not tile the queries")
            queries = one.last
        if position != self.samples or not 0 <= self.identities <= MAX_IDENTITIES:
            raise ValueError("counts do not agree")
        if self.identities > self.samples and not self.kept_pids:
            raise ValueError("more identities than samples")


_ONLY_IF_TOLD: Final = ("query_sets", "made_by", "kept_pids", "links_outside", "beside")
"""Fields that most indexes have no use for."""


def _structured(raw: dict[str, Any]) -> dict[str, Any]:
    """The fields of the document that are not plain JSON values, with their types restored."""

    def words(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise TypeError("a list of words is not one")
        return tuple(map(_text, value))

    return {
        "modalities": words(raw["modalities"]),
        "splits": words(raw["splits"]),
        "views": words(raw["views"]),
        "pairing": Pairing(_text(raw["pairing"]["anchor"]), words(raw["pairing"]["others"])),
        "split_runs": tuple(
            SplitRun(words(r["splits"]), _number(r["start"]), _number(r["stop"])) for r in raw["split_runs"]
        ),
        "query_sets": tuple(
            QuerySet(_text(r["name"]), _number(r["first"]), _number(r["last"])) for r in raw.get("query_sets", ())
        ),
        "beside": Extent(_number(told["start"]), _number(told["size"]), _text(told["sha256"]))
        if (told := raw.get("beside")) is not None
        else None,
    }


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field is told twice")
    return found


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _number(value: Any, what: str = "a place") -> int:
    if type(value) is not int:  # not True either
        raise TypeError(f"{what} is not a number")
    if value.bit_length() > 63:
        raise ValueError(f"{what} is too large")
    return value


def _text(value: Any, what: str = "a word") -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is not text")
    value.encode()  # JSON can spell half a character
    return value


def modality_mask(names: Sequence[str], modalities: Sequence[str]) -> int:
    """Bits of `names` among `modalities`.

    >>> modality_mask(["nir", "text"], ["rgb", "nir", "sketch", "text"])
    10
    """
    return sum(1 << modalities.index(name) for name in names)


def mask_names(mask: int, names: Sequence[str]) -> tuple[str, ...]:
    """The names whose bits are set, in bit order.

    >>> mask_names(10, ["rgb", "nir", "sketch", "text"])
    ('nir', 'text')
    """
    return tuple(name for i, name in enumerate(names) if mask >> i & 1)
