"""From a camera to its background: the place it looks at, and that place's light.

Its own file because a scene belongs to a camera, not to a person: it is painted once, larger than a picture, and every
picture from the camera is a slightly shifted view of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from indexer.demo.choices import Choices
from indexer.demo.wardrobe import Colour

WIDTH, HEIGHT, MARGIN, SCALE = 128, 256, 10, 3
"""Size of a picture, how far views of a scene may be shifted, and how much larger everything is painted."""

FULL_WIDTH, FULL_HEIGHT = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN


@dataclass(frozen=True)
class Scene:
    """A painted place (``SCALE`` times as large as a picture, plus margins) and the tint of its light."""

    image: Image.Image
    light: tuple[float, float, float]


class _Canvas:
    """Paints in picture coordinates on a larger image."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (FULL_WIDTH * SCALE, FULL_HEIGHT * SCALE))
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def sky(self, y0: float, y1: float, above: Colour, below: Colour) -> None:
        """Fill a horizontal band with a gradient."""
        start, end = round(y0 * SCALE), round(y1 * SCALE)
        share = np.linspace(0, 1, end - start)[:, None]
        rows = (np.array(above) * (1 - share) + np.array(below) * share).round().astype(np.uint8)
        column = Image.fromarray(rows[:, None, :])
        self.image.paste(column.resize((self.image.width, end - start), Image.Resampling.NEAREST), (0, start))

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: tuple[int, ...], radius: float = 0) -> None:
        """Fill a rectangle."""
        corners = (x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
        self._draw.rounded_rectangle(corners, radius * SCALE, fill=fill)

    def disc(self, x: float, y: float, rx: float, ry: float, fill: tuple[int, ...]) -> None:
        """Fill an ellipse."""
        self._draw.ellipse(((x - rx) * SCALE, (y - ry) * SCALE, (x + rx) * SCALE, (y + ry) * SCALE), fill=fill)

    def area(self, fill: tuple[int, ...], *points: tuple[float, float]) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: int) -> None:
        """Add a soft light."""
        for step in range(9, 0, -1):
            self.disc(x, y, radius * step / 9, radius * step / 9, (*colour, strength // 6))


def _street(c: _Canvas, chance: Choices, sky: tuple[Colour, Colour], walls: list[Colour]) -> None:
    c.sky(0, 170, *sky)
    x = -12.0
    while x < FULL_WIDTH:
        wide, top = chance.between(34, 52), chance.between(18, 78)
        wall = chance.pick(walls)
        c.box(x, top, x + wide, 170, wall)
        c.box(x, top, x + wide, top + 4, _shade(wall, 0.9))
        for row in np.arange(top + 12, 146, 20):
            for column in np.arange(x + 6, x + wide - 8, 12):
                c.box(column, row, column + 7, row + 11, _shade(wall, 0.84 if chance.chance(0.7) else 1.1))
        x += wide
    c.sky(168, 198, (168, 166, 168), (178, 176, 176))
    c.box(0, 196, FULL_WIDTH, 200, (204, 200, 194))
    c.sky(200, FULL_HEIGHT, (214, 208, 200), (196, 190, 184))
    for x0 in range(-120, 300, 34):
        c.area((182, 176, 170), (x0 * 0.5 + 40, 200), (x0 * 0.5 + 40.8, 200), (x0 + 1.6, 276), (x0, 276))
    for y in (212, 230, 254):
        c.box(0, y, FULL_WIDTH, y + 0.9, (184, 178, 172))


def _park(c: _Canvas, chance: Choices, sky: tuple[Colour, Colour], leaves: list[Colour]) -> None:
    c.sky(0, 160, *sky)
    for _ in range(3):
        x, y = chance.between(0, FULL_WIDTH), chance.between(18, 56)
        for dx, r in ((-9, 5), (0, 8), (10, 6)):
            c.disc(x + dx, y, r * 1.5, r * 0.8, (255, 255, 255, 120))
    for middle in range(-6, FULL_WIDTH + 10, 22):
        c.disc(middle, 160 - chance.between(0, 8), 22, chance.between(20, 34), _shade(leaves[0], 1.18))
    for x in (chance.between(8, 26), chance.between(116, 138)):
        top = chance.between(64, 88)
        c.box(x - 2.4, top, x + 2.4, 182, (132, 104, 84))
        for dx, dy, r in ((-11, 6, 16), (10, 4, 17), (0, -10, 19), (0, 8, 18)):
            c.disc(x + dx, top + dy, r, r, leaves[1])
        for dx, dy, r in ((-5, -6, 10), (6, -12, 7)):
            c.disc(x + dx, top + dy, r, r, _shade(leaves[1], 1.08))
    c.sky(160, FULL_HEIGHT, _shade(leaves[2], 1.06), leaves[2])
    c.area((222, 206, 178), (52, 168), (82, 168), (150, FULL_HEIGHT), (-14, FULL_HEIGHT))
    c.area((232, 218, 192), (58, 168), (76, 168), (118, FULL_HEIGHT), (16, FULL_HEIGHT))


def _corridor(c: _Canvas, chance: Choices, wall: Colour, floor: Colour, accent: Colour) -> None:
    c.sky(0, FULL_HEIGHT, wall, _shade(wall, 0.94))
    near, far = (0.0, FULL_WIDTH + 0.0), (48.0, 100.0)
    c.area(_shade(wall, 1.06), (0, 0), (FULL_WIDTH, 0), (far[1], 62), (far[0], 62))
    for t in (0.12, 0.42, 0.66):
        y, w = 62 * t, 26 * (1 - t) + 9
        c.area((255, 252, 240), (74 - w, y), (74 + w, y), (74 + w * 0.86, y + 5), (74 - w * 0.86, y + 5))
    c.area(_shade(wall, 0.9), (0, 0), (far[0], 62), (far[0], 160), (0, 224))
    c.area(_shade(wall, 0.96), (FULL_WIDTH, 0), (far[1], 62), (far[1], 160), (FULL_WIDTH, 224))
    c.box(far[0], 62, far[1], 160, _shade(wall, 1.03))
    c.box(62, 92, 86, 160, accent)
    c.box(65, 96, 73, 130, _shade(accent, 1.3))
    c.box(75, 96, 83, 130, _shade(accent, 1.3))
    for t0, t1 in ((0.1, 0.42), (0.6, 0.82)):
        for side in (0, 1):
            xs = [near[side] + (far[side] - near[side]) * t for t in (t0, t1)]
            top, foot = [48 + 52 * t for t in (t0, t1)], [224 - 64 * t for t in (t0, t1)]
            tone = _shade(accent, 1.0 + 0.08 * side)
            c.area(tone, (xs[0], top[0]), (xs[1], top[1]), (xs[1], foot[1]), (xs[0], foot[0]))
    c.area(floor, (far[0], 160), (far[1], 160), (FULL_WIDTH, 224), (FULL_WIDTH, 276), (0, 276), (0, 224))
    shine = chance.whole(50, 80)
    c.area((255, 255, 255, shine), (66, 160), (82, 160), (104, FULL_HEIGHT), (44, FULL_HEIGHT))
    c.area((255, 255, 255, shine // 2), (60, 160), (88, 160), (122, FULL_HEIGHT), (26, FULL_HEIGHT))


def _night(c: _Canvas, chance: Choices, sky: tuple[Colour, Colour], window: Colour) -> None:
    c.sky(0, 176, *sky)
    for _ in range(30):
        r = chance.between(0.3, 0.7)
        c.disc(chance.between(0, FULL_WIDTH), chance.between(2, 80), r, r, (236, 232, 250, 170))
    x = -8.0
    while x < FULL_WIDTH:
        wide, top = chance.between(24, 40), chance.between(58, 112)
        wall = _shade(sky[0], chance.between(0.82, 1.12))
        c.box(x, top, x + wide, 176, wall)
        for row in np.arange(top + 8, 158, 12):
            for column in np.arange(x + 4, x + wide - 6, 9):
                if chance.chance(0.36):
                    c.box(column, row, column + 4.4, row + 6.4, (*window, chance.whole(90, 200)))
        x += wide
    c.sky(176, FULL_HEIGHT, _shade(sky[1], 0.86), _shade(sky[1], 0.62))
    c.box(0, 190, FULL_WIDTH, 193, _shade(sky[1], 1.1))
    for x, y in ((22, 66), (126, 66)):
        c.box(x - 1.1, y, x + 1.1, 194, (36, 38, 60))
        c.glow(x, y, 44, (255, 214, 150), 110)
        c.disc(x, y, 5, 5, (255, 240, 206))
        for step in range(5):
            c.disc(x, 238, 40 - 7 * step, 15 - 2.6 * step, (255, 214, 150, 16))


def _waterfront(c: _Canvas, chance: Choices, sky: tuple[Colour, Colour], water: Colour) -> None:
    c.sky(0, 132, *sky)
    c.disc(chance.between(30, 118), chance.between(44, 70), 12, 12, (255, 248, 226))
    c.area(_shade(water, 0.86), (0, 118), (30, 104), (58, 116), (92, 100), (128, 114), (148, 108), (148, 134), (0, 134))
    c.sky(130, 196, _shade(water, 1.16), water)
    for _ in range(18):
        x, y = chance.between(0, FULL_WIDTH), chance.between(136, 186)
        c.box(x, y, x + chance.between(6, 18), y + 1.1, (255, 255, 255, 80))
    x, y = chance.pick((28, 116)), 142
    c.area((250, 246, 238), (x, y - 26), (x + 13, y - 3), (x, y - 3))
    c.area((232, 120, 98), (x - 2, y - 20), (x - 2, y - 3), (x - 10, y - 3))
    c.area((124, 88, 72), (x - 13, y), (x + 15, y), (x + 10, y + 5), (x - 9, y + 5))
    c.sky(194, FULL_HEIGHT, (214, 190, 158), (190, 162, 130))
    for y in (208, 224, 244, 266):
        c.box(0, y, FULL_WIDTH, y + 1, (168, 140, 112))
    c.box(0, 160, FULL_WIDTH, 163, (244, 240, 232))
    for x in range(4, FULL_WIDTH, 22):
        c.box(x, 160, x + 2.2, 198, (244, 240, 232))


def _shop(c: _Canvas, chance: Choices, wall: Colour, awning: Colour) -> None:
    c.box(0, 0, FULL_WIDTH, 206, wall)
    for x in (14, 60, 106):
        c.box(x, 8, x + 28, 50, _shade(wall, 0.88), 2)
        c.box(x + 3, 11, x + 25, 47, (206, 222, 228))
        c.box(x + 13.2, 11, x + 14.8, 47, _shade(wall, 0.88))
    c.box(6, 88, 142, 200, _shade(wall, 0.72))
    c.box(12, 94, 92, 186, (196, 216, 220))
    c.area((255, 255, 255, 70), (20, 186), (52, 94), (70, 94), (38, 186))
    c.box(100, 94, 136, 204, _shade(awning, 0.8))
    c.box(106, 100, 130, 168, (206, 222, 224))
    c.disc(104, 152, 1.4, 1.4, (240, 220, 160))
    for index, x in enumerate(range(0, FULL_WIDTH, 12)):
        tone = awning if index % 2 else (246, 240, 230)
        c.area(tone, (x, 66), (x + 12, 66), (x + 12, 92), (x, 92))
        c.disc(x + 6, 92, 6, 5, tone)
    for x in (18, 40, 66):
        c.box(x, 176, x + 14, 190, (178, 116, 84), 2)
        c.disc(x + 7, 171, 8.5, 8, (118, 152, 110))
        c.disc(x + 4, 168, 2, 2, chance.pick([(240, 150, 150), (250, 210, 120)]))
    c.sky(204, FULL_HEIGHT, (218, 210, 200), (194, 186, 178))
    for y in (216, 232, 254):
        c.box(0, y, FULL_WIDTH, y + 0.9, (184, 174, 166))


def _metro(c: _Canvas, chance: Choices, tile: Colour, line: Colour) -> None:
    c.box(0, 0, FULL_WIDTH, 204, tile)
    for row, y in enumerate(range(20, 204, 9)):
        c.box(0, y, FULL_WIDTH, y + 0.7, _shade(tile, 0.9))
        for x in range(-9 * (row % 2), FULL_WIDTH, 18):
            c.box(x, y, x + 0.7, y + 9, _shade(tile, 0.9))
    c.sky(0, 20, (92, 96, 108), (116, 120, 130))
    c.box(10, 8, 60, 11, (255, 252, 236), 1)
    c.box(88, 8, 138, 11, (255, 252, 236), 1)
    c.box(0, 74, FULL_WIDTH, 92, line)
    c.box(0, 77, FULL_WIDTH, 78, (255, 255, 255, 150))
    c.box(0, 88, FULL_WIDTH, 89, (255, 255, 255, 150))
    left = chance.pick((8, 102))
    c.box(left, 104, left + 36, 160, (248, 246, 242), 2)
    c.disc(left + 18, 126, 11, 11, _shade(line, 1.2))
    c.area((255, 255, 255, 190), (left + 10, 134), (left + 18, 116), (left + 26, 134))
    c.box(left + 7, 146, left + 29, 148.5, (180, 180, 184))
    c.box(left + 7, 151, left + 22, 153.5, (200, 200, 204))
    c.sky(204, FULL_HEIGHT, (182, 182, 188), (160, 160, 168))
    c.box(0, 214, FULL_WIDTH, 220, (238, 204, 104))
    for y in (234, 256):
        c.box(0, y, FULL_WIDTH, y + 0.9, (148, 148, 156))


def _yard(c: _Canvas, chance: Choices, brick: Colour) -> None:
    c.box(0, 0, FULL_WIDTH, 196, brick)
    for row, y in enumerate(range(0, 196, 8)):
        for left in range(-9 * (row % 2), FULL_WIDTH, 18):
            c.box(left + 0.6, y + 0.6, left + 17.2, y + 7.2, _shade(brick, chance.between(0.95, 1.07)), 0.6)
    for x in (10, 100):
        c.box(x, 38, x + 38, 100, (238, 230, 218))
        c.box(x + 4, 42, x + 34, 96, (168, 194, 204))
        c.area((255, 255, 255, 80), (x + 8, 96), (x + 20, 42), (x + 28, 42), (x + 16, 96))
        c.box(x + 18, 42, x + 20, 96, (238, 230, 218))
        c.box(x - 2, 100, x + 40, 104, (226, 216, 204))
    for _ in range(26):
        leaf = chance.between(-4, 26), chance.between(110, 196)
        c.disc(*leaf, 6, 5.4, _shade((108, 142, 104), chance.between(0.9, 1.16)))
    c.sky(196, FULL_HEIGHT, (206, 198, 190), (186, 176, 168))
    c.box(0, 194, FULL_WIDTH, 198, (170, 158, 150))
    for row, y in enumerate(range(206, FULL_HEIGHT, 14)):
        c.box(0, y, FULL_WIDTH, y + 0.8, (172, 162, 154))
        for left in range(-14 * (row % 2), FULL_WIDTH, 28):
            c.box(left, y, left + 0.8, y + 14, (172, 162, 154))


Painter = Callable[[_Canvas, Choices], None]
Light = tuple[float, float, float]

_GREENS: list[Colour] = [(150, 190, 140), (112, 164, 112), (168, 204, 138)]
_AUTUMN: list[Colour] = [(206, 176, 116), (220, 146, 82), (202, 192, 130)]
_PLACES: dict[tuple[str, int], tuple[Painter, Light]] = {
    ("llcm", 1): (lambda c, k: _street(c, k, ((176, 212, 232), (236, 240, 236)),
                                       [(232, 206, 184), (206, 214, 214), (238, 226, 206)]), (1.0, 1.0, 0.99)),
    ("llcm", 2): (lambda c, k: _park(c, k, ((170, 214, 236), (232, 244, 240)), _GREENS), (1.0, 1.01, 0.97)),
    ("llcm", 3): (lambda c, k: _corridor(c, k, (228, 224, 216), (206, 190, 170), (150, 176, 182)), (1.0, 0.98, 0.94)),
    ("llcm", 4): (lambda c, k: _night(c, k, ((42, 46, 86), (96, 84, 126)), (255, 214, 130)), (0.8, 0.78, 0.9)),
    ("llcm", 5): (lambda c, k: _waterfront(c, k, ((152, 204, 226), (248, 232, 210)), (108, 170, 186)),
                  (1.03, 1.0, 0.95)),
    ("llcm", 6): (lambda c, k: _shop(c, k, (232, 214, 196), (120, 162, 152)), (1.0, 0.99, 0.96)),
    ("llcm", 7): (lambda c, k: _metro(c, k, (232, 234, 232), (84, 142, 170)), (0.95, 0.98, 1.0)),
    ("llcm", 8): (lambda c, k: _yard(c, k, (206, 142, 116)), (0.98, 0.96, 0.94)),
    ("llcm", 9): (lambda c, k: _street(c, k, ((244, 190, 160), (252, 226, 190)),
                                       [(196, 146, 136), (214, 170, 146), (176, 140, 146)]), (1.02, 0.93, 0.86)),
    ("sysu", 1): (lambda c, k: _corridor(c, k, (214, 222, 226), (176, 184, 190), (120, 142, 168)), (0.97, 0.99, 1.0)),
    ("sysu", 2): (lambda c, k: _park(c, k, ((204, 220, 228), (248, 236, 216)), _AUTUMN), (1.02, 0.98, 0.92)),
    ("sysu", 3): (lambda c, k: _night(c, k, ((44, 50, 70), (90, 92, 110)), (250, 226, 170)), (0.8, 0.8, 0.9)),
    ("sysu", 4): (lambda c, k: _street(c, k, ((196, 208, 222), (232, 234, 238)),
                                       [(178, 192, 204), (204, 206, 206), (222, 214, 204)]), (0.97, 0.98, 1.0)),
    ("sysu", 5): (lambda c, k: _shop(c, k, (214, 220, 222), (204, 116, 104)), (1.0, 0.99, 0.98)),
    ("sysu", 6): (lambda c, k: _metro(c, k, (204, 206, 204), (132, 116, 140)), (0.9, 0.9, 0.95)),
}  # fmt: skip


def scene(seed: int, source: str, camera: int) -> Scene:
    """Return what one camera sees when nobody is there.

    Args:
        seed: the seed of the data set.
        source: the data set the camera claims to be from, ``llcm`` (cameras 1 to 9) or ``sysu`` (1 to 6).
        camera: the number of the camera.
    """
    painter, light = _PLACES[source, camera]
    canvas = _Canvas()
    painter(canvas, Choices(seed, "scene", source, camera))
    # A little out of focus and hazy, so that the person stands out.
    blurred = canvas.image.filter(ImageFilter.BoxBlur(SCALE * 0.8))
    haze = Image.new("RGB", blurred.size, (232, 230, 228) if sum(light) > 2.6 else (58, 56, 92))
    return Scene(Image.blend(blurred, haze, 0.16), light)


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue
