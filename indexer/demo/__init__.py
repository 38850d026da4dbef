"""A small, made-up data set in the ORBench layout, drawn on the spot, for trying things out without a licence."""

from __future__ import annotations

from indexer.demo.tree import DemoSummary, write_demo

__all__ = ["DemoSummary", "write_demo"]
