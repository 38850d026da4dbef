"""What a meter has measured -> one line, a ratio to another run, JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from indexer.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ThroughputSummary:
    """The speed of a training loop. Rates are NaN where no step was measured."""

    steps: int
    """Batches that were measured."""
    skipped: int
    """Batches before them, for warming up."""
    seconds: float
    """That the measured batches took, waiting for them included."""
    wait_seconds: float
    """Of these, waiting for data."""
    samples: int | None
    """In the measured batches; None where a batch does not tell."""
    transfer_seconds: float | None
    """From host to device; None where it was not measured."""
    peak_bytes: int | None
    """The most memory; None where the system does not tell."""
    device: str
    """Whose memory that is: of torch on a CUDA device, else of the process."""

    @property
    def its_per_second(self) -> float:
        """Batches a second."""
        return self.steps / self.seconds if self.seconds else math.nan

    @property
    def samples_per_second(self) -> float:
        """Samples a second; NaN where they are not known."""
        return self.samples / self.seconds if self.seconds and self.samples is not None else math.nan

    @property
    def wait_share(self) -> float:
        """Of the time, what was spent waiting for data: 0 … 1."""
        return self.wait_seconds / self.seconds if self.seconds else math.nan

    @property
    def transfer_ms(self) -> float:
        """Milliseconds a batch, from host to device; NaN where it was not measured."""
        if self.transfer_seconds is None or not self.steps:
            return math.nan
        return 1000 * self.transfer_seconds / self.steps

    @property
    def peak_gib(self) -> float:
        """The most memory, in GiB; NaN where the system does not tell."""
        return math.nan if self.peak_bytes is None else self.peak_bytes / 2**30

    def against(self, other: ThroughputSummary) -> str:
        """This run compared with another, in one line: ratios are this / other."""
        if not isinstance(other, ThroughputSummary):
            raise SettingsError(f"against(other): expected a ThroughputSummary, found {type(other).__name__}")
        if not self.steps or not other.steps:
            return "nothing to compare: one of the runs measured no batch"
        waiting = f"waiting for data {_percent(self.wait_share)} (was {_percent(other.wait_share)})"
        parts = [
            _ratio("it/s", self.its_per_second, other.its_per_second),
            _ratio("samples/s", self.samples_per_second, other.samples_per_second),
            waiting,
            _ratio("ms transfer a batch", self.transfer_ms, other.transfer_ms),
            _ratio("GiB peak memory", self.peak_gib, other.peak_gib),
        ]
        return " · ".join(filter(None, parts))

    def __str__(self) -> str:
        if not self.steps:
            return f"no batch was measured: {self.skipped:,} skipped for warming up"
        parts = [
            _known("it/s", self.its_per_second),
            _known("samples/s", self.samples_per_second),
            f"{_percent(self.wait_share)} waiting for data",
            _known("ms transfer a batch", self.transfer_ms),
            _known(f"GiB peak memory of {self.device}", self.peak_gib),
            f"{self.steps:,} batches in {_short(self.seconds)} s, after {self.skipped:,} skipped",
        ]
        return " · ".join(filter(None, parts))

    def to_json(self) -> dict[str, Any]:
        """The fields, for `json.dumps`."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ThroughputSummary:
        """The summary of an earlier run, from its `to_json`.

        Raises:
            SettingsError: These are not its fields.
        """
        expected = {field.name for field in fields(cls)}
        if set(found) != expected:
            raise SettingsError(f"from_json: expected the fields {', '.join(sorted(expected))}, found {found!r:.200}")
        return cls(**found)


def _short(number: float) -> str:
    """Three digits that tell: 1.23, 12.3, 1,234."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:#.3g}".rstrip(".")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _known(unit: str, number: float) -> str:
    return "" if math.isnan(number) else f"{_short(number)} {unit}"


def _ratio(unit: str, here: float, there: float) -> str:
    """Both numbers and their ratio; nothing where one of them is not known."""
    if math.isnan(here) or math.isnan(there):
        return ""
    ratio = f" ×{here / there:.2f}" if there else ""
    return f"{unit}{ratio} ({_short(here)}, was {_short(there)})"
