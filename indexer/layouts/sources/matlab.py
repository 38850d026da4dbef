"""MATLAB files -> nested Python values: version 5 by SciPy, version 7.3 (HDF5) by h5py, each imported when needed.

Structures become objects, cell and structure arrays lists, matrices lists of rows (flat where they have one row or
one column), character arrays texts. Nothing is executed: neither format holds code that a reader would run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from indexer.errors import AnnotationError
from indexer.layouts.sources.text import bytes_of

_VERSION_73 = b"MATLAB 7.3"
_HDF5 = b"\x89HDF"


def matlab_document(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file.

    Raises:
        AnnotationError: It is none, or the package that reads it is not installed.
    """
    head = bytes_of(path)[:128]
    is_hdf5 = head.startswith((_VERSION_73, _HDF5))
    try:
        return _hdf5(path) if is_hdf5 else _version_5(path)
    except ImportError as error:
        version = "7.3 (HDF5)" if is_hdf5 else "5"
        raise AnnotationError(
            f"{path}: a MATLAB file of version {version} needs the package {error.name}; "
            "pip install 'reidindex[mat]' installs it"
        ) from None
    except AnnotationError:
        raise
    except Exception as error:  # readers of damaged files raise nearly anything
        raise AnnotationError(
            f"{path}: not a MATLAB file that can be read ({error}); was the download cut off?"
        ) from None


def _version_5(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    found = loadmat(path, chars_as_strings=True)
    return {name: _plain(value) for name, value in found.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    """A value of SciPy's as plain Python."""
    if isinstance(value, np.void):  # one structure
        return {name: _plain(value[name]) for name in value.dtype.names or ()}
    if not isinstance(value, np.ndarray):
        return value.item() if isinstance(value, np.generic) else value
    if value.dtype.names:
        return [_plain(one) for one in value.ravel(order="F")]
    if value.dtype == object:
        cells = [_plain(one) for one in value.ravel(order="F")]
        return [
            one[0] if isinstance(one, list) and len(one) == 1 and not isinstance(one[0], dict) else one for one in cells
        ]
    if value.dtype.kind == "U":
        words = [str(word).rstrip() for word in value.ravel()]
        return words[0] if len(words) == 1 else words or ""
    return _numbers(value)


def _numbers(value: np.ndarray[Any, Any]) -> Any:
    """A matrix as rows; flat where it is a row or a column. Whole numbers are whole, whatever type held them."""
    if value.dtype.kind == "f" and bool(np.all(np.isfinite(value))) and bool(np.all(value == np.trunc(value))):
        value = value.astype(np.int64)
    return value.ravel().tolist() if value.ndim < 2 or 1 in value.shape else value.tolist()


def _hdf5(path: Path) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:

        def plain(item: Any) -> Any:
            if isinstance(item, h5py.Group):
                return {name: plain(value) for name, value in item.items() if name != "#refs#"}
            values = item[()]
            if item.dtype == h5py.ref_dtype:
                return [plain(file[one]) for one in np.ravel(values, order="C")]
            if item.attrs.get("MATLAB_class") == b"char":
                return "".join(map(chr, np.ravel(values)))
            return _numbers(np.asarray(values).T)  # MATLAB writes columns first

        return {name: plain(value) for name, value in file.items() if not name.startswith("#")}
