"""Facts -> the sections of the page, in the order they are told."""

from indexer.report.sections.amounts import amounts
from indexer.report.sections.batches import batches
from indexer.report.sections.cameras import cameras
from indexer.report.sections.coverage import coverage
from indexer.report.sections.dataset import dataset
from indexer.report.sections.pictures import pictures
from indexer.report.sections.problems import problems
from indexer.report.sections.splits import splits

SECTIONS = (dataset, coverage, amounts, cameras, splits, batches, pictures, problems)

__all__ = ["SECTIONS"]
