"""A device -> the most memory that training has used so far."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch


def peak_bytes(device: torch.device) -> int | None:
    """Bytes. On CUDA: the most that torch had allocated on the device since the process began or the statistics were reset
    (`torch.cuda.reset_peak_memory_stats`). Else: the most of this process, workers not included, that was ever resident.

    None where the system does not tell: Windows without psutil.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        resource: Any = importlib.import_module("resource")
    except ImportError:
        return _peak_of_psutil()
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform.startswith("darwin") else peak * 1024  # macOS tells bytes, the others KiB


def _peak_of_psutil() -> int | None:
    """On Windows; psutil is no dependency, and only there it tells a peak."""
    try:
        psutil: Any = importlib.import_module("psutil")
        return int(psutil.Process().memory_info().peak_wset)
    except (ImportError, AttributeError):
        return None
