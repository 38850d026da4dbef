"""The names and arguments of other samplers -> our engine. Change the import, keep the rest.

    from sampler_runtime.compat import RandomIdentitySampler  # was: from torchreid.data.sampler import …

Each docstring tells what is now guaranteed and was not. A setting with which the original would have mixed people up makes a
`UserWarning`, one that cannot work a `SettingsError`.
"""

from sampler_runtime.compat.balance import BalanceSampler
from sampler_runtime.compat.cross_modal import IdentitySampler
from sampler_runtime.compat.fast_reid import BalancedIdentitySampler, NaiveIdentitySampler
from sampler_runtime.compat.m_per_class import MPerClassSampler
from sampler_runtime.compat.modal_aware import CachedModalAwarePKSampler
from sampler_runtime.compat.random_identity import RandomIdentitySampler

__all__ = [
    "BalanceSampler",
    "BalancedIdentitySampler",
    "CachedModalAwarePKSampler",
    "IdentitySampler",
    "MPerClassSampler",
    "NaiveIdentitySampler",
    "RandomIdentitySampler",
]
