"""An index and settings -> the plan of a run, or an error that says what could work.

Composes what the other files do: pools, contract, eligibility, sources, weights. Whatever cannot work is found here, at
construction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import NotEnoughIdentitiesError, SettingsError, did_you_mean
from indexer.schema import mask_names
from sampler_runtime.composition import COLUMNS, compile_composition, parse_composition
from sampler_runtime.contract import GroupContract, Requirement, Spread, parse_contract
from sampler_runtime.eligibility import Blocks, compile_blocks, further_columns
from sampler_runtime.menus import Reason
from sampler_runtime.plan import EpochPlan, Part, lay_out
from sampler_runtime.pools import Pools, find_pools
from sampler_runtime.settings import Identity, PKSettings
from sampler_runtime.view import IndexView

_MOST_NAMES = 5


@dataclass(frozen=True)
class Run:
    """Settings, resolved for an index."""

    settings: PKSettings
    contract: GroupContract
    blocks: Blocks
    parts: tuple[Part, ...]
    words: dict[str, Any]
    """The settings as a checkpoint keeps them."""
    everybody: Pools
    """Of all identities, whether or not they serve."""

    def labels(self, view: IndexView, pids: NDArray[np.int32]) -> list[str]:
        """The dataset's labels of some pids."""
        rows = self.everybody.first_rows()[np.searchsorted(self.everybody.pids, pids)]
        return [str(label) for label in view.labels("identity", rows)] if len(rows) else []

    def plan(self, view: IndexView) -> EpochPlan:
        """The plan of the run.

        Raises:
            NotEnoughIdentitiesError: Fewer identities than a batch needs can serve; the message says what could work.
        """
        for part in self.parts:
            if len(part.members) < part.p:
                raise self._not_enough(view, part)
        weights = _weights(self.settings.weights, view, self.blocks)
        if weights is not None:
            for part in self.parts:
                drawn = int((weights[part.members] > 0).sum())
                if drawn < part.p:
                    of = f" of {part.name}" if part.name else ""
                    raise NotEnoughIdentitiesError(
                        f"weights: {drawn:,} identities{of} that can serve have a weight above 0, P={part.p} needs more; "
                        + (f"use p={drawn} or less, or give" if drawn and not part.name else "give")
                        + " more of them a weight"
                    )
        return lay_out(self.blocks, self.parts, self.settings.epoch, self.settings.seed, weights)

    def _not_enough(self, view: IndexView, part: Part) -> NotEnoughIdentitiesError:
        blocks, settings = self.blocks, self.settings
        serve, everybody = blocks.num_identities, self.everybody.num_identities
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in blocks.counts().items())
        why = f" ({reasons})" if reasons else ""
        if not everybody:
            return NotEnoughIdentitiesError(
                f"P={settings.p}: this view ({view.selection}) has no identities to draw; select another split"
            )
        if settings.per_source is not None:
            members = len(part.members)
            return NotEnoughIdentitiesError(
                f"per_source[{part.name!r}]: {members:,} identities of it can serve each={self.contract} with K={settings.k}, "
                f"{part.p} are asked for{why}; ask for {members} or less of it, and p={settings.p - part.p + members}"
            )
        return NotEnoughIdentitiesError(
            f"P={settings.p}: {serve:,} of {everybody:,} identities can serve each={self.contract} with K={settings.k}{why}"
            + "".join(f"; use {hint}" for hint in [" or ".join(self._hints())] if hint)
        )

    def _hints(self) -> list[str]:
        """What would let more identities serve, or fewer do."""
        blocks, settings = self.blocks, self.settings
        hints = [f"p={blocks.num_identities} or less"] if blocks.num_identities else []
        dropped, short = len(blocks.caused_by("dropped")), len(blocks.caused_by("short"))
        if short:
            hints.append("a smaller k, or on_short='repeat'")
        rooms = [reason.k for reason in blocks.left_out if reason.k is not None and reason.k != settings.k]
        if rooms:
            hints.append(f"k={max(rooms)}")
        wanted = self.everybody.num_identities - dropped
        if (
            settings.each != "any" and not short and wanted > blocks.num_identities
        ):  # without a contract everybody serves
            hints.append("each='any'" if wanted >= settings.p else f"each='any' and p={wanted} or less")
        if dropped and self.everybody.num_identities >= settings.p:
            hints.append("a shorter drop=")
        return hints


def resolve(view: IndexView, settings: PKSettings) -> Run:
    """What settings mean for an index.

    Raises:
        SettingsError: They make no sense for this index.
    """
    contract = parse_contract(settings.each, view)
    compose = parse_composition(settings.compose, view.modalities) if settings.compose else ()
    settings = replace(settings, compose=compose)
    _check_room(contract, settings)
    everybody = find_pools(view, *(COLUMNS if compose else further_columns(contract)))
    dropped = _dropped(view, everybody, settings)
    pools = everybody.without(dropped)
    repeat_rows = settings.on_short == "repeat"
    if compose:
        if settings.prefer_complete:
            raise SettingsError("prefer_complete: composed instances hold every modality that there is; leave it out")
        blocks = compile_composition(compose, contract, pools, settings.k, view.modalities, repeat_rows=repeat_rows)
    else:
        preferred = parse_contract("pair", view) if settings.prefer_complete and view.pairing.others else None
        blocks = compile_blocks(contract, pools, settings.k, preferred=preferred, repeat_rows=repeat_rows)
    if len(dropped):
        blocks = replace(blocks, left_out={**blocks.left_out, Reason("dropped", "dropped"): dropped})
    words = settings.words(each=str(contract), dropped=dropped)
    run = Run(settings, contract, blocks, _parts(view, blocks, settings), words, everybody)
    short = blocks.caused_by("short")
    if settings.on_short == "error" and len(short):
        more = ", …" if len(short) > _MOST_NAMES else ""
        raise SettingsError(
            f"on_short='error': {len(short):,} identities cannot fill a block of K={settings.k} with different rows: "
            f"{', '.join(run.labels(view, short[:_MOST_NAMES]))}{more}; use a smaller k, on_short='exclude' or on_short='repeat'"
        )
    return run


def _check_room(contract: GroupContract, settings: PKSettings) -> None:
    """A contract that no identity whatsoever could serve."""
    if contract.as_k_permits:
        return
    needs: tuple[Requirement | Spread, ...] = (*contract.requirements, *contract.spreads)
    for need in needs:
        if need.count > settings.k:
            raise SettingsError(
                f"each: {need} needs {need.count} rows in a block, K={settings.k}; use k={need.count} or more"
            )


def _parts(view: IndexView, blocks: Blocks, settings: PKSettings) -> tuple[Part, ...]:
    everyone = np.arange(blocks.num_identities)
    if settings.per_source is None:
        return (Part(everyone, settings.p),)
    source = np.array(view.labels("source", blocks.first_rows()), object)
    known = sorted({str(name) for name in source if name is not None})
    for name in settings.per_source:
        if name not in known:
            what = did_you_mean(name, known) if known else "this index tells none; use JointIndex to join several"
            raise SettingsError(f"per_source: no identity that can be drawn comes from {name!r}; {what}")
    return tuple(Part(everyone[source == name], count, name) for name, count in settings.per_source.items())


def _dropped(view: IndexView, pools: Pools, settings: PKSettings) -> NDArray[np.int32]:
    """The pids that `drop` names."""
    if not callable(settings.drop) and not len(settings.drop):
        return np.empty(0, np.int32)
    rows = pools.first_rows()
    labels = [str(label) for label in view.labels("identity", rows)]
    if callable(settings.drop):
        masks = np.bitwise_or.reduceat(pools.kinds, pools.offsets[:-1]) if len(labels) else pools.kinds
        told = zip(
            labels,
            pools.pids.tolist(),
            pools.samples().tolist(),
            masks.tolist(),
            view.labels("source", rows),
            strict=True,
        )
        keep_out = [
            bool(settings.drop(Identity(label, pid, samples, mask_names(mask, view.modalities), source)))
            for label, pid, samples, mask, source in told
        ]
    else:
        unknown = sorted(set(map(str, settings.drop)) - set(labels))
        if unknown:
            raise SettingsError(f"drop: this view has no identity {unknown[0]!r}; {did_you_mean(unknown[0], labels)}")
        names = set(map(str, settings.drop))
        keep_out = [label in names for label in labels]
    return np.asarray(pools.pids[np.array(keep_out, bool)])


def _weights(weights: Any, view: IndexView, blocks: Blocks) -> NDArray[np.float64] | None:
    """The weight of each identity that can serve."""
    if weights is None:
        return None
    if isinstance(weights, str):
        samples = blocks.samples()
        return np.sqrt(samples) if weights == "sqrt" else samples.astype(np.float64)
    if len(weights) != len(view.pids):
        raise SettingsError(
            f"weights: expected {len(view.pids):,} numbers, one for each of the view's pids, found {len(weights):,}"
        )
    return np.asarray(weights[np.searchsorted(view.pids, blocks.pids)], np.float64)
