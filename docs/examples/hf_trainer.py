"""Hugging Face's Trainer: its loader is made by one method, which is replaced.

python docs/examples/hf_trainer.py
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from shared import HardTriplets, arguments, augmented, indexed, retrieval, small_model
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from sampler_runtime import IndexDataset, PKBatchSampler, make_loader


def named(samples: list[Any]) -> dict[str, Tensor]:
    """A batch as the Trainer wants it: a dict of tensors."""
    return {"image": torch.stack([s.image for s in samples]), "pid": torch.tensor([s.pid for s in samples])}


class PKTrainer(Trainer):
    """A Trainer over a P×K batch sampler."""

    def __init__(self, sampler: PKBatchSampler, **further: Any) -> None:
        super().__init__(**further)
        self.sampler, self.criterion = sampler, HardTriplets()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Prepared by Accelerate, which deals batches out and hands the epoch on to the sampler."""
        loader = make_loader(self.train_dataset, self.sampler, collate_fn=named)
        return self.accelerator.prepare(loader)

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        """The loss of a batch."""
        return self.criterion(model(inputs["image"]), inputs["pid"])


def main() -> None:
    """Train, and say what it was good for."""
    options = arguments(__doc__)
    index = indexed(options.data, options.identities)
    train = index.select(split="train")

    # shard="none": the Trainer's Accelerate deals the batches out.
    sampler = PKBatchSampler(train, options.p, options.k, each="pair", epoch=options.batches, shard="none")
    model = small_model()
    print("before:", retrieval(model, index))
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            num_train_epochs=options.epochs,
            learning_rate=1e-3,
            lr_scheduler_type="constant",
            max_grad_norm=5.0,
            logging_steps=20,
            save_strategy="no",
            report_to="none",
            remove_unused_columns=False,  # the dataset has no columns that it could look at
            use_cpu=True,
        )
        dataset = IndexDataset(train, augmented)
        PKTrainer(sampler, model=model, args=settings, train_dataset=dataset).train()
    print("after: ", retrieval(model, index))


if __name__ == "__main__":
    main()
