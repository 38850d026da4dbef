"""`functools.cached_property` as Python has it from 3.12 on: without a lock.

The lock of older Pythons is shared by all instances. A process that is forked while another thread holds it, as a DataLoader's
workers are, would wait for it for ever. Without it two threads may compute the same value twice.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any, TypeVar

Value = TypeVar("Value")

if TYPE_CHECKING or sys.version_info >= (3, 12):
    cached_property = functools.cached_property
else:

    class cached_property(functools.cached_property[Value]):
        """A property that is computed once an instance."""

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            """The value, computed if nobody has."""
            if instance is None:
                return self
            known = instance.__dict__
            if self.attrname not in known:
                known[self.attrname] = self.func(instance)
            return known[self.attrname]
