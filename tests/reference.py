"""The slow, obvious checker: what the sampler promises, in plain loops over Python objects.

Shares no code with the sampler: it reads the Parquet file with Arrow and counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from copy import copy
from itertools import combinations_with_replacement

import numpy as np
import pyarrow.parquet as pq

from sampler_runtime.joint import JointIndex
from sampler_runtime.mapped import MappedIndex

Batch = Sequence[int]
Each = str | Mapping[str, int]
COLUMNS = ("pid", "identity", "camid", "tracklet", "view", "modality")


def words_of(each: Each) -> str:
    """A contract in words."""
    return each if isinstance(each, str) else ", ".join(f"{name}=={count}" for name, count in each.items())


class Truth:
    """The samples of a view as Python objects; of several indexes side by side, one after the other."""

    def __init__(self, view: MappedIndex | JointIndex) -> None:
        self.modalities = view.modalities
        self.anchor = "rgb" if "rgb" in view.modalities else view.modalities[0]
        self.images = [m for m in view.modalities if m not in (self.anchor, "text")]
        self.pid: list[int] = []
        self.camera: list[object] = []
        self.tracklet: list[object] = []
        self.view: list[int] = []
        self.kind: list[frozenset[str]] = []
        self.source: list[str] = []
        self.label: list[str] = []
        first = 0
        for name, part in (view.parts if isinstance(view, JointIndex) else {"": view}).items():
            table = pq.read_table(part.path)
            rows = part.index_rows(np.arange(len(part))).tolist()
            told = {column: table[column].to_pylist() for column in COLUMNS}
            self.pid += [told["pid"][r] + first if told["pid"][r] >= 0 else -1 for r in rows]
            self.camera += [(name, told["camid"][r]) if told["camid"][r] >= 0 else -1 for r in rows]
            self.tracklet += [told["tracklet"][r] for r in rows]
            self.view += [told["view"][r] for r in rows]
            self.kind += [frozenset(told["modality"][r].split("+")) for r in rows]
            self.label += [told["identity"][r] for r in rows]
            self.source += [name] * len(rows)
            first += max(told["pid"], default=-1) + 1
        self._count()

    def _count(self) -> None:
        self.rows_of: dict[int, list[int]] = defaultdict(list)
        for row, pid in enumerate(self.pid):
            if pid >= 0:
                self.rows_of[pid].append(row)
        self._known: dict[Hashable, dict[Hashable, int]] = {}

    def at(self, order: Sequence[int]) -> Truth:
        """What a dataset holds that has the samples at these rows, in this order."""
        other = copy(self)
        for name in ("pid", "camera", "tracklet", "view", "kind", "label", "source"):
            setattr(other, name, [getattr(self, name)[row] for row in order])
        other._count()
        return other

    def without(self, pids: set[int]) -> Truth:
        """The same samples, of which those of some people are never to be drawn."""
        other = copy(self)
        other.pid = [-1 if pid in pids else pid for pid in self.pid]
        other._count()
        return other

    def meets(self, rows: Sequence[int], each: str, k: int) -> bool:
        """Whether some rows, taken together, are what `each` asks of a block."""
        kinds = [self.kind[r] for r in rows]
        present = frozenset().union(*kinds) if kinds else frozenset()
        if each == "any":
            return True
        if each == "rgb":
            return "rgb" in present
        if each not in ("pair", "complete"):
            return all(self._term_holds(term.strip(), rows, each, k) for term in each.split(","))
        if each == "pair":
            others = self.images or ["text"]
            return self.anchor in present and any(m in present for m in others)
        return set(self.modalities) <= present

    def _term_holds(self, term: str, rows: Sequence[int], each: str, k: int) -> bool:
        """One term of an expression, e.g. `nir|sketch>=1`, `rgb==2`, `cameras>=2`, `pair`."""
        found = re.fullmatch(r"([\w|]+)(>=|==)(\d+)", term)
        if found is None:
            return self.meets(rows, term, k)
        names, op, count = found[1], found[2], int(found[3])
        if names in ("cameras", "tracklets"):
            units = {self.camera[r] if names == "cameras" else self.tracklet[r] for r in rows}
            have = len(units - {-1})
        else:
            have = sum(bool(self.kind[r] & set(names.split("|"))) for r in rows)
        return have >= count if op == ">=" else have == count

    def wanted(self, each: Each) -> list[set[str]]:
        """The modalities that each term of a contract counts."""
        if isinstance(each, Mapping):
            return [set(names.split("|")) for names in each]
        presets = {
            "any": [],
            "rgb": [{"rgb"}],
            "pair": [{self.anchor}, set(self.images or ["text"])],
            "complete": [{modality} for modality in self.modalities],
        }
        found: list[set[str]] = []
        for term in each.split(","):
            name = re.split("[>=]", term)[0].strip()
            if name not in ("cameras", "tracklets"):
                found += presets.get(name, [set(name.split("|"))])
        return found

    def cell(self, row: int, each: Each) -> Hashable:
        """What a contract can see of a row; rows of one cell stand for each other."""
        met = tuple(bool(self.kind[row] & names) for names in self.wanted(each))
        return met, "cameras" in each and self.camera[row], "tracklets" in each and self.tracklet[row]

    def best_block(self, pid: int, each: Each, k: int) -> int:
        """The most different rows that a block of K rows which meets `each` can have; 0: there is no such block."""
        return max(self._blocks(pid, each, k).values(), default=0)

    def usable(self, pid: int, each: Each, k: int) -> set[int]:
        """The rows that a block of K rows which meets `each` can have without more repeats than it must."""
        best = self._blocks(pid, each, k)
        return {row for row in self.rows_of[pid] if best.get(self.cell(row, each)) == max(best.values(), default=0)}

    def _blocks(self, pid: int, each: Each, k: int) -> dict[Hashable, int]:
        """By trying all: the cells that blocks of K rows which meet `each` can have → the most different rows of one that does."""
        cells: dict[Hashable, list[int]] = defaultdict(list)
        for row in self.rows_of[pid]:
            cells[self.cell(row, each)].append(row)
        key = (words_of(each), k, frozenset((cell, min(len(rows), k)) for cell, rows in cells.items()))
        if key not in self._known:
            best = self._known[key] = {}
            for chosen in combinations_with_replacement(sorted(cells, key=str), k):
                if self.meets([cells[cell][0] for cell in chosen], words_of(each), k):
                    times = Counter(chosen)
                    rows = sum(min(n, len(cells[cell])) for cell, n in times.items())
                    best.update({cell: max(rows, best.get(cell, 0)) for cell in times})
        return self._known[key]

    def least_rows(self, pid: int, each: str) -> int:
        """The fewest rows of an identity that meet `each`; 0 if none do."""
        from itertools import combinations

        kinds = sorted({self.kind[r] for r in self.rows_of[pid]}, key=sorted)
        example = {kind: next(r for r in self.rows_of[pid] if self.kind[r] == kind) for kind in kinds}
        if each == "any":
            return 1
        for size in range(1, len(kinds) + 1):
            for chosen in combinations(kinds, size):
                if self.meets([example[kind] for kind in chosen], each, size):
                    return size
        return 0

    def eligible(self, each: str, k: int) -> set[int]:
        """The pids that can serve."""
        least = {pid: self.least_rows(pid, each) for pid in self.rows_of}
        if each == "complete":  # as many modalities as K permits
            return {pid for pid, n in least.items() if n}
        return {pid for pid, n in least.items() if 0 < n <= k}

    def check_batch(self, batch: Batch, p: int, k: int, each: str) -> None:
        """Guarantees 1, 2 and 3."""
        assert len(batch) == p * k
        blocks = [batch[i * k : (i + 1) * k] for i in range(p)]
        owners = [{self.pid[row] for row in block} for block in blocks]
        assert all(len(owner) == 1 for owner in owners), "a block of several people"
        pids = [owner.pop() for owner in owners]
        assert len(set(pids)) == p, "an identity twice in a batch"
        assert min(pids) >= 0, "a distractor was drawn"
        for pid, block in zip(pids, blocks, strict=True):
            if each == "complete" and self.least_rows(pid, each) > k:
                assert len({self.kind[row] for row in block}) == k, "a modality twice where not all have room"
            else:
                assert self.meets(block, each, k), f"a block without {each}"
            self._check_repeats(pid, block, k)

    def _check_repeats(self, pid: int, block: Batch, k: int) -> None:
        times = Counter(block)
        own = self.rows_of[pid]
        assert len(times) == min(len(own), k), "a row is repeated while another was not drawn"
        counts = [times[row] for row in own] if len(own) <= k else list(times.values())
        assert max(counts) - min(counts) <= 1, "some rows are repeated more than others"

    # ------------------------------------------------------------------------------- any contract, any setting

    def serving(self, each: Each, k: int, on_short: str = "repeat") -> set[int]:
        """The pids that can serve any contract."""
        least = k if on_short == "exclude" else 1
        return {
            pid
            for pid in self.rows_of
            if self.best_block(pid, each, k) >= least or (each == "complete" and self.least_rows(pid, each) > k)
        }

    def check_block(self, block: Batch, each: Each, k: int) -> int:
        """Guarantees 1, 2 and 3 for a block of any contract; whose it is."""
        (pid,) = {self.pid[row] for row in block}
        assert pid >= 0, "nobody's rows were drawn"
        assert len(block) == k
        if each == "complete" and not self.best_block(pid, each, k):
            assert len({self.kind[row] for row in block}) == k, "a modality twice where not all have room"
        else:
            assert self.meets(block, words_of(each), k), f"a block without {each}"
            best = self.best_block(pid, each, k)
            assert len(set(block)) == best, f"{len(set(block))} different rows where {best} can be"
        return pid

    def check_instances(self, block: Sequence[Sequence[int]], compose: Sequence[str], k: int, each: str = "any") -> int:
        """K composed instances of one person: full as can be, what was shot together together; whose they are."""
        (pid,) = {self.pid[row] for instance in block for row in instance if row >= 0}
        assert pid >= 0, "nobody's rows were drawn"
        assert len(block) == k
        name, _, least = each.partition(">=")  # any, or one modality
        assert each == "any" or sum(instance[compose.index(name)] >= 0 for instance in block) >= int(least)
        for instance in block:
            there = {row for row in instance if row >= 0}
            assert there, "an instance of nothing"
            for row in there:
                filled = [name for name, other in zip(compose, instance, strict=True) if other == row]
                assert filled == [name for name in compose if name in self.kind[row]], "an aligned row torn apart"
            for name, row in zip(compose, instance, strict=True):
                if row < 0:
                    taken = {other for there_row in there for other in self.kind[there_row]} & set(compose)
                    able = [other for other in self.rows_of[pid] if name in self.kind[other]]
                    assert all(self.kind[other] & taken for other in able), f"{name} is missing although it is there"
        return pid


class Tally:
    """How often rows and identities came, batch after batch; no row again before all others of its pool.

    Args:
        truth: The samples.
        pool: What rows of one pool of an identity have in common.
    """

    def __init__(self, truth: Truth, pool: list[Hashable]) -> None:
        self.truth = truth
        self.visits: Counter[int] = Counter(dict.fromkeys(truth.rows_of, 0))
        self.times: dict[Hashable, Counter[int]] = defaultdict(Counter)
        self.pool = [(pid, own) for pid, own in zip(truth.pid, pool, strict=True)]
        for row, key in enumerate(self.pool):
            self.times[key][row] = 0

    def add(self, block: Batch) -> None:
        """One visit: the rows of a block."""
        self.visits[self.truth.pid[block[0]]] += 1
        for row in block:
            self.times[self.pool[row]][row] += 1
        for key in {self.pool[row] for row in block}:
            times = self.times[key].values()
            assert max(times) - min(times) <= 1, f"a row again before all others of its pool: {key}"
