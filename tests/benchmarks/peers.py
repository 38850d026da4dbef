"""The sampler against its peers: one epoch of 16 × 4 of the same population, each time in a process of its own."""

from __future__ import annotations

import gc
import json
import math
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

P, K = 16, 4
OURS = "reidindex"
PATIENCE = 120
"""Seconds after which a process is ended."""
ENOUGH = 30
"""Seconds after which a sampler is not run again."""
WARM_UP = 320, 10
"""Rows and rows per identity of a first epoch that is not measured: first uses cost time of their own."""

SetUp = Callable[[], Iterable[list[int]]]
"""What is timed as set-up. The labels in the form that a peer wants are ready before."""


def _ours(labels: list[int], index: Path) -> SetUp:
    from sampler_runtime import PKBatchSampler, open_index

    return lambda: PKBatchSampler(open_index(index).select(split="train"), P, K, each="pair")


def _sentence_transformers(labels: list[int], index: Path) -> SetUp:
    from sentence_transformers.base.sampler import GroupByLabelBatchSampler
    from torch import Generator

    class Columns(dict[str, list[int]]):
        column_names = ("label",)

    settings = {"valid_label_columns": ["label"], "generator": Generator()}
    return lambda: GroupByLabelBatchSampler(Columns(label=labels), P * K, drop_last=True, **settings)


def _pytorch_metric_learning(labels: list[int], index: Path) -> SetUp:
    from pytorch_metric_learning.samplers import MPerClassSampler
    from torch.utils.data import BatchSampler

    return lambda: BatchSampler(  # an epoch as long as the data: the default is 100,000 rows
        MPerClassSampler(labels, K, P * K, length_before_new_iter=len(labels)), P * K, drop_last=True
    )


def _open_metric_learning(labels: list[int], index: Path) -> SetUp:
    _bare("oml", "oml.utils")
    from oml.samplers.balance import BalanceSampler

    return lambda: BalanceSampler(labels, P, K)


def _torchreid(labels: list[int], index: Path) -> SetUp:
    _bare("torchreid", "torchreid.reid", "torchreid.reid.data")
    from torch.utils.data import BatchSampler
    from torchreid.reid.data.sampler import RandomIdentitySampler

    items = [("", pid, 0, 0) for pid in labels]
    return lambda: BatchSampler(RandomIdentitySampler(items, P * K, K), P * K, drop_last=True)


SAMPLERS: dict[str, Callable[[list[int], Path], SetUp]] = {
    OURS: _ours,
    "sentence-transformers": _sentence_transformers,
    "pytorch-metric-learning": _pytorch_metric_learning,
    "open-metric-learning": _open_metric_learning,
    "torchreid": _torchreid,
}


def _bare(*packages: str) -> None:
    """Let modules of these packages be imported without the rest: their `__init__` wants what no sampler needs."""
    for name in packages:
        if name not in sys.modules:
            spec = find_spec(name)
            if spec is None:
                raise ImportError(f"No module named {name!r}")
            sys.modules[name] = ModuleType(name)
            sys.modules[name].__path__ = spec.submodule_search_locations or []


def _private_mib() -> float:
    smaps = Path("/proc/self/smaps_rollup")
    lines = smaps.read_text().splitlines() if smaps.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous")) / 1024 if lines else math.nan


def measure(set_up: SetUp, rows: int, per_identity: int) -> dict[str, float]:
    """Set a sampler up and draw one epoch; what its batches held is looked at afterwards."""
    drawn = np.full((rows // (P * K), P * K), -1)  # as many as an epoch can have, resident before memory is measured
    gc.collect()
    before, start = _private_mib(), time.perf_counter()
    sampler = set_up()
    ready = time.perf_counter()
    batches = iter(sampler)
    drawn[0] = next(batches)
    first = time.perf_counter() - ready
    memory, then, count = _private_mib(), 0.0, 1
    last = time.perf_counter()
    for batch in batches:
        then += time.perf_counter() - last
        drawn[count] = batch
        count += 1
        last = time.perf_counter()
    memory = max(memory, _private_mib()) - before
    return {
        "set_up": 1e3 * (ready - start),
        "first": 1e3 * first,
        "then": 1e6 * then / max(count - 1, 1),
        "each": 1e6 * (first + then) / count,
        "memory": memory,
        "batches": count,
        **_contents(drawn[:count], rows, per_identity),
    }


def _contents(drawn: NDArray[np.int64], rows: int, per_identity: int) -> dict[str, float]:
    """The share of samples seen, of batches of P × K exactly, and of those with RGB and NIR of all their identities."""
    identity, rgb = drawn // per_identity, drawn % per_identity < np.ceil(0.6 * per_identity)
    exact = [sorted(Counter(batch).values()) == [K] * P for batch in identity.tolist()]
    pairs = [set(batch[shown]) == set(batch[~shown]) for batch, shown in zip(identity, rgb, strict=True)]
    return {"seen": len(np.unique(drawn)) / rows, "exact": statistics.mean(exact), "pairs": statistics.mean(pairs)}


def _run(name: str, folder: Path, rows: int, per_identity: int, times: int) -> dict[str, float] | str:
    """Medians of the runs of a sampler, or why there are none."""
    command = [sys.executable, "-m", "tests.benchmarks.peers", name, str(folder), str(rows), str(per_identity)]
    root = Path(__file__).resolve().parents[2]
    runs: list[dict[str, float]] = []
    begin = time.perf_counter()
    while len(runs) < times and (not runs or time.perf_counter() - begin < ENOUGH):
        try:
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return f"> {PATIENCE} s"
        if done.returncode:
            return done.stderr.strip().splitlines()[-1][:90]
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}


def _label(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def bench_peers(folder: Path, sizes: list[tuple[int, int]], times: int) -> None:
    """An epoch of each sampler for each size, (samples, identities), and how many times as long as ours peers take."""
    from tests.benchmarks.made_up import write_made_up

    write_made_up(folder / f"{WARM_UP[0]}.parquet", *WARM_UP)
    print(f"One epoch of P={P} K={K}, ours each=pair, a new process each, medians of up to {times} runs, imports apart")
    print(
        "                                   set-up ms   first ms   then µs   epoch µs/batch   private MiB   batches"
        "   seen   P×K   RGB+NIR"
    )
    for samples, identities in sizes:
        per_identity = round(samples / identities)
        rows = per_identity * identities
        path = folder / f"{rows}.parquet"
        write_made_up(path, rows, per_identity)
        print(f"  {rows:,} samples of {identities:,} identities")
        each: dict[str, float] = {}
        for name in SAMPLERS:
            figures = _run(name, folder, rows, per_identity, times)
            if isinstance(figures, str):
                print(f"    {_label(name):<32}{figures}")
                continue
            each[name] = figures["each"]
            print(
                "    {:<31}{set_up:>9,.1f}{first:>11,.1f}{then:>10,.1f}{each:>17,.1f}{memory:>14,.1f}{batches:>10,.0f}"
                "{seen:>7.0%}{exact:>6.0%}{pairs:>10.0%}".format(_label(name), **figures)
            )
        ours = each.pop(OURS, math.nan)
        if each:
            fastest = min(each, key=each.__getitem__)
            print(
                f"    over the epoch, the fastest peer takes {each[fastest] / ours:.1f} × our time per batch ({fastest})"
            )
        path.unlink()


def main() -> None:
    """Measure one sampler once and print the figures as JSON."""
    name, folder, rows, per_identity = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    figures = {}
    for size in (WARM_UP, (rows, per_identity)):
        labels = (np.arange(size[0]) // size[1]).tolist()
        try:
            set_up = SAMPLERS[name](labels, folder / f"{size[0]}.parquet")
        except ImportError as error:
            sys.exit(f"not installed: {error}")
        figures = measure(set_up, *size)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
