"""From a person and a pose to joints and a trunk: where the body's parts are, before it is dressed.

Its own file because clothes, bags and heads of every view hang on the same few points. Heights are the same in all
views: chin 15, shoulders 20, hips 50, soles 98.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

from indexer.demo.geometry import Pair
from indexer.demo.population import Person

Row = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """How a person is seen.

    Attributes:
        view: front, back or side (facing right until mirrored).
        mirrored: whether the picture is flipped.
        stride: from -1 to 1, which leg is in front and how far; 0 is standing.
        sway: from -1 to 1, small differences of arms and head.
    """

    view: str
    mirrored: bool
    stride: float
    sway: float


@dataclass(frozen=True)
class Leg:
    """Hip, knee and ankle, and how many degrees the foot points down. ``side`` is -1, 1, or 0 seen from the side."""

    joints: tuple[Pair, Pair, Pair]
    foot: float
    side: int


@dataclass(frozen=True)
class Skeleton:
    """A posed body. Of legs and arms the far one comes first; of arms seen from the front the left one in the picture.

    Attributes:
        trunk: (y, left, right) rows from neck to hip.
        legs: both legs.
        arms: shoulder, elbow and wrist of both arms.
        head: where the head's middle is.
    """

    trunk: tuple[Row, ...]
    legs: tuple[Leg, Leg]
    arms: tuple[tuple[Pair, Pair, Pair], tuple[Pair, Pair, Pair]]
    head: Pair


def pose_body(person: Person, pose: Pose) -> Skeleton:
    """Return the skeleton of a person in a pose."""
    return _from_side(person, pose) if pose.view == "side" else _upright(person, pose)


def _upright(person: Person, pose: Pose) -> Skeleton:
    girth = person.girth
    shoulder = (8.7 if person.woman else 10.4) * (0.6 + 0.4 * girth)
    waist = (6.2 if person.woman else 7.9) * girth
    hip = (7.9 if person.woman else 7.8) * girth
    half = [
        (15.4, 2.5), (17.4, shoulder * 0.56), (18.8, shoulder * 0.86), (20.8, shoulder), (25.5, shoulder * 0.94),
        (32.0, shoulder * 0.42 + waist * 0.54), (38.5, waist), (44.5, waist * 0.35 + hip * 0.65), (50.0, hip),
    ]  # fmt: skip
    legs, arms = [], []
    for side in (-1, 1):
        ahead = pose.stride * side
        lift = max(0.0, -ahead) * 3.2
        legs.append(
            Leg(
                (
                    (side * hip * 0.48, 50.0),
                    (side * (hip * 0.47 + 0.4), 73.5 - lift * 0.25),
                    (side * (hip * 0.43 + 0.3 - 0.5 * abs(ahead)), 93.6 - lift),
                ),
                lift,
                side,
            )
        )
        # Arms swing against the legs: the one in front looks shorter and bends inwards.
        front = max(0.0, -ahead)
        out, bend = radians(9 + 4 * pose.sway * side), radians(1 - 15 * front + 3 * pose.sway)
        joint = (side * (shoulder - 1.9), 20.9)
        elbow = (joint[0] + side * 14.5 * sin(out), joint[1] + 14.5 * cos(out))
        lower = 13.5 - 3.0 * front
        arms.append((joint, elbow, (elbow[0] + side * lower * sin(bend), elbow[1] + lower * cos(bend))))
    order = (legs[0], legs[1]) if pose.stride > 0 else (legs[1], legs[0])
    if pose.view == "back":
        order = order[::-1]
    return Skeleton(tuple((y, -x, x) for y, x in half), order, (arms[0], arms[1]), (0.5 * pose.sway, 8.4))


def _from_side(person: Person, pose: Pose) -> Skeleton:
    girth, bust = person.girth, 0.9 if person.woman else 0.0
    trunk = [
        (15.4, -2.4, 1.6), (17.6, -3.7, 2.2), (20.5, -5.0, 3.6), (25.0, -5.3, 4.8 + bust), (29.0, -4.9, 4.9 + bust),
        (34.0, -4.0, 4.5), (39.0, -3.8, 4.5), (45.0, -5.3, 4.7), (50.0, -5.7, 4.7),
    ]  # fmt: skip
    legs = []
    for ahead in (-pose.stride, pose.stride):
        swing = 25 * ahead if ahead > 0 else 19 * ahead
        bend = 6 * abs(ahead) if ahead > 0 else 26 * abs(ahead)
        knee = (24 * sin(radians(swing)) - 0.3, 50 + 24 * cos(radians(swing)))
        shin = radians(swing - bend)
        ankle = (knee[0] + 20.3 * sin(shin), knee[1] + 20.3 * cos(shin))
        legs.append(Leg(((-0.3, 50.0), knee, ankle), -9 * ahead if ahead > 0 else -34 * ahead, 0))
    arms = []
    for ahead in (pose.stride, -pose.stride):
        swing = 24 * ahead + 3 * pose.sway - 2
        joint = (-0.7, 21.2)
        elbow = (joint[0] + 14.5 * sin(radians(swing)), joint[1] + 14.5 * cos(radians(swing)))
        fore = radians(swing + 14 + 16 * max(0.0, ahead))
        arms.append((joint, elbow, (elbow[0] + 13.5 * sin(fore), elbow[1] + 13.5 * cos(fore))))
    rows = tuple((y, left * girth, right * girth) for y, left, right in trunk)
    return Skeleton(rows, (legs[0], legs[1]), (arms[0], arms[1]), (1.3, 8.4))
