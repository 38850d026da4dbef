"""Lightning: `fit` with a loader over a P×K batch sampler.

python docs/examples/lightning_fit.py
"""

from __future__ import annotations

from typing import Any

import lightning
import torch
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model
from torch import Tensor

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader


class People(lightning.LightningModule):
    """The model, its loss and its optimiser."""

    def __init__(self) -> None:
        super().__init__()
        self.model, self.criterion = small_model(), HardTriplets()

    def training_step(self, batch: Any, _number: int) -> Tensor:
        """The loss of a batch, and its place on the progress bar."""
        loss = self.criterion(self.model(batch.image), batch.pid)
        self.log("loss", loss, prog_bar=True)  # reads it every `log_every_n_steps`
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One for all parameters."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def main() -> None:
    """Train, and say what it was good for."""
    options = arguments(__doc__)
    index = indexed(options.data, options.identities)
    train = index.select(split="train")

    # Lightning tells the sampler the epoch, and with several processes the rank: no setting for either.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches)
    loader = make_loader(IndexDataset(train, augmented), sampler)

    people = People()
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=options.epochs,
        gradient_clip_val=5.0,
        log_every_n_steps=20,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    print("before:", retrieval(people.model, index))
    trainer.fit(people, loader)
    print("after: ", retrieval(people.model, index))


if __name__ == "__main__":
    main()
