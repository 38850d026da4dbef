"""Files of a tree that look like lists -> what their columns probably are.

Only the first lines are looked at, and never an image. A column is what its header says, or what its values are found
to be: paths of images, or identities that the paths tell, too.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from indexer.sample_file import opened

LOOK: Final = 1 << 16
"""Bytes of a list that are looked at."""
ENDINGS: Final = ("txt", "csv", "tsv", "lst", "list", "json", "jsonl", "mat", "xml")
_SEPARATORS: Final = (",", ";", "|", "\t")
_ROWS: Final = 200
_HEADERS: Final = {
    "identity": "identity id pid person personid identityid individual individualid vehicle vehicleid label class target",
    "camera": "camera cam camid cameraid",
    "split": "split set part subset partition",
    "modality": "modality spectrum",
    "caption": "caption captions text description descriptions",
    "tracklet": "tracklet trackletid track trackid",
    "frame": "frame frameid",
    "view": "view viewpoint",
    "clothes": "clothes clothesid clothing",
}
_NO_PERSONS: Final = (
    "image",
    "img",
    "file",
    "frame",
    "photo",
    "video",
    "entity",
    "category",
    "color",
    "type",
    "model",
    "query",
)
_ID: Final = re.compile(r"(?i)(?:^|[^a-z])(?:p?ids?|identit(?:y|ies)|persons?)(?:$|[^a-z])")
"""Names of lists that hold identities."""
_MEANS: Final = {word: name for name, words in _HEADERS.items() for word in words.split()}


@dataclass(frozen=True)
class Known:
    """What the paths of the tree tell."""

    images: Sequence[str]
    labels: frozenset[str]
    """Identities."""
    by_name: dict[str, list[str]] = field(default_factory=dict)
    """File name, with and without its extension → paths."""
    numbers: frozenset[str] = frozenset()
    """Identities without leading zeros."""

    @classmethod
    def of(cls, images: Sequence[str], labels: frozenset[str]) -> Known:
        """From all image paths and all identity labels."""
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in images:
            name = path.rpartition("/")[2]
            for key in {name, name.partition(".")[0]}:
                by_name[key].append(path)
        return cls(images, labels, dict(by_name), frozenset(label.lstrip("0") or "0" for label in labels))


@dataclass(frozen=True)
class Look:
    """What a list seems to be."""

    format: str
    columns: dict[str, str] | list[str]
    """Our name → theirs, or our names in order."""
    join: str = ""
    """Empty: nothing in it was found in the tree."""
    key: str = ""
    at: str = ""
    separator: str = ""
    numeric: bool = False

    @property
    def names(self) -> list[str]:
        """Our names of its columns."""
        return list(self.columns)


def look_at(file: Path, known: Known) -> Look | None:
    """What a list holds; None if it cannot be told from its first lines."""
    ending = file.suffix.lower().lstrip(".")
    try:
        with opened(os.path.realpath(file)) as stream:
            head = stream.read(LOOK)
    except OSError:
        return None
    if ending == "mat" or b"\0" in head:
        return None
    text = head.decode("utf-8-sig", "replace") if ending != "xml" else head.decode("latin-1")
    if len(head) == LOOK:  # the last line is cut off
        text = text.rpartition("\n")[0] or text
    try:
        if ending in ("json", "jsonl"):
            return _look_at_objects(text, ending, known)
        if ending == "xml":
            return _look_at_elements(text, known)
        return _look_at_lines(text, ending, known, bool(_ID.search(file.stem)))
    except (ValueError, RecursionError, csv.Error):
        return None


# --------------------------------------------------------------------------------------------------------- columns


def _found(values: Sequence[str], known: Known) -> tuple[str, str] | None:
    """How the paths among a column's values are completed: what stands before and behind them in the tree."""
    ways: Counter[tuple[str, str]] = Counter()
    alone = True
    for value in values:
        path = re.sub(r"^(?:\./)+", "", value.strip().replace("\\", "/"))
        reals = known.by_name.get(path.rpartition("/")[2], ()) if path else ()
        alone = alone and len(reals) <= 1 and "/" not in path
        for real in reals[:9]:
            if real == path or real.endswith("/" + path):
                ways[real[: len(real) - len(path)], ""] += 1
            elif (stem := _without_extension(real)) == path or stem.endswith("/" + path):
                ways[stem[: len(stem) - len(path)], real[len(stem) :]] += 1
    if not ways or sum(ways.values()) < 0.5 * len(values):
        return None
    (before, behind), count = max(ways.items(), key=lambda way: (way[1], way[0]))
    rivals = sum(n >= 0.9 * count for n in ways.values())
    if count < 0.5 * len(values) or rivals > 2 or (before and not behind and alone):
        return "*", behind  # by the name alone
    return before, behind


def _without_extension(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + name.partition(".")[0]


def _means(theirs: str) -> str:
    """Our word for a header.

    >>> _means("Vehicle_ID"), _means("width")
    ('identity', '')
    """
    found = _MEANS.get(re.sub(r"[^a-z]", "", theirs.lower()))
    if found is None and (named := re.fullmatch(r"([a-z]+?)_?id", re.sub(r"[^a-z_]", "", theirs.lower()))):
        return "" if named[1] in _NO_PERSONS else "identity"  # turtle_id
    return found or ""


def _settle_identity(ours: list[str], values: list[list[str]]) -> None:
    """Of several columns that may hold identities, one; and none whose values never recur."""
    here = [i for i, name in enumerate(ours) if name == "identity"]
    recur = [i for i in here if len(set(values[i])) <= len(values[i]) / 1.2 or len(values[i]) < 5]
    best = max(recur, key=lambda i: (len(set(values[i])), -i), default=None)
    for i in here:
        if i != best:
            ours[i] = ""


def _are_numbers(column: Sequence[str]) -> bool:
    return all(value.strip().isdecimal() for value in column)


def _labelled(column: Sequence[str], known: Known) -> float:
    """Share of a column's values that are identities, leading zeros or not."""
    return sum((value.strip().lstrip("0") or "0") in known.numbers for value in column) / len(column)


def _make(
    kind: str, theirs: list[str], rows: list[list[str]], known: Known, named_id: bool = False, **more: str
) -> Look:
    """Name the columns of a table: by their headers where it has such, by what is in them elsewhere."""
    values = [[row[i] for row in rows] for i in range(len(rows[0]))]
    ours = [_means(t) for t in theirs] if theirs else [""] * len(values)
    if not known.labels:
        _settle_identity(ours, values)
    join = key = ""
    numeric = False
    for i, column in enumerate(values):
        way = _found(column, known)
        if way is not None and not (_are_numbers(column) and (way[0] == "*" or _labelled(column, known) >= 0.8)):
            join = "name" if way[0] == "*" and not way[1] else "stem" if way[0] == "*" else "path"
            ours[i] = join
            key = "" if way[0] == "*" or way == ("", "") else f"{way[0]}{{path}}{way[1]}"
            break
    for i, column in enumerate(values) if not join else ():
        sure = named_id and _are_numbers(column)
        if ours[i] in ("", "identity") and (sure or _labelled(column, known) >= 0.8):
            join = ours[i] = "identity"
            numeric = not all(v.strip() in known.labels for v in column)
            break
    if join in ("path", "name", "stem") and "identity" not in ours and not known.labels:
        shared = [i for i, c in enumerate(values) if not ours[i] and 1 < len(set(c)) <= len(c) / 1.2]
        if shared:
            ours[max(shared, key=lambda i: len(set(values[i])))] = "identity"
    if join and known.labels and not theirs and len(values) == 2:  # the paths know better than a number beside them
        ours = [name or ("label" if _are_numbers(values[i]) else "") for i, name in enumerate(ours)]
    columns: dict[str, str] | list[str]
    if theirs:
        columns = {}
        for our, their in zip(ours, theirs, strict=True):
            if our or not join:
                columns.setdefault(our or their, their)
    else:
        columns = [o or f"column{i}" for i, o in enumerate(ours, 1)]
    return Look(kind, columns, join, key, numeric=numeric, **more)


# --------------------------------------------------------------------------------------------------------- formats


def _look_at_lines(text: str, ending: str, known: Known, named_id: bool) -> Look | None:
    lines = [line.strip("\r\n") for line in text.splitlines() if line.strip()][:_ROWS]
    if not lines:
        return None
    words = re.split(r"[\s,]+", text.strip())
    if (
        ending not in ("csv", "tsv")
        and all(w.isdecimal() for w in words)
        and (len(lines) == 1 or len(words) == len(lines))
    ):
        return _make("values", [], [[w] for w in words], known, named_id)
    wanted = {"csv": ",", "tsv": "\t"}.get(ending)
    separator = wanted or next((s for s in _SEPARATORS if s in lines[0] and _is_even(lines, s)), "")
    if separator:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        rows = [row for row in rows if len(row) == len(rows[0])]
    else:
        width = min(len(line.split()) for line in lines)
        if max(len(line.split()) for line in lines) > width and _found(lines, known):
            width = 1  # paths with blanks in them
        rows = [line.strip().rsplit(maxsplit=width - 1) for line in lines]
    header = rows[0]
    if len(rows) > 1 and separator in (",", "\t") and _is_header(header, rows[1:], known):
        return _make("tsv" if separator == "\t" else "csv", header, rows[1:], known)
    return _make("columns", [], rows, known, separator=separator)


def _is_even(lines: list[str], separator: str) -> bool:
    return len({line.count(separator) for line in lines}) == 1


def _is_header(header: list[str], rows: list[list[str]], known: Known) -> bool:
    if len(set(header)) < len(header) or not all(h.strip() for h in header) or _found(header, known):
        return False
    return (
        any(_means(h) for h in header)
        or any(
            not h.strip().isdecimal() and all(row[i].strip().isdecimal() for row in rows) for i, h in enumerate(header)
        )
        or any(_found([row[i] for row in rows], known) for i in range(len(header)))
    )


def _look_at_objects(text: str, ending: str, known: Known) -> Look | None:
    if ending == "jsonl":
        found = [json.loads(line) for line in text.splitlines() if line.strip()][:_ROWS]
        return _of_objects("jsonl", found, "", known)
    try:
        document = json.loads(text)
    except ValueError:
        document = _beginning(text)
    if isinstance(document, dict):
        lists = {k: v for k, v in document.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
        return next((look for k, v in lists.items() if (look := _of_objects("json", v[:_ROWS], k, known))), None)
    return _of_objects("json", document[:_ROWS], "", known) if isinstance(document, list) else None


def _beginning(text: str) -> Any:
    """The first objects of a document that is cut off."""
    decoder = json.JSONDecoder()
    start = re.match(r'\s*(?:\{\s*"((?:[^"\\]|\\.)*)"\s*:\s*)?\[\s*', text)
    if start is None:
        return None
    at = start.end()
    found: list[Any] = []
    while len(found) < _ROWS:
        try:
            entry, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        found.append(entry)
        gap = re.compile(r"\s*,\s*").match(text, at)
        if gap is None:
            break
        at = gap.end()
    return {start[1]: found} if start[1] is not None else found


def _of_objects(kind: str, found: list[Any], at: str, known: Known) -> Look | None:
    objects = [o for o in found if isinstance(o, dict)]
    if not objects or len(objects) < len(found):
        return None
    keys = [k for k in objects[0] if all(isinstance(o.get(k), (str, int, float, list)) for o in objects)]
    if not keys:
        return None
    return _make(kind, keys, [[str(o[k]) for k in keys] for o in objects], known, at=at)


def _look_at_elements(text: str, known: Known) -> Look | None:
    tags = re.findall(r"<(\w+)((?:\s+[\w-]+\s*=\s*\"[^\"]*\")+)\s*/?>", text)[: _ROWS * 2]
    if not tags:
        return None
    tag = Counter(name for name, _ in tags).most_common(1)[0][0]
    rows = [dict(re.findall(r"([\w-]+)\s*=\s*\"([^\"]*)\"", attributes)) for name, attributes in tags if name == tag]
    keys = [k for k in rows[0] if all(k in row for row in rows)]
    return _make("xml", keys, [[row[k] for k in keys] for row in rows], known, at=tag) if keys else None
