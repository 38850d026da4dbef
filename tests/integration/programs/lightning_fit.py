"""Lightning: with and without `use_distributed_sampler`, loaders made in the hook or handed to `fit`, runs that go on."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torchdata.stateful_dataloader import StatefulDataLoader

from sampler_runtime import PKBatchSampler
from tests.integration.programs import seen

warnings.filterwarnings("ignore", "'set_vital' is deprecated")


class Model(LightningModule):
    """It makes its loader in the hook; `fit(train_dataloaders=)` goes before that."""

    def __init__(self, sampler: PKBatchSampler, make: Callable[..., Any] = seen.loader) -> None:
        super().__init__()
        self.layer, self.sampler, self.make = torch.nn.Linear(1, 1), sampler, make
        self.seen: seen.Seen = []

    def training_step(self, rows: torch.Tensor, _: int) -> torch.Tensor:
        self.seen.append((self.current_epoch, rows.tolist()))
        return seen.loss(self.layer, rows)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.01)

    def train_dataloader(self) -> Any:
        return self.make(self.sampler)


class SavesTheState(Model):
    """Lightning keeps no loader's place but a stateful one's: so the module saves the sampler's, in batches trained."""

    trained = 0

    def training_step(self, rows: torch.Tensor, number: int) -> torch.Tensor:
        self.trained = (number + 1) * self.trainer.world_size
        return super().training_step(rows, number)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["sampler"] = {**self.sampler.state_dict(), "epoch": self.current_epoch, "batch": self.trained}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.sampler.load_state_dict(checkpoint["sampler"])


def trainer(use_distributed_sampler: bool = True, **further: Any) -> Trainer:
    quiet = ("logger", "enable_progress_bar", "enable_model_summary")
    settings = {"max_epochs": seen.EPOCHS, "enable_checkpointing": False, **dict.fromkeys(quiet, False), **further}
    return Trainer(
        accelerator="cpu", devices=seen.WORLD, strategy="ddp" if seen.WORLD > 1 else "auto",
        use_distributed_sampler=use_distributed_sampler, **settings,
    )  # fmt: skip


def fit(use_distributed_sampler: bool, handed: bool, **further: Any) -> seen.Seen:
    model = Model(seen.sampler(**further))
    loaders = {"train_dataloaders": seen.loader(model.sampler)} if handed else {}
    trainer(use_distributed_sampler).fit(model, **loaders)
    return model.seen


def goes_on(name: str, stop: int, make: Callable[..., Any], kind: type[Model] = Model, hands: bool = True) -> Any:
    """What a run saw up to its checkpoint after some steps, and what the run saw that went on from there."""
    keeps = ModelCheckpoint(seen.FOLDER / name, filename="at", every_n_train_steps=stop)
    first, second = kind(seen.sampler(), make), kind(seen.sampler(), make)
    loaders = [{"train_dataloaders": make(model.sampler)} if hands else {} for model in (first, second)]
    trainer(hands, max_steps=stop, enable_checkpointing=True, callbacks=[keeps]).fit(first, **loaders[0])
    trainer(hands).fit(second, ckpt_path=seen.FOLDER / name / "at.ckpt", **loaders[1])
    return first.seen, second.seen


def stateful(batches: PKBatchSampler) -> Any:
    return StatefulDataLoader(seen.Rows(), batch_sampler=batches)


def main() -> None:
    own = len(seen.sampler(rank=0, world_size=seen.WORLD))
    cases: dict[str, Any] = {
        f"use_distributed_sampler={use}, {where}": fit(use, where == "handed")
        for use in (True, False)
        for where in ("hook", "handed")
    }
    for use in (True, False):
        cases[f"split='block', use_distributed_sampler={use}"] = fit(use, True, split="block")
    cases["shard='none', use_distributed_sampler=True"] = fit(True, True, shard="none")
    cases["shard='none', use_distributed_sampler=False"] = fit(False, True, shard="none")
    cases["goes on after an epoch"] = goes_on("after", own, seen.loader)
    cases["goes on inside, stateful loader in the hook"] = goes_on("hook", own + 2, stateful, hands=False)
    cases["goes on inside, stateful loader handed"] = goes_on("handed", own + 2, stateful)
    cases["goes on inside, state saved by the module"] = goes_on("module", own + 2, seen.loader, SavesTheState)
    seen.tell(cases)


if __name__ == "__main__":
    main()
