"""`make bench`: speed as ratios in one run, against named references; medians, because machines are shared and noisy."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.inspection import bench_inspection
from tests.benchmarks.made_up import write_made_up
from tests.benchmarks.sampler_table import bench_sampler

PARTS = ("build", "open", "inspect", "sampler")
POPULATIONS = [(13_000, 751), (100_000, 10_000), (1_000_000, 100_000), (10_000_000, 1_000_000)]
"""Samples and identities: of Market-1501's size, then what nobody has yet."""
FIND_GOAL = 2.5
"""A build may take this many times what `find` takes to list and stat the same tree."""

_FIRST_BATCH = """
import sys, time
import numpy, pyarrow.parquet, torch.utils.data
from sampler_runtime import PKBatchSampler, open_index
import sampler_runtime.plan
def anonymous():
    lines = open("/proc/self/smaps_rollup").read().splitlines() if sys.platform == "linux" else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous")) / 1024
path, small = sys.argv[1:]
next(iter(PKBatchSampler(open_index(small), 16, 4, "pair")))  # the first use of NumPy and Arrow costs time of its own
memory, start = anonymous(), time.perf_counter()
index = open_index(path)
opened = time.perf_counter()
sampler = PKBatchSampler(index.select(split="train"), 16, 4, "pair")
first = next(iter(sampler))
done = time.perf_counter()
memory = anonymous() - memory
batches = iter(sampler)
next(batches)
count, begin = 0, time.perf_counter()
for batch in batches:
    count += 1
    if count == 20000:
        break
spent = time.perf_counter() - begin
reading = time.perf_counter()
table = pyarrow.parquet.read_table(path, columns=["pid", "modalities"])
reading = time.perf_counter() - reading
print(1e3 * (opened - start), 1e3 * (done - start), memory, 1e3 * reading, 1e6 * spent / max(count, 1))
"""


def median_seconds(run: Callable[[], object], times: int) -> float:
    """Median wall time of a few runs."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def write_tree(root: Path, files: int) -> None:
    """A tree in the SYSU-MM01 layout: six cameras, as many identities as it takes, 20 images each."""
    flags = os.O_WRONLY | os.O_CREAT
    for identity in range(1, files // 120 + 1):
        for camera in range(1, 7):
            folder = root / f"cam{camera}" / f"{identity:04d}"
            folder.mkdir(parents=True)
            for frame in range(1, 21):
                os.close(os.open(f"{folder}/{frame:04d}.jpg", flags))
    (root / "exp").mkdir()
    for part, first in (("train", 1), ("val", 2), ("test", 3)):
        ids = ",".join(str(i) for i in range(first, files // 120 + 1, 3))
        (root / "exp" / f"{part}_id.txt").write_text(ids)


MSMT17 = 126_441
"""Files of that dataset."""


def write_msmt17(root: Path, files: int = MSMT17) -> None:
    """A tree of MSMT17's shape: its folders, counts and lists, every file named in a list; or a smaller one."""
    flags = os.O_WRONLY | os.O_CREAT
    parts = (("train", 1041, {"train": 30_248, "val": 2_373}), ("test", 3060, {"query": 11_659, "gallery": 82_161}))
    for half, identities, lists in parts:
        number = 0
        for name, size in lists.items():
            lines = []
            for n in range(size * files // MSMT17):
                pid = n % identities
                path = f"{pid:04d}/{pid:04d}_{n // identities:03d}_{n % 15 + 1:02d}_0303morning_{number % 10_000:04d}_{number // 10_000}.jpg"
                number += 1
                (root / half / path).parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(f"{root}/{half}/{path}", flags))
                lines.append(f"{path} {pid}")
            (root / f"list_{name}.txt").write_text("\n".join(lines))


def bench_build(folder: Path, files: int, times: int) -> None:
    """A whole build, and its second run on the unchanged tree, against `find`: a plain tree, and one with long lists."""
    write_tree(folder / "tree", files)
    compare_build(folder, folder / "tree", f"{files:,} files", times)
    files = min(files, MSMT17)
    write_msmt17(folder / "msmt17", files)
    compare_build(folder, folder / "msmt17", f"MSMT17's shape, {files:,} files in 4 lists", times)


def compare_build(folder: Path, root: Path, what: str, times: int) -> None:
    """One tree: `find`, a build, and a build of the unchanged tree, in turns."""
    from indexer.build import build_index

    files = sum(len(names) for _, _, names in os.walk(root))
    command = ["find", str(root), "-type", "f", "-printf", "%p %s %T@\\n"]
    build_index(root, folder / "warm.parquet", force=True)  # imports and first uses apart
    seconds: dict[str, list[float]] = {"find": [], "build": [], "again": []}
    for _ in range(times):  # in turns: what else the machine does then meets all three alike
        seconds["find"].append(
            median_seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True), 1)
        )
        seconds["build"].append(median_seconds(lambda: build_index(root, folder / "x.parquet", force=True), 1))
        seconds["again"].append(median_seconds(lambda: build_index(root, folder / "x.parquet"), 1))
    find, build, again = (statistics.median(seconds[name]) for name in ("find", "build", "again"))
    ratios = statistics.median(b / f for b, f in zip(seconds["build"], seconds["find"], strict=True))
    print(f"Build of {what}, medians of {times} runs in turns")
    print(f"  find -printf '%p %s %T@'       {find:8.3f} s")
    print(f"  reidindex build                {build:8.3f} s   {ratios:5.2f} × find   (goal: {FIND_GOAL} ×)")
    print(f"  reidindex build, up to date    {again:8.3f} s   {again / find:5.2f} × find")
    print(f"  files a second                 {files / build:8,.0f}")


def bench_first_batch(folder: Path, sizes: list[int], times: int) -> None:
    """From a closed index to the first batch of 16 × 4 pairs, each time in a process of its own."""
    small = folder / "small.parquet"
    write_made_up(small, 1000)
    print(
        f"Cold open to first batch, P=16 K=4 each=pair, a new process each time, medians of {times} runs, imports apart"
    )
    print(
        "       rows   open ms   first batch ms   private MiB   Arrow reads pid+modalities ms   first batch / Arrow   µs/batch"
    )
    for rows in sizes:
        path = folder / f"rows-{rows}.parquet"
        write_made_up(path, rows)
        command = [sys.executable, "-c", _FIRST_BATCH, str(path), str(small)]
        runs = [
            [float(word) for word in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]
            for _ in range(times)
        ]
        opened, first, memory, arrow, each = (statistics.median(column) for column in zip(*runs, strict=True))
        print(
            f"  {rows:>9,} {opened:>9.1f} {first:>16.1f} {memory:>13.1f} {arrow:>31.1f} {first / arrow:>21.2f} {each:>10.1f}"
        )
        path.unlink()


def _population(words: str) -> tuple[int, int]:
    samples, identities = words.split("/")
    return int(samples), int(identities)


def main() -> None:
    """Run everything, or the parts that are asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="parts to run")
    parser.add_argument("--files", type=int, default=200_000, help="files of the tree that is built")
    parser.add_argument(
        "--rows", type=int, nargs="+", default=[15_000, 1_000_000, 10_000_000], help="rows of the indexes"
    )
    parser.add_argument(
        "--populations", type=_population, nargs="+", default=POPULATIONS, metavar="SAMPLES/IDENTITIES",
        help="what samplers are compared on",
    )  # fmt: skip
    parser.add_argument("--times", type=int, default=5, help="runs of each")
    arguments = parser.parse_args()
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} cores, {load}, Python {sys.version.split()[0]}\n")
    with tempfile.TemporaryDirectory(prefix="reidindex-bench-") as folder:
        if "build" in arguments.only:
            bench_build(Path(folder), arguments.files, arguments.times)
            print()
        if "open" in arguments.only:
            bench_first_batch(Path(folder), arguments.rows, arguments.times)
            print()
        if "inspect" in arguments.only:
            bench_inspection(Path(folder), arguments.rows, arguments.times)
            print()
        if "sampler" in arguments.only:
            bench_sampler(Path(folder), arguments.populations, arguments.times)


if __name__ == "__main__":
    main()
