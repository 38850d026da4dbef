"""One stream of batches, many ranks -> which batches each rank takes. Pure.

Rank r of W takes the batches r, r + W, r + 2W, … up to the last full round: every rank takes the same number, no two
the same batch, and together they are the stream of one process up to that round. No rank asks another anything.
"""

from __future__ import annotations

from indexer.errors import SettingsError


def rank_batches(num_batches: int, rank: int, world_size: int) -> range:
    """The numbers of the batches that a rank takes, in order.

    Args:
        num_batches: Batches of the whole epoch.
        rank: Of this process, 0 … world_size - 1.
        world_size: Number of processes.

    Raises:
        SettingsError: The rank is not one of the world's.

    >>> [list(rank_batches(8, rank, 3)) for rank in range(3)]
    [[0, 3], [1, 4], [2, 5]]
    """
    if world_size < 1 or not 0 <= rank < world_size:
        raise SettingsError(f"rank, world_size: expected 0 <= rank < world_size, found rank {rank} of {world_size}")
    return range(rank, num_batches // world_size * world_size, world_size)
