"""Runs in turns -> what each switch brings, alone and all together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any, Final

from sampler_runtime.training_benchmark.loop import PARTS, Run, Work, run, sampler_of
from sampler_runtime.training_benchmark.switches import SWITCHES, Switch

_ALONE: Final = 200
"""Batches that the samplers draw without a loader."""
OFF: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """What it brought to switch something on. Medians."""

    name: str
    before: float
    """Steps a second of the runs beside, all switches off."""
    after: float
    ratio: float
    """Of two runs beside each other, the median."""
    ratios: tuple[float, ...]
    """Of every two runs."""
    parts: dict[str, float]
    """Part of a step → its share of the time, with this on."""


@dataclass(frozen=True, slots=True)
class Table:
    """The measurement."""

    rows: tuple[Row, ...]
    """One for each switch, and the last for all of them."""
    parts: dict[str, float]
    """Part of a step → its share of the time, with everything off."""
    noise: float
    """How far runs with everything off lie apart: (most - least) / median."""
    not_measured: tuple[Switch, ...]
    """Switches that this machine has no use for."""
    sampler_us: tuple[float, float]
    """Microseconds that a batch takes to draw, the old way and ours."""

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        words = {switch.name: {"off": switch.off, "on": switch.on} for switch in SWITCHES}
        old, ours = self.sampler_us
        return {
            "rows": [
                {"name": row.name, "before": row.before, "after": row.after, "ratio": row.ratio,
                 "ratios": list(row.ratios), "parts": row.parts, **words.get(row.name, {})}
                for row in self.rows
            ],
            "parts": self.parts,
            "noise": self.noise,
            "not_measured": [switch.name for switch in self.not_measured],
            "sampler_alone": {"before_us": old, "after_us": ours, "ratio": old / ours},
        }  # fmt: skip


def measure(work: Work, times: int, on_progress: Callable[[str, int], None]) -> Table:
    """Run the loop with each switch on alone, and with all on, each time beside a run with everything off, in turns.

    Machines are shared, and their speed changes within seconds: only neighbours are compared.

    Raises:
        SettingsError: No such batches can be drawn.
    """
    sampler_of(work, 1, ours=True)  # says what cannot work before anything is measured
    usable = tuple(switch for switch in SWITCHES if work.device.type == "cuda" or not switch.needs_cuda)
    variants = {switch.name: frozenset({switch.name}) for switch in usable}
    variants["all together"] = frozenset(switch.name for switch in usable)
    pairs: dict[str, list[tuple[Run, Run]]] = {name: [] for name in variants}
    whole, done = 2 * times * len(variants), 0
    for number in range(times):
        for name, on in variants.items():
            on_progress(f"of {whole} runs", done)
            if number % 2:
                after, before = run(work, on), run(work, OFF)
            else:
                before, after = run(work, OFF), run(work, on)
            pairs[name].append((before, after))
            done += 2
    off = [before for found in pairs.values() for before, _ in found]
    speeds = [found.its_per_second for found in off]
    return Table(
        rows=tuple(_row(name, found) for name, found in pairs.items()),
        parts=_shares(off),
        noise=(max(speeds) - min(speeds)) / median(speeds),
        not_measured=tuple(switch for switch in SWITCHES if switch not in usable),
        sampler_us=_alone(work, times),
    )


def _row(name: str, pairs: list[tuple[Run, Run]]) -> Row:
    before, after = ([run.its_per_second for run in runs] for runs in zip(*pairs, strict=True))
    ratios = tuple(new / old for old, new in zip(before, after, strict=True))
    return Row(name, median(before), median(after), median(ratios), ratios, _shares([new for _, new in pairs]))


def _shares(runs: list[Run]) -> dict[str, float]:
    return {part: median(one.parts[part] / one.seconds for one in runs) for part in PARTS}


def _alone(work: Work, times: int) -> tuple[float, float]:
    """The samplers without anything around them: microseconds a batch, the old way and ours."""
    took: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(times):
        for ours, seconds in took.items():
            sampler = sampler_of(work, _ALONE, ours=ours)
            started = perf_counter()
            for _batch in sampler:
                pass
            seconds.append(perf_counter() - started)
    old, new = (1e6 * median(seconds) / _ALONE for seconds in took.values())
    return old, new
