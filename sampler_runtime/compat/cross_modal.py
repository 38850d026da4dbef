"""Labels of colour and thermal images -> `IdentitySampler`, for code written for AGW and its descendants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.calling import told_as, warn
from sampler_runtime.compat.labels import label_index
from sampler_runtime.settings import whole_number

_NAME = "IdentitySampler"


class IdentitySampler(Sampler[int]):
    """The pairs of an epoch: colour image `index1[i]` and thermal image `index2[i]` are of one person.

    As training code has it: `trainset.cIndex, trainset.tIndex = sampler.index1, sampler.index2`, then
    `DataLoader(trainset, sampler=sampler, batch_size=batch_size * num_pos, drop_last=True)`.

    Now guaranteed, and was not: both images of a pair are of one person, whatever the labels and whoever lacks thermal
    images; images of a person differ while there are unused ones; `len()` is what is yielded; the order hangs on `seed`
    and `epoch` alone.

    Args:
        train_color_label: Identity of each colour image, numbers or text.
        train_thermal_label: Identity of each thermal image.
        color_pos: Positions of each identity among the colour images. No longer needed: only looked at, to say whether
            the original would have paired different people. None will do.
        thermal_pos: Likewise.
        num_pos: Pairs of each identity.
        batch_size: Identities in a batch.
        epoch: Which epoch; another one, other pairs.
        seed: Fixed for a training run.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(
        self,
        train_color_label: Any,
        train_thermal_label: Any,
        color_pos: Any,
        thermal_pos: Any,
        num_pos: int,
        batch_size: int,
        epoch: int,
        *,
        seed: int = 0,
    ) -> None:
        """See the class."""
        color, thermal = list(train_color_label), list(train_thermal_label)
        m, p = whole_number(num_pos, "num_pos", 1), whole_number(batch_size, "batch_size", 1)
        kinds = ["rgb"] * len(color) + ["ir"] * len(thermal)
        index = label_index(color + thermal, modalities=kinds, setting="train_color_label, train_thermal_label")
        batches = max(len(color), len(thermal)) // (p * m) + 1
        with told_as(_NAME, "batch_size"):
            sampler = PKBatchSampler(
                index, p, 2 * m, each={"rgb": m, "ir": m}, epoch=batches, seed=seed, output="numpy"
            )
        sampler.set_epoch(epoch)
        rows = np.concatenate(list(sampler)).reshape(-1, 2, m)
        self.index1, self.index2 = rows[:, 0].reshape(-1), rows[:, 1].reshape(-1) - len(color)
        self.n_classes = sampler.num_identities
        _tell(color, thermal, color_pos, thermal_pos, sum(sampler.left_out.values()))

    def __iter__(self) -> Iterator[int]:
        """The pairs, in order."""
        return iter(range(len(self.index1)))

    def __len__(self) -> int:
        """Pairs of the epoch."""
        return len(self.index1)


def _tell(color: list[Any], thermal: list[Any], color_pos: Any, thermal_pos: Any, left_out: int) -> None:
    """Warn where the original would have done something else than it seems to."""
    wrong = 0
    if color_pos is not None and thermal_pos is not None:
        told = ((np.asarray(color), color_pos), (np.asarray(thermal), thermal_pos))
        wrong = sum(not all(_holds(own, pos, label) for own, pos in told) for label in set(color))
    if wrong or left_out:
        alone = f"{left_out:,} identities have images of one modality only and are left out. " if left_out else ""
        there = "" if not wrong else (
            f"The original takes a label for a place in color_pos and thermal_pos, and of {wrong:,} labels other people's images, "
            "or none, stand there: it would have paired different people. Here pairs are found by label."
        )  # fmt: skip
        warn(f"{_NAME}: {alone}{there}".rstrip())


def _holds(labels: Any, positions: Any, label: Any) -> bool:
    """Whether the original finds images of this label where it looks for them."""
    try:
        if isinstance(label, str) or not 0 <= label < len(positions):
            return False
        own = np.asarray(positions[label])
        return bool(own.size and np.all(labels[own] == label))
    except (TypeError, IndexError):
        return False
