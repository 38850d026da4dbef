"""Numbers -> pictures: SVG that keeps its letters at one size while it stretches, and needs neither script nor network.

Widths are shares of what there is, so a figure is as wide as its column, on a telephone and on paper alike.
"""

from indexer.report.figures.bars import Bar, bars
from indexer.report.figures.grid import grid
from indexer.report.figures.lines import Line, lines
from indexer.report.figures.upset import Combination, upset

__all__ = ["Bar", "Combination", "Line", "bars", "grid", "lines", "upset"]
