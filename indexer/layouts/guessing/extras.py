"""Files of a tree that are no images -> skeletons of a layout's annotations and asides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from indexer.layouts.guessing.lists import ENDINGS, Known, Look, look_at
from indexer.layouts.guessing.patterns import name_in, quoted
from indexer.layouts.guessing.shapes import escape
from indexer.layouts.guessing.words import split_of

_MOST_LISTS: Final = 10
_MOST_ASIDES: Final = 8
_LARGEST_FAMILY: Final = 20
"""More files that differ in a number alone are no lists of the dataset, but one a sample or a query."""
_TALK: Final = re.compile(
    r"(?i)(?:read_?me|licen[sc]e|copying|changelog|citation|description).*|.*\.(?:md|pdf|html?|docx?)"
)
_CODE: Final = re.compile(r"(?i).*\.(?:py|m|ipynb|sh|c|cpp|h|java|ya?ml)")


@dataclass(frozen=True)
class Extras:
    """What the rest of the tree adds to a layout."""

    lines: tuple[str, ...]
    remarks: tuple[str, ...]
    tells_identity: str = ""
    """The lists that tell the identities, where paths do not."""


@dataclass(frozen=True)
class _Family:
    """Lists that differ in a number alone, or a single one."""

    file: str
    """With `{n}` in the place of the number."""
    first: str
    """The path of one of them."""
    span: str = ""


def propose_extras(root: Path, files: Sequence[str], known: Known) -> Extras:
    """Skeletons for the files that are no images."""
    families, others = _families(files)
    told = {family.first.rpartition(".")[0] for family in families if not family.first.endswith(".mat")}
    twins = [f for f in families if f.first.endswith(".mat") and f.first[: -len(".mat")] in told]
    families = [f for f in families if f not in twins]
    others = sorted([*others, *(f.first for f in twins if not f.span)])
    looks = [(family, look_at(root / family.first, known)) for family in families]
    needed = [f for f, look in looks if not known.labels and _tells_identity(look)]
    lines: list[str] = []
    remarks: list[str] = []
    looks.sort(key=lambda x: (x[0] not in needed, x[1] is None or not x[1].join, x[0].file))
    for family, look in looks[:_MOST_LISTS]:
        lines += ["", *_annotation(family, look, active=family in needed)]
    if len(looks) > _MOST_LISTS:
        more = ", ".join(name_in(family.file) for family, _ in looks[_MOST_LISTS:][:5])
        remarks.append(f"{len(looks) - _MOST_LISTS:,} more files look like lists: {more} …")
    if looks:
        remarks.append(
            f"lists to check, fill in or set aside: {', '.join(name_in(f.file) for f, _ in looks[:_MOST_LISTS])}"
        )
    asides, left = _asides(others, {f.first for f in twins})
    lines += asides
    if left:
        remarks.append(f"neither image nor list, and in no aside: {', '.join(map(name_in, left[:5]))}")
    return Extras(tuple(lines), tuple(remarks), ", ".join(name_in(f.file) for f in needed[:_MOST_LISTS]))


def _tells_identity(look: Look | None) -> bool:
    return look is not None and look.join in ("path", "name", "stem") and "identity" in look.names


def _families(files: Sequence[str]) -> tuple[list[_Family], list[str]]:
    """Lists, those that differ in a running number together; and whatever else there is."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    others = []
    for file in files:
        name = PurePosixPath(file).name
        ending = name.rpartition(".")[2].lower()
        if ending in ENDINGS and "." in name and not _TALK.fullmatch(name):
            groups[re.sub(r"[0-9]+", "0", file)].append(file)
        else:
            others.append(file)
    families = []
    for members in groups.values():
        run = _run(members)
        if run is not None:
            families.append(run)
        elif len(members) > _LARGEST_FAMILY:
            others += members
        else:
            families += [_Family(member, member) for member in members]
    return sorted(families, key=lambda f: f.file), sorted(others)


def _run(members: list[str]) -> _Family | None:
    """Files numbered one after the other, without leading zeros."""
    if len(members) < 2:
        return None
    parts = [re.split(r"([0-9]+)", member) for member in members]
    differ = [i for i in range(len(parts[0])) if len({p[i] for p in parts}) > 1]
    if len(differ) != 1:
        return None
    at = differ[0]
    numbers = sorted((int(p[at]), p[at]) for p in parts)
    first, last = numbers[0][0], numbers[-1][0]
    if [str(n) for n in range(first, last + 1)] != [text for _, text in numbers] or "{" in members[0]:
        return None
    file = "".join([*parts[0][:at], "{n}", *parts[0][at + 1 :]])
    start = "".join([*parts[0][:at], numbers[0][1], *parts[0][at + 1 :]])
    return _Family(file, start, f"{first}..{last}")


def _annotation(family: _Family, look: Look | None, *, active: bool) -> list[str]:
    ending = family.first.rpartition(".")[2].lower()
    lines = ["[[annotation]]", f"file = {quoted(family.file)}"]
    if family.span:
        lines.append(f"each = {{ n = {quoted(family.span)} }}")
    if look is not None:
        if look.format != ending:
            lines.append(f"format = {quoted(look.format)}")
        elif ending in ("csv", "json"):
            lines.append(f"format = {quoted(ending)}")
        if look.separator:
            lines.append(f"separator = {quoted(look.separator)}")
        if look.at:
            lines.append(f"at = {quoted(look.at)}")
        lines += [f"columns = {_columns(look)}", f"join = {quoted(look.join or 'path')}"]
        if look.key:
            lines.append(f"key = {quoted(look.key)}")
        if look.numeric:
            lines.append("numeric = true")
    else:
        lines += ['columns = ["identity"]', 'join = "identity"']
    split = split_of(PurePosixPath(family.file).name)
    if look is not None and "split" in look.names:
        lines.append('split = { from = "split" }')
    elif split is not None:
        lines.append(f"split = {quoted(split if not family.span else f'trial{{n}}/{split}')}")
    if active:
        return ["# tells who is on which image: nothing in the paths does", *lines]
    return [f"# {_remark(family, look)}", *(f"# {line}" for line in lines)]


def _columns(look: Look) -> str:
    if isinstance(look.columns, dict):
        return "{ " + ", ".join(f"{ours} = {quoted(theirs)}" for ours, theirs in look.columns.items()) + " }"
    return "[" + ", ".join(map(quoted, look.columns)) + "]"


def _remark(family: _Family, look: Look | None) -> str:
    name = name_in(family.file)
    if look is None:
        return f"{name}: what it holds could not be told; say which columns it has"
    if not look.join:
        return f"{name}: nothing in its first lines was found in the paths; say what its columns are"
    what = {"identity": "identities", "path": "paths of images", "name": "names of images", "stem": "names of images"}[
        look.join
    ]
    return f"{name}: lists {what}; take the # away if it tells what you need"


def _asides(files: Sequence[str], twins: set[str]) -> tuple[list[str], list[str]]:
    """Skeletons that set files apart, folder by folder and ending by ending."""
    groups: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for file in files:
        path = PurePosixPath(file)
        ending = path.suffix.lower()
        if file in twins:
            groups["the same lists in another form", file.rpartition("/")[0], ending].append(file)
        elif _TALK.fullmatch(path.name):
            groups["documentation", file.rpartition("/")[0], path.name].append(file)
        else:
            why = "programs" if _CODE.fullmatch(path.name) else ""
            groups[why, file.partition("/")[0] if "/" in file else "", ending].append(file)
    lines = []
    for (why, folder, ending), members in sorted(groups.items())[:_MOST_ASIDES]:
        pattern = escape(_folded(members[0]))
        if len(members) > 1 or not why:
            below = f"{escape(folder)}/" if folder else ""
            pattern = pattern if len(members) == 1 else f"{below}.*{escape(ending)}" if ending else f"{below}.*"
        said = why or f"no images and no lists: say what {ending or 'these'} files are"
        lines += ["", "[[aside]]", f"match = '{pattern}'", f"why = {quoted(said)}"]
    rest = sorted(groups.items())[_MOST_ASIDES:]
    return lines, [member for _, members in rest for member in members]


def _folded(path: str) -> str:
    """As patterns see it: the extension in lower case."""
    folder, slash, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    return f"{folder}{slash}{stem}{dot}{extension.lower()}"
