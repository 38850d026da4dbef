"""A list of (path, pid, camid) -> the endless samplers of fast-reid: `NaiveIdentitySampler`, `BalancedIdentitySampler`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sampler_runtime.batch_sampler import PKBatchSampler
from sampler_runtime.compat.calling import field_of, identities_in, told_as, warn
from sampler_runtime.compat.labels import LabelIndex, label_index
from sampler_runtime.flat import FlatView

_OTHERWISE = "looks for such a batch for ever"


class NaiveIdentitySampler(FlatView):
    """Rows without end: `BatchSampler(NaiveIdentitySampler(…), mini_batch_size, True)`.

    Now guaranteed, and was not: a setting that no batch can meet raises, where the original hangs; every image comes, before
    any is used again; NumPy's global generator is left alone; `state_dict`, also within a batch, where a
    run used to begin the stream anew.

    Args:
        data_source: Tuples; the second field is the identity, a number or text.
        mini_batch_size: Rows of a batch of one process. Each of several has batches of its own, with other identities.
        num_instances: Rows of each identity, K.
        seed: Fixed for a training run, equal on all ranks; None is 0.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(self, data_source: Any, mini_batch_size: int, num_instances: int, seed: int | None = None) -> None:
        """See the class."""
        name = type(self).__name__
        p, k = identities_in(mini_batch_size, num_instances, name, _OTHERWISE)
        labels = label_index(field_of(data_source, 1, name, "pid"), setting=f"{name}(data_source), pid")
        with told_as(name, "mini_batch_size / num_instances"):
            super().__init__(PKBatchSampler(labels, p, k, epoch="samples", seed=seed or 0), infinite=True)


class BalancedIdentitySampler(FlatView):
    """Rows without end, those of an identity of at least two cameras wherever it was seen by two.

    Now guaranteed, and was not: a setting that no batch can meet raises, where the original hangs; what a block needs is
    promised and not only preferred; identities are all drawn before any is again; NumPy's global generator is left alone;
    `state_dict`. An identity seen by one camera has different images instead; one with a single image is left
    out with a warning: no image of it makes a pair with another.

    Args:
        data_source: Tuples; the second field is the identity, the third the camera, numbers or text.
        mini_batch_size: Rows of a batch of one process. Each of several has batches of its own, with other identities.
        num_instances: Rows of each identity, K.
        seed: Fixed for a training run, equal on all ranks; None is 0.

    Raises:
        SettingsError: A setting that cannot work; the message says what could.
    """

    def __init__(self, data_source: Any, mini_batch_size: int, num_instances: int, seed: int | None = None) -> None:
        """See the class."""
        name = type(self).__name__
        p, k = identities_in(mini_batch_size, num_instances, name, _OTHERWISE)
        labels = label_index(
            field_of(data_source, 1, name, "pid"),
            field_of(data_source, 2, name, "camid"),
            setting=f"{name}(data_source), pid",
        )
        if k == 1:
            index, each = labels, "any"
        else:
            index, each = _every_image_a_camera_where_there_is_one(labels), "cameras>=2"
        with told_as(name, "mini_batch_size / num_instances"):
            super().__init__(PKBatchSampler(index, p, k, each=each, seed=seed or 0), infinite=True)
        single = sum(self.batch_sampler.left_out.values())
        if single:
            warn(
                f"{name}: {single:,} identities with one image are left out; the original pairs the image with itself. "
                "NaiveIdentitySampler draws them"
            )


def _every_image_a_camera_where_there_is_one(labels: LabelIndex) -> LabelIndex:
    """Of identities that one camera has seen, each image counts as a camera's own: "two cameras" then means two images."""
    pid, camid = labels.told["pid"], labels.told["camid"] + 1  # none told is a camera like any other
    low, high = np.full(len(labels.identities) + 1, camid.max()), np.zeros(len(labels.identities) + 1, camid.dtype)
    np.minimum.at(low, pid, camid)
    np.maximum.at(high, pid, camid)
    alone = np.flatnonzero((pid >= 0) & (low == high)[pid])
    camid[alone] = camid.max() + 1 + np.arange(len(alone), dtype=np.int32)
    return replace(labels, told={**labels.told, "camid": camid})
