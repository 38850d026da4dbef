"""A model -> the same model, compiled where that works."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from indexer.errors import SettingsError, did_you_mean

M = TypeVar("M", bound=nn.Module)
_log = logging.getLogger("reidindex")


def maybe_compile(model: M, *example: Any, **options: Any) -> M:
    """The model itself, its calls compiled by torch.compile where that works; else as it was, and the log says why.

    Compiled in place (`nn.Module.compile`), so that the keys of its state_dict stay what they are.

    Args:
        model: On its device, in the mode (`train`, `eval`) that is to be tried.
        example: What it is called with. It is then compiled and tried now, forward, and backward where it has parameters to
            train; gradients, buffers and the state of random numbers are left as they were. Without an example only the tools
            are tried, with a function of one line: what the compiler cannot do with this model shows at its first batch.
        options: Of torch.compile.

    Raises:
        SettingsError: It is no module, torch.compile has no such option, or the model cannot take the example, compiled or not.

    Corner cases:
        - Other shapes, or the other mode, may be compiled anew when they come; the example does not try them.
        - What a forward pass keeps as plain Python values (counters) is not put back.
        - Compile before wrapping in `DistributedDataParallel`.
    """
    if not isinstance(model, nn.Module):
        raise SettingsError(f"maybe_compile(model): expected a torch.nn.Module, found {type(model).__name__}")
    known = [name for name in inspect.signature(torch.compile).parameters if name != "model"]
    for name in options:
        if name not in known:
            raise SettingsError(
                f"maybe_compile({name}=…): torch.compile has no such option; {did_you_mean(name, known)}"
            )
    tried: nn.Module = model if example else _OneLine()
    example = example or (torch.ones(8, device=_device_of(model)),)
    before, started = model._compiled_call_impl, time.perf_counter()
    try:
        _compile(tried, options)
        with _left_as_it_was(tried, example):
            _try(tried, example)
    except Exception as error:  # a compiler may raise anything; training goes on without it
        model._compiled_call_impl = before
        if tried is model:
            _try_uncompiled(model, example)
        _log.warning("torch.compile: not used, the model runs as it is: %s", _reason(error))
        return model
    if tried is not model:
        _compile(model, options)
    what = "the model" if tried is model else "the tools, not the model,"
    _log.info("torch.compile: used; %s tried in %.1f s", what, time.perf_counter() - started)
    return model


def _compile(model: nn.Module, options: dict[str, Any]) -> None:
    if not type(model).forward.__module__.startswith("torch."):
        model.compile(**options)
        return

    uncompiled: Callable[..., Any] = model._call_impl

    # The compiler passes over functions of torch itself, and so over a whole nn.Sequential, without a word. It takes this one.
    def call(*args: Any, **kwargs: Any) -> Any:
        return uncompiled(*args, **kwargs)

    # What it keeps goes by the code, and so does its limit of 8: a copy for each model.
    call.__code__ = call.__code__.replace()
    model._compiled_call_impl = torch.compile(call, **options)


class _OneLine(nn.Module):
    """What any compiler can do whose tools are installed."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.scale.to(x.device)).sin()


def _device_of(model: nn.Module) -> torch.device:
    return next((tensor.device for tensor in _tensors([*model.parameters(), *model.buffers()])), torch.device("cpu"))


def _try(model: nn.Module, example: tuple[Any, ...]) -> None:
    """Forward and backward. The gradients are returned, not added up, so that no `.grad` and no hook of an optimiser sees them."""
    outputs = [tensor for tensor in _tensors(model(*example)) if tensor.requires_grad]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if outputs and trained:
        torch.autograd.grad(outputs, trained, [torch.ones_like(output) for output in outputs], allow_unused=True)


def _try_uncompiled(model: nn.Module, example: tuple[Any, ...]) -> None:
    try:
        with torch.compiler.set_stance("force_eager"), _left_as_it_was(model, example):
            _try(model, example)
    except Exception as error:
        raise SettingsError(
            f"maybe_compile(example): the model cannot take it even uncompiled ({_reason(error)}); "
            "give what it is called with in training"
        ) from error


@contextmanager
def _left_as_it_was(model: nn.Module, example: tuple[Any, ...]) -> Iterator[None]:
    """Buffers and random numbers as before, whatever happens within."""
    owned = [(module, name, old) for module in model.modules() for name, old in module._buffers.items()]
    kept = [None if old is None else old.detach().clone() for _, _, old in owned]
    tensors = _tensors([*example, *model.parameters(), *model.buffers()])
    devices = {tensor.device for tensor in tensors if tensor.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        with torch.no_grad():
            for (module, name, old), values in zip(owned, kept, strict=True):
                module._buffers[name] = old if old is None or values is None else old.copy_(values)


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors of a nested value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _tensors(getattr(value, field.name))


def _reason(error: BaseException) -> str:
    """An exception in one line: compilers explain themselves over many, of which two tell what it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:2]):.300}" if lines else type(error).__name__
