"""Statistics and report of a large index, each in a process of its own, against reading the bytes of the columns they need."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.made_up import write_made_up

COLUMNS = ("pid", "modalities", "splits", "camid")
GOALS = "goals at 10 million rows: statistics below 3 s and 500 MB, report below 20 s"


def read_columns(path: Path) -> float:
    """Seconds that it takes to read the bytes of the four columns, in pieces of a megabyte."""
    import pyarrow.parquet as pq

    footer = pq.read_metadata(path)
    started = time.perf_counter()
    with path.open("rb", buffering=0) as file:
        for group in map(footer.row_group, range(footer.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                if column.path_in_schema in COLUMNS:
                    file.seek(column.data_page_offset)
                    for start in range(0, column.total_compressed_size, 1 << 20):
                        file.read(min(1 << 20, column.total_compressed_size - start))
    return time.perf_counter() - started


def memory(what: str) -> float:
    """Megabytes of this process, as Linux tells them; elsewhere 0."""
    if sys.platform != "linux":
        return 0.0
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(what))


def measure(path: Path) -> dict[str, float]:
    """First the statistics of a closed index, then its report; imports are no part of either."""
    import pyarrow.compute  # noqa: F401

    from indexer.cli import main
    from indexer.index_file import IndexFile
    from indexer.inspection.statistics import statistics as count

    reading = read_columns(path)
    before, started = memory("VmRSS"), time.perf_counter()
    found = count(IndexFile(path))
    counted, growth = time.perf_counter() - started, memory("VmHWM") - before
    assert found.facts.samples
    with tempfile.TemporaryDirectory(prefix="reidindex-page-") as folder:
        page = Path(folder) / "page.html"
        sys.argv = ["reidindex", "report", str(path), "-o", str(page), "--quiet"]
        started, stdout = time.perf_counter(), sys.stdout
        sys.stdout = sys.stderr
        try:
            main()
        except SystemExit as leaving:
            assert not leaving.code, "the report failed"
        finally:
            sys.stdout = stdout
        written, size = time.perf_counter() - started, page.stat().st_size
    return {"reading": reading, "statistics": counted, "growth": growth, "report": written, "page": size / 1000}


def bench_inspection(folder: Path, sizes: list[int], times: int) -> None:
    """One line a size."""
    print(f"Statistics and report of an index, a new process each time, medians of {times} runs, imports apart")
    print("       rows   reading 4 columns ms   statistics ms      ×   peak growth MB   report s   page kB")
    for rows in sizes:
        path = folder / f"inspect-{rows}.parquet"
        write_made_up(path, rows)
        command = [sys.executable, "-m", "tests.benchmarks.inspection", str(path)]
        runs = []
        for _ in range(times):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs.append(json.loads(done.stdout.splitlines()[-1]))
        median = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        ratio = median["statistics"] / median["reading"]
        print(
            f"  {rows:>9,} {1e3 * median['reading']:>22.1f} {1e3 * median['statistics']:>15.1f} {ratio:>6.1f} "
            f"{median['growth']:>16.0f} {median['report']:>10.1f} {median['page']:>9.0f}"
        )
        path.unlink()
    print(f"  {GOALS}")


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
