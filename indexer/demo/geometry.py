"""From a few control points to smooth outlines: curves, ellipses, silhouettes and tubes.

Its own file because it knows nothing of people: the other files say where a knee or a hem is, this one turns that
into polygons. All coordinates are body units: x to the right from the body's axis, y downwards, the ground near 100.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """One layer of a figure: a filled polygon, or a stroke if it has a width.

    ``ink`` names the material (skin, hair, top …), ``tone`` makes it darker or lighter, ``outline`` says whether a
    drawing shows its contour (a shadow has none).
    """

    points: Points
    ink: str
    tone: float = 1.0
    outline: bool = True
    width: float = 0.0


def curve(points: Iterable[Sequence[float]], closed: bool = False, steps: int = 5) -> Points:
    """Return a Catmull-Rom curve through the given points (of any dimension)."""
    control = np.array([tuple(point) for point in points], dtype=np.float64)
    if closed:
        padded = np.concatenate([control[-1:], control, control[:2]])
    else:
        padded = np.concatenate([control[:1], control, control[-1:]])
    a, b, c, d = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = (np.arange(steps) / steps)[None, :, None]
    path = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    flat: Points = path.reshape(-1, control.shape[1])
    return flat if closed else np.concatenate([flat, control[-1:]])


def blob(*points: Pair) -> Points:
    """Return the smooth closed outline through the given points."""
    return curve(points, closed=True)


def symmetric(*points: Pair) -> Points:
    """Return the smooth closed outline through the given right half (top to bottom) and its mirror image."""
    left = [(-x, y) for x, y in reversed(points) if x != 0]
    return curve([*points, *left], closed=True)


def ellipse(x: float, y: float, rx: float, ry: float) -> Points:
    """Return an ellipse."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def turned(points: Points, degrees: float, pivot: Pair = (0.0, 0.0)) -> Points:
    """Return the points turned around a pivot, clockwise on the screen."""
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    around = np.array(pivot)
    result: Points = (points - around) @ matrix + around
    return result


class Silhouette:
    """A trunk-like form: for every height a left and a right edge."""

    def __init__(self, rows: Sequence[tuple[float, float, float]]) -> None:
        """Lay smooth edges through (y, left, right) rows, which go from top to bottom."""
        self._rows = curve(rows)

    def at(self, y: float, across: float) -> Pair:
        """Return the point at a height, ``across`` going from 0 (left edge) to 1 (right edge)."""
        left, right = (float(np.interp(y, self._rows[:, 0], self._rows[:, side])) for side in (1, 2))
        return left + (right - left) * across, y

    def slice(self, top: float = -99.0, bottom: float = 199.0, left: float = 0.0, right: float = 1.0) -> Points:
        """Return the outline of the part between two heights and two positions across."""
        heights = self._rows[:, 0]
        top, bottom = max(top, float(heights[0])), min(bottom, float(heights[-1]))
        inside = heights[(heights > top) & (heights < bottom)]
        y = np.concatenate([[top], inside, [bottom]])
        low, high = np.interp(y, heights, self._rows[:, 1]), np.interp(y, heights, self._rows[:, 2])
        near = np.stack([low + (high - low) * left, y], axis=1)
        far = np.stack([low + (high - low) * right, y], axis=1)
        return np.concatenate([near, far[::-1]])


class Tube:
    """A limb-like form: a path with a half width at every joint."""

    def __init__(self, joints: Sequence[Pair], widths: Sequence[float]) -> None:
        """Lay a smooth path through joints, given half the width at each."""
        path = curve([(x, y, width) for (x, y), width in zip(joints, widths, strict=True)], steps=8)
        self._path, self._width = path[:, :2], path[:, 2]
        along = np.concatenate([self._path[1:2], self._path[2:], self._path[-1:]])
        along -= np.concatenate([self._path[:1], self._path[:-1]])
        along /= np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9
        self._along = along
        self._normal = np.stack([along[:, 1], -along[:, 0]], axis=1)
        length = np.hypot(*np.diff(self._path, axis=0).T).cumsum()
        self._t = np.concatenate([[0.0], length / length[-1]])

    def slice(
        self, start: float = 0.0, end: float = 1.0, left: float = -1.0, right: float = 1.0, cap: float = 0.0
    ) -> Points:
        """Return the outline of a part of the tube.

        Args:
            start: where the part begins, 0 being the first joint.
            end: where it ends, 1 being the last joint.
            left: its edge on one side, from -1 to 1.
            right: its edge on the other side.
            cap: how much both ends are rounded; 1 is a half circle.
        """
        inside = self._t[(self._t > start) & (self._t < end)]
        t = np.concatenate([[start], inside, [end]])
        centre = self._sample(t, self._path)
        normal = self._sample(t, self._normal) * np.interp(t, self._t, self._width)[:, None]
        one, other = centre + normal * left, centre + normal * right
        if not cap:
            return np.concatenate([one, other[::-1]])
        along = self._sample(t[[0, -1]], self._along)
        bend = np.linspace(0, np.pi, 9)[1:-1, None]
        reach = np.hypot(*normal[[0, -1]].T)[:, None] * along * cap
        last = centre[-1] - normal[-1] * np.cos(bend) + reach[-1] * np.sin(bend)
        first = centre[0] + normal[0] * np.cos(bend) - reach[0] * np.sin(bend)
        return np.concatenate([one, last, other[::-1], first])

    def _sample(self, t: Points, values: Points) -> Points:
        return np.stack([np.interp(t, self._t, values[:, axis]) for axis in (0, 1)], axis=1)
