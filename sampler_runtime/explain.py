"""Settings and an index -> who can serve and who cannot, by reason, for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import NotEnoughIdentitiesError, SettingsError, did_you_mean
from sampler_runtime.contract import Each
from sampler_runtime.run import resolve
from sampler_runtime.settings import PKSettings
from sampler_runtime.view import IndexView

_MOST_NAMES = 8
_SETTINGS = [name for name in PKSettings.__dataclass_fields__ if name not in ("p", "k", "each")]


@dataclass(frozen=True)
class Explanation:
    """Who can serve a group contract and, by reason, who cannot."""

    contract: str
    """Spelled out."""
    p: int
    k: int
    identities: int
    """That have samples in the view."""
    serving: int
    """Of these, who can serve."""
    left_out: dict[str, NDArray[np.int32]]
    """Reason → pids, most first."""
    examples: dict[str, list[str]]
    """Reason → the dataset's labels of the first few."""
    batches: int
    """Of an epoch; 0 where too few can serve."""
    advice: str | None
    """Where too few can serve: what could work."""

    def __str__(self) -> str:
        """Some lines for a terminal."""
        lines = [f"each={self.contract}, K={self.k}: {self.serving:,} of {self.identities:,} identities can serve"]
        for reason, pids in self.left_out.items():
            more = ", …" if len(pids) > len(self.examples[reason]) else ""
            lines.append(f"  {len(pids):,} {reason}: {', '.join(self.examples[reason])}{more}")
        lines.append(
            f"  {self.batches:,} batches an epoch of P={self.p}" if self.advice is None else f"  {self.advice}"
        )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """As one JSON object (docs/cli.md)."""
        return {
            "each": self.contract,
            "p": self.p,
            "k": self.k,
            "identities": self.identities,
            "serving": self.serving,
            "left_out": [
                {"reason": reason, "identities": len(pids), "examples": self.examples[reason]}
                for reason, pids in self.left_out.items()
            ],
            "batches": self.batches,
            "advice": self.advice,
        }


def explain(view: IndexView, each: Each = "any", *, p: int, k: int, **settings: Any) -> Explanation:
    """Who can serve settings; see `MappedIndex.explain`."""
    unknown = sorted(set(settings) - set(PKSettings.__dataclass_fields__))
    if unknown:
        raise SettingsError(f"explain(): no such setting {unknown[0]!r}; {did_you_mean(unknown[0], _SETTINGS)}")
    run = resolve(view, PKSettings(p, k, each, **settings))
    try:
        batches, advice = run.plan(view).num_batches, None
    except NotEnoughIdentitiesError as error:
        batches, advice = 0, str(error)
    by_number = sorted(run.blocks.left_out.items(), key=lambda item: -len(item[1]))
    left_out = {reason.words: pids for reason, pids in by_number}
    examples = {words: run.labels(view, pids[:_MOST_NAMES]) for words, pids in left_out.items()}
    serving = run.blocks.num_identities
    return Explanation(
        str(run.contract),
        run.settings.p,
        run.settings.k,
        serving + sum(map(len, left_out.values())),
        serving,
        left_out,
        examples,
        batches,
        advice,
    )
