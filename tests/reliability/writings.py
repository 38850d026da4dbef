"""Every way in which the command line writes a file, ready to be tried again and again: the tree, the old file, the new one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sampler_runtime.mapped import open_index
from tests import trees
from tests.reliability.warm import Warm

OLD_TIME: Final = 1_600_000_000


@dataclass(frozen=True)
class Writing:
    """A command, and the file that it writes."""

    words: tuple[object, ...]
    out: Path
    """In a folder of its own, or in that of the dataset."""
    old: bytes | None
    """What it held before; None: it was not there."""
    new: bytes
    told: Path

    @property
    def folder(self) -> Path:
        return self.out.parent

    def put_back(self) -> None:
        """As it was before the command."""
        for left in self.folder.glob(".reidindex-*"):
            left.unlink()
        if self.old is None:
            self.out.unlink(missing_ok=True)
        else:
            self.out.write_bytes(self.old)
            os.utime(self.out, (OLD_TIME, OLD_TIME))
        self.told.write_bytes(b"")

    def content(self) -> bytes | None:
        return self.out.read_bytes() if self.out.exists() else None

    def left(self) -> list[str]:
        """Names beside it that are ours, and should not be there."""
        return sorted(p.name for p in self.folder.iterdir() if p.name.startswith("."))

    def said(self) -> str:
        """All that the command has printed, on one line."""
        return " ".join(self.told.read_text().split())


def _grown(data: Path) -> None:
    """Some more people, so that an earlier index is out of date."""
    trees.write(data, [f"bounding_box_train/{i:04d}_c{c}s1_{i:06d}_00.jpg" for i in (21, 22) for c in (1, 2)], b"x")
    for file in data.rglob("*"):
        os.utime(file, (OLD_TIME, OLD_TIME))


def prepared(
    warm: Warm, place: Path, words: Iterable[object], out: Path, before: Callable[[], None] | None = None
) -> Writing:
    """Find out what a command writes, over what `before` has left there."""
    told = place / "told"
    if before is not None:
        before()
    old = out.read_bytes() if out.exists() else None
    code = warm.run(*words, told=told)
    assert code == 0, told.read_text()
    new = out.read_bytes()
    assert new != old
    if out.suffix == ".parquet" and "export" not in words:
        open_index(out, verify="full")
    return Writing(tuple(words), out, old, new, told)


def first_build(warm: Warm, place: Path) -> Writing:
    data = trees.market(place / "data")
    _grown(data)
    return prepared(warm, place, ["build", data], data / "reidindex.parquet")


def rebuild(warm: Warm, place: Path) -> Writing:
    data = trees.market(place / "data")
    assert warm.run("build", data, told=place / "told") == 0
    return prepared(warm, place, ["build", data], data / "reidindex.parquet", lambda: _grown(data))


def hashed_rebuild(warm: Warm, place: Path) -> Writing:
    data = trees.market(place / "data")
    assert warm.run("build", data, told=place / "told") == 0
    return prepared(
        warm, place, ["build", data, "--hash", "--jobs", 2], data / "reidindex.parquet", lambda: _grown(data)
    )


def update(warm: Warm, place: Path) -> Writing:
    data = trees.market(place / "data")
    assert warm.run("build", data, "--hash", told=place / "told") == 0
    return prepared(
        warm, place, ["update", data, "--keep-pids", "--jobs", 1], data / "reidindex.parquet", lambda: _grown(data)
    )


def _made_of_an_index(*words: object, out: str) -> Callable[[Warm, Path], Writing]:
    def make(warm: Warm, place: Path) -> Writing:
        data = trees.market(place / "data")
        index = place / "data" / "reidindex.parquet"
        target = place / "made" / out
        target.parent.mkdir()

        def before() -> None:
            earlier = [index if word == "INDEX" else word for word in words]
            assert warm.run(*earlier, "-o", target, told=place / "told") == 0, (place / "told").read_text()
            _grown(data)
            assert warm.run("build", data, told=place / "told") == 0

        assert warm.run("build", data, told=place / "told") == 0
        filled = [index if word == "INDEX" else word for word in words]
        return prepared(warm, place, [*filled, "-o", target, "--force"], target, before)

    return make


def merge(warm: Warm, place: Path) -> Writing:
    for name in ("one", "two"):
        assert warm.run("build", trees.market(place / name), told=place / "told") == 0
    (place / "made").mkdir()
    out = place / "made" / "both.parquet"
    one, two = place / "one", place / "two"
    words = ["merge", one, two, "--name", f"{one}=a", "--name", f"{two}=b", "-o", out, "--force"]

    def before() -> None:
        shutil.copy(place / "one" / "reidindex.parquet", out)

    return prepared(warm, place, words, out, before)


BUILDS: Final = {"first build": first_build, "rebuild": rebuild, "hashed rebuild": hashed_rebuild, "update": update}
OTHERS: Final = {
    "merge": merge,
    "filter": _made_of_an_index("filter", "INDEX", "split == 'train'", out="filtered.parquet"),
    "split": _made_of_an_index("split", "INDEX", "--val", "0.5", out="split.parquet"),
    "export": _made_of_an_index("export", "INDEX", "--to", "csv", out="table.csv"),
    "report": _made_of_an_index("report", "INDEX", "-p", 2, "-k", 2, out="report.html"),
}
