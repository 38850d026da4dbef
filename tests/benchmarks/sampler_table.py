"""The sampler against its peers: an epoch of 16 × 4 of the same population, each time in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.benchmarks.alone import EPOCH, FAR
from tests.benchmarks.made_up import write_made_up
from tests.benchmarks.one_epoch import WARM_UP
from tests.benchmarks.peers import OURS, PEERS, SAMPLERS, K, P

PATIENCE = 300
"""Seconds after which a process is ended."""
ENOUGH = 30
"""Seconds after which a sampler is not run again."""
MOST_FOR_PEERS = 1_000_000
"""Samples above which ours is measured alone: an epoch of some peers would take a quarter of an hour."""
Figures = dict[str, float]
_HEAD = (
    "                                   set-up ms   first ms   then µs   epoch µs/batch   private MiB   batches"
    "   seen   P×K   RGB+NIR"
)
_LINE = (
    "    {:<31}{set_up:>9,.1f}{first:>11,.1f}{then:>10,.1f}{each:>17,.1f}{memory:>14,.1f}{batches:>10,.0f}"
    "{seen:>7.0%}{exact:>6.0%}{pairs:>10.0%}"
)


def bench_sampler(folder: Path, populations: list[tuple[int, int]], times: int) -> None:
    """An epoch of each sampler for each population, (samples, identities), and how many times as long as ours peers take."""
    write_made_up(folder / f"{WARM_UP[0]}.parquet", *WARM_UP)
    print(f"One epoch of P={P} K={K}, ours each=pair, a new process each, medians of up to {times} runs, imports apart")
    print("(seen: share of samples; P×K: of batches with P identities, K rows of each; RGB+NIR: of blocks with both)")
    print(_HEAD)
    for samples, identities in populations:
        per_identity = round(samples / identities)
        rows = per_identity * identities
        path = folder / f"{rows}.parquet"
        write_made_up(path, rows, per_identity)
        print(f"  {rows:,} samples of {identities:,} identities")
        names = tuple(SAMPLERS) if rows <= MOST_FOR_PEERS else (OURS,)
        size = [str(folder), str(rows), str(per_identity)]
        modules = {
            name: ["tests.benchmarks.one_epoch", name, *size]
            for name in names
            if name not in PEERS or find_version(name)
        }
        told = in_turns({**modules, "alone": ["tests.benchmarks.alone", str(path)]}, times)
        for name in names:
            _print_epoch(name, told.get(name, f"not installed: {how_to_install(name)}"))
        _print_ratios({name: found for name in names if isinstance(found := told.get(name), dict)})
        _print_alone(told["alone"])
        path.unlink()


def in_turns(modules: dict[str, list[str]], times: int) -> dict[str, Figures | str]:
    """Medians of what the runs of modules print, or why there are none; in turns: what else the machine does meets all alike."""
    runs: dict[str, list[Figures]] = {name: [] for name in modules}
    failed: dict[str, Figures | str] = {}
    spent = dict.fromkeys(modules, 0.0)
    for _ in range(times):
        for name, module in modules.items():
            if name in failed or spent[name] > ENOUGH:
                continue
            begin = time.perf_counter()
            figures = _run(module)
            spent[name] += time.perf_counter() - begin
            if isinstance(figures, str):
                failed[name] = figures
            else:
                runs[name].append(figures)
    medians = {
        name: {figure: statistics.median(run[figure] for run in many) for figure in many[0]}
        for name, many in runs.items()
        if many
    }
    return {**medians, **failed}


def _run(module: list[str]) -> Figures | str:
    """What a module prints, run in a process of its own, or why it prints nothing."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", *module]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"> {PATIENCE} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:90]
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _print_epoch(name: str, found: Figures | str) -> None:
    label = f"{name} {find_version(name) or ''}".rstrip() if name in PEERS else name
    print(f"    {label:<32}{found}" if isinstance(found, str) else _LINE.format(label, **found))


def _print_ratios(found: dict[str, Figures]) -> None:
    """How many times as long as ours the fastest peer takes, and the fastest of those whose batches are P × K."""
    peers = [name for name in found if name in PEERS]
    exact = [name for name in peers if found[name]["exact"] == 1]
    for what, figure in (("per batch, over the epoch", "each"), ("set-up and first batch", "until_first")):
        for whom, names in (("fastest peer", peers), ("fastest with P×K", exact)):
            if names and OURS in found:
                best = min(names, key=lambda name: found[name][figure])
                ratio = found[best][figure] / found[OURS][figure]
                print(f"    {what:<26} {whom:<17} {ratio:>10,.2f} × {OURS} ({best})")


def _print_alone(found: Figures | str) -> None:
    if isinstance(found, str):
        print(f"    {OURS}, cold and far: {found}")
        return
    print(f"    {OURS}, cold open to first batch, nothing warmed up   {found['cold']:>10,.1f} ms")
    print(
        f"    {OURS}, batch {FAR:,} of an epoch of {EPOCH:,} {found['far']:>13,.0f} µs"
        f"   {found['ratio']:.2f} × batch 1 ({found['near']:,.0f} µs)"
    )


def how_to_install(name: str) -> str:
    """What brings a peer. Open Metric Learning says numpy<2, so that it cannot be in the extra; its sampler needs no such."""
    extra = "pip install 'reidindex[bench]'"
    return f"{extra}, then pip install --no-deps {name}" if name == "open-metric-learning" else extra


def find_version(name: str) -> str | None:
    """Of a peer; None: it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
