"""From a skeleton and a view to what a person carries.

Its own file because one bag is several things to draw: straps in front, the bag itself behind, another side on every
view. A person carries a bag on their own right, which is the picture's left from the front.
"""

from __future__ import annotations

import numpy as np

from indexer.demo.geometry import Pair, Shape, Silhouette, blob, ellipse
from indexer.demo.population import Person
from indexer.demo.skeleton import Skeleton


def under_body(person: Person, view: str) -> list[Shape]:
    """Return what is seen behind the trunk."""
    if person.bag != "backpack" or view == "back":
        return []
    if view == "front":
        return [Shape(blob((-8.6, 19.4), (8.6, 19.4), (9.6, 34), (8.4, 42), (-8.4, 42), (-9.6, 34)), "bag", 0.72)]
    pack = blob((-4.0, 19.2), (-8.4, 18.8), (-11.4, 22), (-12.2, 33), (-11.4, 41.4), (-7.4, 43.0), (-3.6, 42.4))
    pocket = blob((-10.6, 31), (-13.4, 31.6), (-13.8, 38), (-12.6, 41), (-10.4, 41))
    return [Shape(pocket, "bag", 0.82), Shape(pack, "bag")]


def on_body(person: Person, body: Skeleton, view: str) -> list[Shape]:
    """Return straps and what lies on the trunk, under the arms."""
    if person.bag == "backpack" and view != "back":
        return _straps(body, view)
    if person.bag == "crossbody bag":
        if view == "side":
            strap = np.array([(0.6, 17.4), (2.2, 30), (1.6, 47)])
            bag = blob((-3.6, 46), (4.2, 46), (4.6, 53.5), (-4.0, 53.5))
        else:
            side = 1 if view == "front" else -1
            strap = np.array([(side * 5.4, 18.4), (-side * 8.0, 46.5)])
            bag = blob(*((side * x, y) for x, y in ((-12.4, 45.6), (-4.2, 45.6), (-4.0, 53.4), (-12.6, 53.4))))
        middle = bag.mean(axis=0)
        flap = Shape(np.array([(middle[0] - 3.8, middle[1]), (middle[0] + 3.8, middle[1])]), "bag", 0.7, width=0.4)
        return [Shape(strap, "bag", 0.85, width=0.9), Shape(bag, "bag"), flap]
    return []


def _straps(body: Skeleton, view: str) -> list[Shape]:
    if view == "side":
        strap = blob((-2.6, 16.9), (0.4, 17.0), (3.4, 21), (3.6, 28), (0.2, 34), (-3.0, 36.4), (-3.0, 34.6), (0.2, 30),
                     (1.6, 25), (0.6, 21))  # fmt: skip
        return [Shape(strap, "bag", 0.84)]
    trunk = Silhouette(body.trunk)
    inside = ((0.18, 0.3), (0.7, 0.82))
    return [Shape(trunk.slice(17.6, 40, left, right), "bag", 0.84) for left, right in inside]


def over_body(person: Person, view: str) -> list[Shape]:
    """Return what covers the trunk from behind."""
    if person.bag != "backpack" or view != "back":
        return []
    pack = blob((0, 17.6), (5.6, 18.2), (7.6, 21), (8.2, 32), (7.8, 41.6), (5, 43.2), (-5, 43.2), (-7.8, 41.6),
                (-8.2, 32), (-7.6, 21), (-5.6, 18.2))  # fmt: skip
    pocket = blob((-5.2, 31), (5.2, 31), (5.9, 36), (5.2, 40.8), (-5.2, 40.8), (-5.9, 36))
    return [
        Shape(pack, "bag"),
        Shape(pack[pack[:, 0] > 4.2], "bag", 0.88, outline=False),
        Shape(pocket, "bag", 0.82),
        Shape(np.array([(-5.0, 25.4), (5.0, 25.4)]), "bag", 0.66, width=0.5),
        Shape(np.array([(-3.6, 34.2), (3.6, 34.2)]), "sole", width=0.5),
        Shape(ellipse(0, 18.2, 1.7, 0.8), "bag", 0.66),
    ]


def in_hand(person: Person, wrist: Pair) -> list[Shape]:
    """Return a bag that hangs from a hand."""
    if person.bag not in ("handbag", "briefcase"):
        return []
    x, y = wrist[0], wrist[1] + 2.4
    if person.bag == "briefcase":
        box = blob((x - 5.4, y + 2.4), (x + 5.4, y + 2.4), (x + 5.7, y + 10), (x - 5.7, y + 10))
        handle = blob((x - 1.8, y + 2.6), (x - 1.6, y), (x + 1.6, y), (x + 1.8, y + 2.6))
        clasp = Shape(ellipse(x, y + 5, 0.9, 0.7), "metal")
        return [Shape(handle, "bag", 0.7), Shape(box, "bag"), clasp]
    loop = np.array([(x - 2.8, y + 5.6), (x - 2.0, y + 1), (x, y - 0.6), (x + 2.0, y + 1), (x + 2.8, y + 5.6)])
    pouch = blob((x - 3.6, y + 5), (x + 3.6, y + 5), (x + 5.0, y + 12.4), (x - 5.0, y + 12.4))
    flap = blob((x - 3.7, y + 5), (x + 3.7, y + 5), (x + 3.0, y + 8), (x, y + 9), (x - 3.0, y + 8))
    return [
        Shape(loop, "bag", 0.75, width=0.7),
        Shape(pouch, "bag"),
        Shape(flap, "bag", 0.84),
        Shape(ellipse(x, y + 8.8, 0.6, 0.6), "metal"),
    ]
