"""The slow, obvious checker: what the sampler promises, in plain loops over Python objects.

Shares no code with the sampler: it reads the Parquet file with Arrow and counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import pyarrow.parquet as pq

from sampler_runtime.mapped import MappedIndex

Batch = Sequence[int]


class Truth:
    """The samples of a view as Python objects."""

    def __init__(self, index: MappedIndex) -> None:
        table = pq.read_table(index.path)
        rows = index.index_rows(__import__("numpy").arange(len(index))).tolist()
        self.modalities = index.modalities
        self.anchor = "rgb" if "rgb" in index.modalities else index.modalities[0]
        self.images = [m for m in index.modalities if m not in (self.anchor, "text")]
        self.pid = [table["pid"][r].as_py() for r in rows]
        self.camera = [table["camid"][r].as_py() for r in rows]
        self.tracklet = [table["tracklet"][r].as_py() for r in rows]
        self.kind = [frozenset(table["modality"][r].as_py().split("+")) for r in rows]
        self.rows_of: dict[int, list[int]] = defaultdict(list)
        for row, pid in enumerate(self.pid):
            if pid >= 0:
                self.rows_of[pid].append(row)

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

    def best_block(self, pid: int, each: str, k: int) -> int:
        """The most different rows that a block of K rows which meets `each` can have; 0: there is no such block."""
        from itertools import combinations_with_replacement

        cells: dict[tuple, list[int]] = defaultdict(list)
        for row in self.rows_of[pid]:
            cells[self.kind[row], self.camera[row]].append(row)
        best = 0
        for chosen in combinations_with_replacement(sorted(cells, key=str), k):
            if self.meets([cells[cell][0] for cell in chosen], each, k):
                best = max(best, sum(min(n, len(cells[cell])) for cell, n in Counter(chosen).items()))
        return best

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
