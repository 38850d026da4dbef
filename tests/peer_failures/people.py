"""Made-up people, and plain looks at the batches that they are drawn in."""

from __future__ import annotations

from torch.utils.data import DataLoader, Dataset

from tests.populations import Sample

RGB, NIR, SKETCH = ("rgb",), ("nir",), ("sketch",)


def people(images, kinds=(RGB,), cameras=(None,)):
    """An identity for each number, with so many images of each kind."""
    return [
        Sample(f"{who}", kind, cameras[n % len(cameras)])
        for who, many in enumerate(images)
        for kind in kinds
        for n in range(many)
    ]


LONG_TAIL = people([(1, 2, 3, 5, 9, 20)[i % 6] for i in range(61)])
"""As datasets have them: every sixth identity has one image, and no P divides their number."""


def epochs(sampler, number):
    """The batches of the next epochs."""
    return [list(sampler) for _ in range(number)]


def people_in(index, batches):
    """The pids whose rows are drawn."""
    pid = index.column("pid").tolist()
    return {pid[row] for batch in batches for row in batch}


def blocks_of(batch, k):
    """A batch, K rows at a time."""
    return [batch[start : start + k] for start in range(0, len(batch), k)]


def check_p_by_k(index, batches, p, k):
    """Every batch has P different identities and K rows of each, side by side; and there are batches."""
    pid = index.column("pid").tolist()
    batches = list(batches)
    assert batches
    for batch in batches:
        blocks = blocks_of(batch, k)
        owners = [{pid[row] for row in block} for block in blocks]
        assert [len(block) for block in blocks] == [k] * p
        assert all(len(owner) == 1 for owner in owners), "a block of several people"
        assert len(set().union(*owners)) == p, "an identity twice in a batch"


class Rows(Dataset):
    """What a loader gets of it is the row itself."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, row):
        return row


def loaded(index, sampler, workers=0):
    """A loader of rows over a sampler."""
    return DataLoader(
        Rows(len(index)),
        batch_sampler=sampler,
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
    )
