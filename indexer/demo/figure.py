"""From a person and a pose to the layers of a figure, ready to be painted in any style.

Its own file because it is the order that makes the view: the same parts, stacked differently, are a front, a back or
a side.
"""

from __future__ import annotations

import numpy as np

from indexer.demo import bags, clothes, head
from indexer.demo.geometry import Shape
from indexer.demo.population import Person
from indexer.demo.skeleton import Pose, pose_body


def figure(person: Person, pose: Pose) -> list[Shape]:
    """Return a person's shapes from the farthest to the nearest.

    The lowest point is at height 0, the body's axis at 0, and about 100 units are a person of middle height.

    Args:
        person: who is drawn.
        pose: how the person stands or walks and from where they are seen.
    """
    body, view = pose_body(person, pose), pose.view
    first, second = body.arms
    hair = _moved(head.behind(person, view), *body.head)
    face = _moved(head.head(person, view), *body.head)
    trunk = clothes.top(person, body, view) + bags.on_body(person, body, view)
    behind = bags.under_body(person, view)
    if view == "side":
        # Facing right a person's right arm, which carries, is the near one; facing left (mirrored) it is the far one.
        far_bag = bags.in_hand(person, first[2]) if pose.mirrored else []
        near_bag = [] if pose.mirrored else bags.in_hand(person, second[2])
        shapes = [
            *far_bag, *clothes.arm(person, first, 0.84), *behind, *clothes.legs(person, body), *trunk, *hair,
            *face, *near_bag, *clothes.arm(person, second, 1.0),
        ]  # fmt: skip
    else:
        right = (first if view == "front" else second)[2]
        sleeves = [*clothes.arm(person, first, 1.0), *clothes.arm(person, second, 0.93)]
        carried = bags.in_hand(person, right)
        if view == "front":
            shapes = [*behind, *hair, *clothes.legs(person, body), *trunk, *carried, *sleeves, *face]
        else:
            pack = bags.over_body(person, view)
            shapes = [*clothes.legs(person, body), *carried, *sleeves, *trunk, *pack, *face]
    size = np.array([-1.0 if pose.mirrored else 1.0, 1.0]) * person.height
    floor = max(float(shape.points[:, 1].max()) for shape in shapes)
    return [Shape((s.points - (0.0, floor)) * size, s.ink, s.tone, s.outline, s.width * person.height) for s in shapes]


def _moved(shapes: tuple[Shape, ...], x: float, y: float) -> list[Shape]:
    return [Shape(s.points + np.array((x, y)), s.ink, s.tone, s.outline, s.width) for s in shapes]
