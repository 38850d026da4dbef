"""An index -> its statistics: who can be paired, who is complete, what each split holds.

Counted over the runs of the index (`runs`): an identity's rows lie together, so its file is passed over once, whatever the
number of splits; once more for the cameras, which change from row to row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from indexer.distinct import distinct
from indexer.errors import SettingsError, did_you_mean
from indexer.index_file import IndexFile
from indexer.inspection.cameras import NO_CAMERA as NO_CAMERA
from indexer.inspection.cameras import samples_by_camera
from indexer.inspection.nobody import Nobody
from indexer.inspection.runs import Runs, find_runs
from indexer.schema import Pairing, mask_names, modality_mask
from indexer.vocabulary import resolve_modality, standard_split

QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Counts:
    """How often a modality (or camera) occurs."""

    identities: int
    samples: int


@dataclass(frozen=True)
class Distribution:
    """Samples of an identity: minimum, quartiles, maximum, mean, and how many identities have how many."""

    quartiles: tuple[float, ...]
    mean: float
    histogram: tuple[tuple[int, int, int], ...]
    """(from, to, identities), both ends included; the bins double in width."""


@dataclass(frozen=True)
class SplitFacts:
    """What one split, or the whole index, holds."""

    samples: int
    identities: int
    """Distinct pids; distractors, junk and hidden identities have none."""
    pairable: int
    complete: int
    batches_per_epoch: int
    each: str
    """The group contract the batches are counted for: `pair` where the dataset has a pairing, else `any`."""
    modalities: dict[str, Counts]
    combinations: dict[str, int]
    """Modalities of an identity (`rgb+nir`) → number of identities."""
    per_identity: Distribution
    roles: dict[str, int]
    """distractor, junk, and `hidden` for samples whose identity the dataset does not tell."""

    @property
    def pairable_share(self) -> float:
        """Pairable identities among all, 0 to 1."""
        return self.pairable / self.identities if self.identities else 0.0

    @property
    def complete_share(self) -> float:
        """Complete identities among all, 0 to 1."""
        return self.complete / self.identities if self.identities else 0.0


@dataclass(frozen=True)
class Statistics:
    """Everything `reidindex stats` tells."""

    runs: Runs
    selected: str
    """The split of `facts`, or `all`."""
    facts: SplitFacts
    splits: dict[str, SplitFacts]
    cameras: dict[str, dict[str, int]]
    """Camera → image modality → samples, in the selected split; `none told` for samples without."""
    pairing: Pairing
    p: int
    k: int

    @property
    def index(self) -> IndexFile:
        """The index they are of."""
        return self.runs.index

    def count(self, splits: str, what: str) -> int:
        """One number of `train+val`: `identities`, `samples`, a role, the samples of a modality, or `tracklets`,
        `captions`, `cameras`."""
        known = [s for s in splits.split("+") if s in self.splits]
        if len(known) < len(splits.split("+")):
            return 0
        if what in ("tracklets", "cameras", "captions"):
            return self._count_of_column(known, what)
        facts = (
            self.splits[splits]
            if len(known) == 1
            else split_facts(self._nobody, self.runs, known, self.pairing, self.p)
        )
        if what in ("identities", "samples"):
            return int(getattr(facts, what))
        found = facts.modalities.get(what)
        return found.samples if found else facts.roles.get(what, 0)

    def _count_of_column(self, splits: Sequence[str], what: str) -> int:
        rows = self.runs.rows(self.runs.among(splits))
        if what == "captions":
            captions = self.index.table(["captions"])["captions"].take(pa.array(rows))
            return int(pc.sum(pc.list_value_length(captions)).as_py() or 0)
        numbers = self.index.integers("tracklet" if what == "tracklets" else "camid").take(rows)
        return len(np.unique(numbers[numbers >= 0]))

    @cached_property
    def _nobody(self) -> Nobody:
        return Nobody.of(self.runs)


def statistics(
    index: IndexFile, *, split: str | None = None, pair: str | None = None, p: int = 8, k: int = 4
) -> Statistics:
    """The statistics of an index.

    Args:
        index: The opened index.
        split: `train`, `train+val`, `trial3/train`; None for all samples.
        pair: `rgb:nir,sketch`: what makes an identity pairable; None for the index's own pairing.
        p: Identities in a batch, for the expected batches.
        k: Instances of each identity; does not change the number of batches, an identity with fewer repeats some.

    Raises:
        SettingsError: No such split or modality, or P or K below 1.
    """
    for name, value in (("-p", p), ("-k", k)):
        if value < 1:
            raise SettingsError(f"{name}: expected at least 1, found {value}")
    pairing = parse_pairing(pair, index.metadata.modalities) if pair is not None else index.metadata.pairing
    runs = find_runs(index)
    nobody = Nobody.of(runs)
    splits = {name: split_facts(nobody, runs, [name], pairing, p) for name in index.metadata.splits}
    names = selected_splits(split, index.metadata.splits)
    facts = splits[names[0]] if len(names) == 1 else split_facts(nobody, runs, names, pairing, p)
    return Statistics(runs, "+".join(names) or "all", facts, splits, samples_by_camera(runs, names), pairing, p, k)


def selected_splits(split: str | None, known: Sequence[str]) -> list[str]:
    """The names in `train+val`, each checked.

    Raises:
        SettingsError: The index has no such split.
    """
    names = [standard_split(word) for word in split.split("+")] if split is not None else []
    for name in names:
        if name not in known:
            raise SettingsError(f"split: this index has no split {name!r}; {did_you_mean(name, known or ['(none)'])}")
    return names


def parse_pairing(text: str, modalities: Sequence[str]) -> Pairing:
    """`rgb:nir,sketch` → the pairing.

    Raises:
        SettingsError: It is not of that form, or names a modality the index has not.
    """
    anchor, colon, others = text.partition(":")
    if not colon or not anchor or not others:
        raise SettingsError(f"--pair: expected ANCHOR:OTHER,OTHER such as rgb:nir,sketch, found {text!r}")
    first, *names = (resolve_modality(word, modalities, setting="--pair") for word in (anchor, *others.split(",")))
    if len({first, *names}) <= len(names):
        raise SettingsError(f"--pair: a modality is named twice in {text!r}")
    return Pairing(first, tuple(names))


def split_facts(nobody: Nobody, runs: Runs, splits: Sequence[str], pairing: Pairing, p: int) -> SplitFacts:
    """The facts of the samples that are in any of `splits`; no splits: of all samples."""
    metadata, chosen = runs.index.metadata, runs.among(splits)
    sizes, masks = runs.sizes[chosen], runs.modalities[chosen]
    covered, per_pid = of_identities(runs, chosen)
    anchor = np.uint32(modality_mask([pairing.anchor], metadata.modalities))
    others = np.uint32(modality_mask(pairing.others, metadata.modalities))
    everything = np.uint32((1 << len(metadata.modalities)) - 1)
    pairable = _count(((covered & anchor) != 0) & ((covered & others) != 0))
    each = "pair" if pairing.others else "any"
    combinations, codes = distinct(covered)
    numbers = np.bincount(codes)
    by_size = sorted(zip(numbers.tolist(), combinations.tolist(), strict=True), reverse=True)
    samples = [int(sizes[(masks >> np.uint32(i)) & np.uint32(1) != 0].sum()) for i in range(len(metadata.modalities))]
    return SplitFacts(
        samples=int(sizes.sum()),
        identities=len(covered),
        pairable=pairable,
        complete=_count(covered == everything),
        batches_per_epoch=(pairable if each == "pair" else len(covered)) // p,
        each=each,
        modalities={
            name: Counts(_count((covered >> np.uint32(i)) & np.uint32(1)), samples[i])
            for i, name in enumerate(metadata.modalities)
            if samples[i]
        },
        combinations={"+".join(mask_names(mask, metadata.modalities)): n for n, mask in by_size},
        per_identity=distribution(per_pid),
        roles=nobody.count(splits),
    )


def of_identities(runs: Runs, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """What each identity of some runs covers, and how many samples it has there.

    Args:
        runs: Of the index.
        chosen: Which of them, shape `(runs,)`.

    Returns:
        Modality bits and samples, each of shape `(identities,)`, pids ascending.
    """
    known = chosen & (runs.pid >= 0)
    pid = runs.pid[known]
    covered = np.zeros(runs.index.metadata.identities, np.uint32)
    np.bitwise_or.at(covered, pid, runs.modalities[known])
    # as floating point, which counts exactly up to 2**53
    per_pid = np.bincount(pid, weights=runs.sizes[known], minlength=len(covered)).astype(np.int64)
    here = per_pid > 0
    return covered[here], per_pid[here]


def distributions(runs: Runs, splits: Sequence[str]) -> dict[str, Distribution]:
    """Modality → samples of it that an identity has, among those identities that have any; no splits: in the whole index."""
    names, chosen = runs.index.metadata.modalities, runs.among(splits)
    found = {}
    for bit, name in enumerate(names):
        have = chosen & ((runs.modalities >> np.uint32(bit)) & np.uint32(1) != 0)
        if have.any():
            found[name] = distribution(of_identities(runs, have)[1])
    return found


def _count(yes: NDArray[Any]) -> int:
    return int(np.count_nonzero(yes))


def distribution(per_pid: NDArray[np.int64]) -> Distribution:
    """How samples are distributed over identities, from the samples of each, shape `(identities,)`."""
    if not len(per_pid):
        return Distribution((), 0.0, ())
    edges = [1]
    while edges[-1] <= per_pid.max():
        edges.append(edges[-1] * 2)
    counts, _ = np.histogram(per_pid, np.array(edges))
    bins = [(a, b - 1, int(n)) for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    # np.histogram closes its last bin on both sides; the last edge lies above the maximum, so that changes nothing
    first = next(i for i, b in enumerate(bins) if b[2])
    return Distribution(
        tuple(float(q) for q in np.quantile(per_pid, QUANTILES)), float(per_pid.mean()), tuple(bins[first:])
    )


def as_json(found: Statistics) -> dict[str, Any]:
    """The statistics as one JSON object (docs/cli.md)."""
    metadata = found.index.metadata
    return {
        "schema": 1,
        "index": str(found.index.path),
        "digest": metadata.digest,
        "layout": metadata.layout,
        "split": found.selected,
        "p": found.p,
        "k": found.k,
        "pairing": {"anchor": found.pairing.anchor, "others": list(found.pairing.others)},
        **_facts_json(found.facts),
        "splits": {name: _facts_json(facts) for name, facts in found.splits.items()},
        "cameras": found.cameras,
    }


def _facts_json(facts: SplitFacts) -> dict[str, Any]:
    distribution = facts.per_identity
    return {
        "samples": facts.samples,
        "identities": facts.identities,
        "pairable": {"identities": facts.pairable, "share": round(facts.pairable_share, 6)},
        "complete": {"identities": facts.complete, "share": round(facts.complete_share, 6)},
        "batches_per_epoch": facts.batches_per_epoch,
        "each": facts.each,
        "modalities": {
            name: {"identities": c.identities, "samples": c.samples} for name, c in facts.modalities.items()
        },
        "combinations": facts.combinations,
        "samples_per_identity": {
            **dict(zip(("min", "q1", "median", "q3", "max"), distribution.quartiles, strict=False)),
            "mean": round(distribution.mean, 3),
            "histogram": [{"from": a, "to": b, "identities": n} for a, b, n in distribution.histogram],
        },
        "roles": facts.roles,
    }
