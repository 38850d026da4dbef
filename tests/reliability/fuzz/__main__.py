"""Fuzz one target: by atheris where it is installed, which sees what code an input leads to; else by plain mutations.

A crash ends the run with the input's name: put it into `tests/reliability/test_hostile_lists.py` and mend what it broke.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

NAMES = ("layout", "lists", "manifest", "metadata", "picture")


def _by_atheris(name: str, seconds: int, keep: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=["indexer"]):
        from tests.reliability.fuzz.targets import TARGETS
    from tests.reliability.fuzz.seeds import seeds

    with TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(name)):
            (Path(corpus) / str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", "-timeout=30", "-rss_limit_mb=3072", "-max_len=65536", "-seed=1"]
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={keep}/{name}-", corpus], TARGETS[name])
        atheris.Fuzz()


def _by_mutations(name: str, seconds: int, keep: Path) -> None:
    from tests.reliability.fuzz.mutations import mutations
    from tests.reliability.fuzz.seeds import seeds
    from tests.reliability.fuzz.targets import TARGETS

    until, number, whole = time.monotonic() + seconds, 0, seeds(name)
    while time.monotonic() < until:
        for data in mutations(whole, number, 100):
            (keep / f"{name}-last").write_bytes(data)
            TARGETS[name](data)
        number += 1
    (keep / f"{name}-last").unlink(missing_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, default=Path.cwd(), help="where an input that breaks something is put")
    given = parser.parse_args()
    run = _by_atheris if importlib.util.find_spec("atheris") else _by_mutations
    run(given.target, given.seconds, given.keep)
