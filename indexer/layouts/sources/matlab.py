"""MATLAB files -> nested Python values: version 5 by SciPy, version 7.3 (HDF5) by h5py, each imported when needed.

Structures become objects, cell and structure arrays lists, matrices lists of rows (flat where they have one row or
one column), character arrays texts. Nothing is executed: neither format holds code that a reader would run.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from indexer.errors import AnnotationError, names_told
from indexer.layouts.sources.matlab_bounds import BeyondBoundsError, Hdf5Bounds, check_version_5
from indexer.layouts.sources.text import bytes_of

_VERSION_73 = b"MATLAB 7.3"
_HDF5 = b"\x89HDF"
_EXACT = 2.0**53
"""Whole numbers beyond are not what they seem."""


def matlab_document(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB file.

    Raises:
        AnnotationError: It is none, or the package that reads it is not installed.
    """
    content = bytes_of(path)
    is_hdf5 = content.startswith((_VERSION_73, _HDF5))
    try:
        return _hdf5(content) if is_hdf5 else _version_5(content)
    except ImportError as error:
        version = "7.3 (HDF5)" if is_hdf5 else "5"
        raise AnnotationError(
            f"{path}: a MATLAB file of version {version} needs the package {error.name}; "
            "pip install 'reidindex[mat]' installs it"
        ) from None
    except BeyondBoundsError as error:
        raise AnnotationError(f"{path}: this MATLAB file is not read: {error}") from None
    except RecursionError:
        raise AnnotationError(
            f"{path}: this MATLAB file is not read: its cells lie within each other without end"
        ) from None
    except Exception as error:  # readers of damaged files raise nearly anything
        what = names_told([str(error)])
        raise AnnotationError(
            f"{path}: not a MATLAB file that can be read ({what}); was the download cut off?"
        ) from None


def _version_5(content: bytes) -> dict[str, Any]:
    from scipy.io import loadmat

    check_version_5(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a variable twice, of classes: what it holds is looked at here
        found = loadmat(io.BytesIO(content), chars_as_strings=True)
    return {name: _plain(value) for name, value in found.items() if not name.startswith("__")}


def _plain(value: Any) -> Any:
    """A value of SciPy's as plain Python."""
    if isinstance(value, np.void):  # one structure
        return {name: _single(_plain(value[name])) for name in value.dtype.names or ()}
    if not isinstance(value, np.ndarray):
        return value.item() if isinstance(value, np.generic) else value
    if value.dtype.names:
        return [_plain(one) for one in value.ravel(order="F")]
    if value.dtype == object:
        return [_single(_plain(one)) for one in value.ravel(order="F")]
    if value.dtype.kind == "U":
        words = [str(word).rstrip() for word in value.ravel()]
        return words[0] if len(words) == 1 else words or ""
    return _numbers(value)


def _single(value: Any) -> Any:
    """What a cell or a field holds: a number there is a matrix of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict) else value


def _numbers(value: np.ndarray[Any, Any]) -> Any:
    """A matrix as rows; flat where it is a row or a column. Whole numbers are whole, whatever type held them."""
    if value.dtype.kind == "f" and bool(np.all(np.abs(value) < _EXACT)) and bool(np.all(value == np.trunc(value))):
        value = value.astype(np.int64)
    return value.ravel().tolist() if value.ndim < 2 or 1 in value.shape else value.tolist()


class _Fields(list[Any]):
    """One field of every structure of an array: in HDF5 it says no class, as cells do."""


def _hdf5(content: bytes) -> dict[str, Any]:
    import h5py

    bounds = Hdf5Bounds()
    with h5py.File(io.BytesIO(content), "r") as file:

        def plain(item: Any) -> Any:
            return bounds.once(h5py.h5o.get_info(item.id).addr, lambda: read(item))

        def read(item: Any) -> Any:
            bounds.check(item)
            if isinstance(item, h5py.Group):
                bounds.check_links(item)
                fields = {name: plain(value) for name, value in item.items() if name != "#refs#"}
                if fields and all(isinstance(field, _Fields) for field in fields.values()):  # an array of structures
                    return [dict(zip(fields, values, strict=True)) for values in zip(*fields.values(), strict=True)]
                return {name: _single(value) for name, value in fields.items()}
            is_text = item.attrs.get("MATLAB_class") == b"char"
            if item.attrs.get("MATLAB_empty"):  # what is stored of it is its size
                return "" if is_text else []
            is_cells = h5py.check_ref_dtype(item.dtype) is h5py.Reference
            if item.dtype.kind == "O" and not is_cells:
                return None  # texts of any length, which MATLAB does not write: how many bytes they are, nothing tells
            values = item[()]
            if is_cells:
                kind = list if "MATLAB_class" in item.attrs else _Fields
                return kind(_single(plain(file[one])) for one in np.ravel(values, order="C"))
            values = np.asarray(values).T  # MATLAB writes columns first
            if is_text:
                words = ["".join(map(chr, row)).rstrip() for row in np.atleast_2d(values)]
                return words[0] if len(words) == 1 else words
            return _numbers(values)

        bounds.check_links(file)
        return {name: plain(value) for name, value in file.items() if not name.startswith("#")}
