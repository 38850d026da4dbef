"""The Trainer of transformers: a loader of ours, prepared or not; a sampler where it has no place; runs that go on."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from sampler_runtime import IndexDataset, PKBatchSampler, open_index
from tests.integration.programs import seen


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.seen: list[list[int]] = []

    def forward(self, row: torch.Tensor) -> dict[str, torch.Tensor]:
        self.seen.append(row.tolist())
        return {"loss": seen.loss(self.layer, row)}


def collate(rows: list[int]) -> dict[str, torch.Tensor]:
    return {"row": torch.tensor(rows)}


class TellsTheEpoch(TrainerCallback):
    """For runs that go on inside an epoch: the loader that skips, which it then makes, tells nobody on several processes."""

    def __init__(self, sampler: PKBatchSampler) -> None:
        self.sampler = sampler

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.sampler.set_epoch(int(state.epoch))


class Training(Trainer):
    def __init__(self, sampler: PKBatchSampler, prepared: bool, name: str, **further: Any) -> None:
        settings = TrainingArguments(
            str(seen.FOLDER / name), per_device_train_batch_size=seen.P * seen.K, num_train_epochs=seen.EPOCHS,
            remove_unused_columns=False, report_to="none", use_cpu=True, disable_tqdm=True,
            **{"save_strategy": "no", "logging_strategy": "no", **further},
        )  # fmt: skip
        self.sampler, self.prepared = sampler, prepared
        super().__init__(Model(), settings, data_collator=collate, train_dataset=seen.Rows())  # type: ignore[arg-type]

    def get_train_dataloader(self) -> Any:
        loader = seen.loader(self.sampler, collate_fn=collate)
        return self.accelerator.prepare(loader) if self.prepared else loader


class WithTheSamplerInItsPlace(Trainer):
    def __init__(self, sampler: PKBatchSampler, dataset: Any) -> None:
        self.sampler = sampler
        settings = TrainingArguments(str(seen.FOLDER / "error"), report_to="none", use_cpu=True, disable_tqdm=True)
        super().__init__(Model(), settings, data_collator=collate, train_dataset=dataset)  # type: ignore[arg-type]

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.sampler


def by_epoch(batches: list[list[int]], already: int = 0) -> seen.Seen:
    """With the epoch that each is of, by the number of batches that a rank has in one."""
    own = len(seen.sampler(shard="rank"))
    return [((already + number) // own, rows) for number, rows in enumerate(batches)]


def train(name: str, prepared: bool, **further: Any) -> seen.Seen:
    training = Training(seen.sampler(**further), prepared, name)
    training.train()
    return by_epoch(training.model.seen)  # type: ignore[union-attr, arg-type]


def goes_on(name: str, stop: int, prepared: bool, tells: bool, **further: Any) -> tuple[seen.Seen, seen.Seen]:
    first = Training(seen.sampler(**further), prepared, name, save_strategy="steps", save_steps=stop, max_steps=stop)
    first.train()
    second = Training(seen.sampler(**further), prepared, name)
    if tells:
        second.add_callback(TellsTheEpoch(second.sampler))
    second.train(resume_from_checkpoint=str(seen.FOLDER / name / f"checkpoint-{stop}"))
    return by_epoch(first.model.seen), by_epoch(second.model.seen, stop)  # type: ignore[union-attr, arg-type]


def main() -> None:
    cases: dict[str, Any] = {}
    cases["prepared"] = train("prepared", True)
    cases["not prepared, shard='rank'"] = train("rank", False, shard="rank")
    own = len(seen.sampler(shard="rank"))
    cases["goes on after an epoch, prepared"] = goes_on("after", own, True, tells=False)
    cases["goes on inside, prepared"] = goes_on("inside", own + 2, True, tells=True)
    cases["silent inside, prepared"] = goes_on("silent", own + 2, True, tells=False)
    cases["goes on inside, not prepared"] = goes_on("inside_rank", own + 2, False, tells=True, shard="rank")
    for name, dataset in (("rows", seen.Rows()), ("IndexDataset", IndexDataset(open_index(seen.INDEX)))):
        try:
            WithTheSamplerInItsPlace(seen.sampler(), dataset).train()
        except Exception as error:
            cases[f"in the place of a sampler of rows, {name}"] = seen.message(error)
    seen.tell(cases)


if __name__ == "__main__":
    main()
