"""Everything that a check looks at, one after the other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexer.checking.copies import copies
from indexer.checking.findings import HINTS, Finding, Links, hint
from indexer.checking.pictures import Look, unreadable
from indexer.checking.tree import compare_with_tree, files_of_samples
from indexer.checking.whole import open_whole
from indexer.errors import IndexDamagedError, TreeMissingError
from indexer.index_file import IndexFile, locate_index
from indexer.roots import root_of

Progress = Callable[[str, int], None]


@dataclass
class CheckReport:
    """What was looked at, and what was found."""

    index: Path
    data: Path
    """The dataset folder."""
    made_by: str = ""
    """The command that made the index of another one; empty: it was built of the tree."""
    files: int = 0
    compared: int = 0
    """Files whose content was compared with its digest."""
    pictures: int = 0
    """Samples that were opened."""
    copies_looked_for: bool = False
    links: Links = "within"
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def counts(self) -> dict[str, int]:
        """Kind → how many were found, in the order they are looked for."""
        return dict(Counter(finding.kind for finding in self.findings))

    def hints(self) -> dict[str, str]:
        """Kind → what to run, of those that were found."""
        return {
            kind: hint(kind, self.data, self.index, self.made_by, self.links) for kind in HINTS if kind in self.counts()
        }

    def to_json(self) -> dict[str, Any]:
        """As one JSON object (docs/cli.md)."""
        return {
            "schema": 1,
            "index": str(self.index),
            "data": str(self.data),
            "files": self.files,
            "compared": self.compared,
            "pictures": self.pictures,
            "copies_looked_for": self.copies_looked_for,
            "counts": self.counts(),
            "findings": [{"kind": f.kind, "where": f.where, "message": f.message} for f in self.findings],
            "hints": self.hints(),
            "remarks": self.remarks,
            "seconds": round(self.seconds, 3),
        }


def check_index(
    data: str | Path,
    *,
    deep: bool = False,
    images: Look | None = None,
    jobs: int = 1,
    on_progress: Progress = lambda what, count: None,
) -> CheckReport:
    """Whether an index is whole, and describes its tree as it is.

    Args:
        data: The dataset folder, or the index.
        deep: Read the content of every sample: compare it with its digest where there is one, and look for copies.
        images: How closely to look at each picture; None: not at all, or `decode` with `deep`.
        jobs: Threads that open pictures.
        on_progress: Told about long work.

    Raises:
        IndexMissingError: There is no index.
        IndexVersionError: It has a format this version does not read.
        TreeError: The tree is not there, or cannot be listed.
    """
    started = time.perf_counter()
    file = locate_index(data)
    on_progress("reading the index", 0)
    index, findings = open_whole(file)
    report = CheckReport(file, Path(data) if Path(data).is_dir() else file.parent, findings=findings)
    if index is None:
        with suppress(IndexDamagedError):  # a column may be damaged, and the rest tell where the tree is
            report.data = root_of(IndexFile(file), Path(data))
    else:
        _look_at_the_tree(report, index, Path(data), deep, images or ("decode" if deep else "none"), jobs, on_progress)
    report.seconds = time.perf_counter() - started
    return report


def _look_at_the_tree(
    report: CheckReport, index: IndexFile, data: Path, deep: bool, images: Look, jobs: int, on_progress: Progress
) -> None:
    root = root_of(index, data)
    if not root.is_dir():
        raise TreeMissingError(f"{root}: the dataset of {index.path} is not there; is it mounted?")
    report.data, report.made_by = root, index.metadata.made_by
    manifest = root / index.metadata.layout if not index.metadata.layout_digest else None
    of_tree = compare_with_tree(index, root, manifest, deep=deep, on_progress=on_progress)
    report.files, report.compared = of_tree.files, of_tree.compared
    report.findings += of_tree.findings
    report.remarks += of_tree.remarks
    report.links = of_tree.links
    gone = {finding.where for finding in of_tree.findings if finding.kind in ("removed", "moved")}
    if images != "none":
        paths = [path for path in files_of_samples(index).to_pylist() if path not in gone]
        report.pictures = len(paths)
        broken = unreadable(
            root,
            paths,
            images,
            links_outside=index.metadata.links_outside,
            jobs=jobs,
            on_progress=lambda n: on_progress("opening pictures", n),
        )
        report.findings += [Finding("picture", path, why) for path, why in broken]
    if deep or index.has("content_hash"):
        report.copies_looked_for = True
        report.findings += copies(index, root, on_progress=lambda n: on_progress("reading contents", n))
    else:
        report.remarks.append("copies of a content were not looked for: build with --hash, or check with --deep")
