"""The front doors: what is exported, and that it is there."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("indexer", ["BuildReport", "IndexFile", "ReidIndexError", "Statistics", "build_index", "statistics"]),
        (
            "sampler_runtime",
            [
                "ContactSheet",
                "Identity",
                "IndexDataset",
                "Instance",
                "JointIndex",
                "MappedIndex",
                "PKBatchSampler",
                "ReidIndexError",
                "Sample",
                "StateError",
                "make_loader",
                "open_index",
                "show_batch",
            ],
        ),
    ],
)
def test_a_package_exports_these_names_sorted(package, names):
    module = importlib.import_module(package)

    assert module.__all__ == sorted(names) == dir(module)
    for name in names:
        assert getattr(module, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


def test_errors_have_one_root_and_the_manners_of_built_in_ones():
    from indexer import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]

    assert len(classes) > 10
    assert all(issubclass(c, errors.ReidIndexError) for c in classes)
    assert issubclass(errors.SettingsError, ValueError)
    assert issubclass(errors.IndexMissingError, FileNotFoundError)
    drawn = errors.__doc__ or ""
    for c in classes:
        assert c.__name__ in drawn, f"{c.__name__} is missing in the tree that the docstring draws"
