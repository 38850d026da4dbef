"""Helpers of a training loop -> the same loop with fewer stalls, and a number that shows it.

    from sampler_runtime.training import NormHistory, ThroughputMeter, accumulate, clip_gradients, move_to_device

    meter, norms = ThroughputMeter(progress=True), NormHistory()
    for batch, group in accumulate(meter(loader), 4, model):
        with meter.transfer():
            batch = move_to_device(batch, device)
        with group.sync():
            (criterion(model(batch.image), batch.pid) / group.size).backward()
        if group.is_last:
            clip_gradients(model.parameters(), norms.quantile(0.1), norms)
            optimizer.step()
            optimizer.zero_grad()
    log.info("%s", meter.summary())

Each is a few lines over torch and works without the others; none needs an index or a sampler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampler_runtime.training.accumulation import Group, accumulate
    from sampler_runtime.training.clipping import NormHistory, clip_gradients
    from sampler_runtime.training.compilation import maybe_compile
    from sampler_runtime.training.device import move_to_device
    from sampler_runtime.training.meter import ThroughputMeter
    from sampler_runtime.training.summary import ThroughputSummary
    from sampler_runtime.training.throttle import Every, every

__all__ = [
    "Every",
    "Group",
    "NormHistory",
    "ThroughputMeter",
    "ThroughputSummary",
    "accumulate",
    "clip_gradients",
    "every",
    "maybe_compile",
    "move_to_device",
]

_HOME = {
    "Every": "throttle",
    "Group": "accumulation",
    "NormHistory": "clipping",
    "ThroughputMeter": "meter",
    "ThroughputSummary": "summary",
    "accumulate": "accumulation",
    "clip_gradients": "clipping",
    "every": "throttle",
    "maybe_compile": "compilation",
    "move_to_device": "device",
}


def __getattr__(name: str) -> Any:
    # Late, as in the package above: who only throttles a log line waits for no torch.
    if name not in _HOME:
        raise AttributeError(f"module 'sampler_runtime.training' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"sampler_runtime.training.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
