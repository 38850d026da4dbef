"""What a check can find, and what helps against it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from indexer.schema import INDEX_NAME

Kind = Literal[
    "damaged", "unsealed", "inconsistent", "added", "removed", "rewritten", "moved", "content", "doubtful", "picture",
    "copy-identity", "copy-split",
]  # fmt: skip

Links = Literal["within", "followed", "left out"]
"""What of the links that lead out of a dataset folder: there are none, or nobody knows; the index was built so that they are followed; it
was not, and what is missed may lie behind them."""

TOLD: Final[dict[Kind, str]] = {
    "damaged": "the index does not hold what was written",
    "unsealed": "the index has no seal: another tool has written it anew, or its seal is damaged",
    "inconsistent": "rows of the index contradict each other or its metadata",
    "added": "files that the index does not know",
    "removed": "files that the index knows and that are gone",
    "rewritten": "files that have another size or time",
    "moved": "files that are elsewhere now",
    "content": "files whose content is another one, though size and time are the same",
    "doubtful": "files that may have been rewritten with their old size and time; there is no digest to tell",
    "picture": "samples that cannot be read as pictures",
    "copy-identity": "contents that are filed under several identities",
    "copy-split": "contents that are in training and held out",
}

HINTS: Final[dict[Kind, str]] = {
    "damaged": "{build}",
    "unsealed": "{build}",
    "inconsistent": "{build}",
    "added": "{update}",
    "removed": "bring the files back, or: {update}",
    "rewritten": "{update}",
    "moved": "{update}",
    "content": "bring the files back, or: {hash}",
    "doubtful": "{hash}, which a later check can compare with",
    "picture": "fetch the files again, then: {update}",
    "copy-identity": "look at them with reidindex show {index} --identity LABEL; correct the labels or leave the files out",
    "copy-split": "leave the copies out of one of the splits",
}
"""What to run or do, by kind."""


def hint(kind: Kind, data: Path, index: Path, made_by: str, links: Links = "within") -> str:
    """What to run against one kind of finding.

    Args:
        kind: What was found.
        data: The dataset folder.
        index: The index file.
        made_by: The command that made it of another index: only this one can be built or updated.
        links: Whether links lead out of the folder.
    """
    where = shlex.quote(str(data))
    if index.parent != data or index.name != INDEX_NAME:
        where += f" -o {shlex.quote(str(index))}"
    if links != "within":
        where += " --links-outside"
    words = {
        "build": f"reidindex build {where} --force",
        "hash": f"reidindex build {where} --hash --force",
        "update": f"reidindex update {shlex.quote(str(index))}",
    }
    if links == "left out":
        words["update"] = f"{words['build']}, if you trust the links that lead out of the folder"
    if made_by:
        words = dict.fromkeys(words, f"see to the index that this one was made of, then again: reidindex {made_by}")
    return HINTS[kind].format(index=shlex.quote(str(index)), **words)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    kind: Kind
    where: str
    """A path, or the index."""
    message: str = ""
    """What more there is to say."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.message else self.where
