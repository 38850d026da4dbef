"""What a notebook shows of an index, a sampler and a plan: small tables, from the index alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sampler_runtime.batch_sampler import PKBatchSampler
    from sampler_runtime.eligibility import Blocks
    from sampler_runtime.joint import JointIndex
    from sampler_runtime.mapped import MappedIndex
    from sampler_runtime.plan import EpochPlan

_MOST_SPLITS = 12
_MOST_BATCHES = 2
_MOST_BLOCKS = 8


def index_card(index: MappedIndex) -> str:
    """What a view of an index holds: samples, identities and modalities of each split."""
    pid, masks, splits = (index.column(name) for name in ("pid", "modalities", "splits"))
    plain = [name for name in index.splits if "/" not in name] or list(index.splits)
    rows = [("all", *_counts(pid, masks, index.modalities))]
    for name in plain[:_MOST_SPLITS]:
        here = (splits >> np.uint64(index.splits.index(name)) & np.uint64(1)).astype(bool)
        if here.any():
            rows.append((name, *_counts(pid[here], masks[here], index.modalities)))
    hidden = len(index.splits) - len(plain[:_MOST_SPLITS])
    more = f"and {hidden} splits of other protocols" if hidden else ""
    return _card(
        f"Index {index.path.name}: {index.selection}",
        [f"{index.root} · layout {index.metadata.layout} · digest {index.digest[:16]}"],
        ("split", "samples", "identities", *index.modalities),
        rows,
        [more] if more else [],
    )


def joint_card(index: JointIndex) -> str:
    """What several indexes side by side hold: samples, identities and modalities of each."""
    rows: list[tuple[object, ...]] = []
    for name, part in index.parts.items():
        samples, identities, *counts = _counts(part.column("pid"), part.column("modalities"), part.modalities)
        of = dict(zip(part.modalities, counts, strict=True))
        rows.append((name, part.selection, samples, identities, *(of.get(m, 0) for m in index.modalities)))
    return _card(
        f"{len(index.parts)} indexes side by side",
        [f"{len(index):,} samples · {len(index.pids):,} identities"],
        ("source", "view", "samples", "identities", *index.modalities),
        rows,
    )


def sampler_card(sampler: PKBatchSampler) -> str:
    """A sampler's settings, its batches, and who is left out and why."""
    s, own, every = sampler.settings, len(sampler), sampler.num_batches
    rank = f"{own:,} for rank {sampler.rank} of {sampler.world_size}, of {every:,}"
    facts: list[tuple[object, ...]] = [
        ("drawn from", f"{sampler.index.selection}, {len(sampler.index):,} samples"),
        ("a batch", f"P={s.p} identities × K={s.k} {'instances of ' + '+'.join(s.compose) if s.compose else 'rows'}"),
        ("each block", sampler._words["each"]),
        ("an epoch", s.epoch if isinstance(s.epoch, str) else f"{s.epoch:,} batches"),
        ("batches an epoch", f"{own:,}" if sampler.world_size == 1 else rank),
        ("epoch", f"{sampler.epoch:,}" + (", begun" if sampler._place.begun else ", not begun")),
        ("seed", str(s.seed)),
        ("too few samples", s.on_short),
        ("identities", f"{sampler.num_identities:,} are drawn"),
        *(("left out", f"{number:,} {reason}") for reason, number in sampler.left_out.items()),
    ]
    if s.prefer_complete:
        facts.append(("pairable first", f"{sampler.plan().never_drawn:,} others are never drawn"))
    if s.weights is not None:
        facts.append(("weights", s.weights if isinstance(s.weights, str) else f"{len(s.weights):,} numbers"))
    if s.per_source is not None:
        facts.append(("of each source", ", ".join(f"{name} {count}" for name, count in s.per_source.items())))
    return _card("PKBatchSampler", [], (), facts)


def plan_card(plan: EpochPlan) -> str:
    """A plan's batches, and the blocks of the first ones."""
    shown = min(_MOST_BATCHES, plan.num_batches)
    drawn = plan.batches(0, np.arange(shown))
    rows = []
    for number, batch in enumerate(drawn):
        blocks = batch.reshape(len(batch), -1)[:_MOST_BLOCKS]
        first = np.take_along_axis(blocks, (blocks >= 0).argmax(1)[:, None], 1)[:, 0]
        pids = pids_of_rows(plan.blocks, first)
        for block, pid in zip(batch.tolist(), pids.tolist(), strict=False):
            rows.append((number, pid, ", ".join(_instance(one) for one in block)))
        if len(batch) > _MOST_BLOCKS:
            rows.append((number, f"and {len(batch) - _MOST_BLOCKS:,} more", ""))
    waiting = len(plan.waiting(0))
    return _card(
        f"Plan: {plan.num_batches:,} batches an epoch",
        [
            f"P={plan.p} × K={plan.blocks.k} of {plan.blocks.num_identities:,} identities · seed {plan.seed}"
            + (f" · left over for epoch 1: {waiting:,}" if waiting else "")
        ],
        ("batch of epoch 0", "pid", "rows"),
        rows,
    )


def pids_of_rows(blocks: Blocks, rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Whose some rows are, that were drawn from `blocks`; shape `(len(rows),)`."""
    if blocks.rows is not None:  # positions stand for other rows
        order = np.argsort(blocks.rows, kind="stable")
        rows = order[np.searchsorted(blocks.rows, rows, sorter=order)]
    by_start = np.argsort(blocks.starts, kind="stable")
    stretch = by_start[np.searchsorted(blocks.starts, rows, side="right", sorter=by_start) - 1]
    found: NDArray[np.int32] = blocks.pids[blocks.owners[stretch]]
    return found


def _instance(rows: Any) -> str:
    return f"({', '.join(map(str, rows))})" if isinstance(rows, list) else str(rows)


def _counts(pid: NDArray[Any], masks: NDArray[Any], modalities: Sequence[str]) -> tuple[int, ...]:
    """Samples, identities, and samples of each modality."""
    known = pid[pid >= 0]
    each = (int(np.count_nonzero(masks >> np.uint32(bit) & np.uint32(1))) for bit in range(len(modalities)))
    return len(pid), int(np.count_nonzero(np.bincount(known))) if len(known) else 0, *each


def _card(
    title: str,
    lines: Sequence[str],
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    beneath: Sequence[str] = (),
) -> str:
    """A title, lines and a table; everything escaped, colours left to the notebook."""
    head = "".join(f'<th scope="col">{_words(word)}</th>' for word in header)
    body = "".join(f"<tr>{''.join(f'<td>{_words(value)}</td>' for value in row)}</tr>" for row in rows)
    return (
        f"<div><b>{_words(title)}</b>"
        + "".join(f"<br>{_words(line)}" for line in lines)
        + f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
        + "".join(f"<small>{_words(line)}</small>" for line in beneath)
        + "</div>"
    )


def _words(value: object) -> str:
    return escape(f"{value:,}" if isinstance(value, int) else str(value))
