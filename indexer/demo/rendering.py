"""From a figure to a picture in one of four styles: photo, near infrared, sketch, colour pencil.

Its own file because the styles share everything but the paint: all of them stack the same shapes, the farthest first,
at three times the size, and shrink the result so that edges are smooth.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from indexer.demo.choices import Choices
from indexer.demo.figure import figure
from indexer.demo.geometry import Points, Shape
from indexer.demo.population import Person
from indexer.demo.scenes import HEIGHT, MARGIN, SCALE, WIDTH, Scene, scene
from indexer.demo.shots import Shot
from indexer.demo.wardrobe import Colour

SIZE = (WIDTH, HEIGHT)
_LARGE = (WIDTH * SCALE, HEIGHT * SCALE)
_UNIT = 2.22 * SCALE
"""Large pixels a body unit."""

_SMOOTH = Image.Resampling.HAMMING
"""As sharp as a bicubic filter at a third of its cost."""

_SHADOW = (24, 22, 40)


class Studio:
    """Draws pictures, and keeps what many of them share: scenes, paper and grain."""

    def __init__(self, seed: int) -> None:
        """Open a studio for the data set of a seed."""
        self._seed = seed
        self._scenes: dict[tuple[str, int], Scene] = {}

    def picture(self, person: Person, shot: Shot) -> Image.Image:
        """Return the picture of a person that a shot describes."""
        chance = Choices(self._seed, person.number, "picture", shot.path)
        styles = {"vis": self._photo, "nir": self._infrared, "sketch": self._sketch, "colorpencil": self._pencil}
        return styles[shot.modality](person, shot, chance)

    def _photo(self, person: Person, shot: Shot, chance: Choices) -> Image.Image:
        place = self._scene(person, shot)
        image = _view(place.image, chance)
        light = np.array(place.light) * chance.between(0.97, 1.03)
        draw = ImageDraw.Draw(image, "RGBA")
        shapes = _stand(draw, figure(person, shot.pose), chance)
        colours = person.colours()
        for shape, points in shapes:
            _paint(draw, shape, points, _lit(_colour(shape, colours), light))
        return image.resize(SIZE, _SMOOTH)

    def _infrared(self, person: Person, shot: Shot, chance: Choices) -> Image.Image:
        dim = _view(self._scene(person, shot).image, chance).convert("L")
        image = dim.point([round(14 + v * 0.3) for v in range(256)]).convert("RGB")
        draw = ImageDraw.Draw(image, "RGBA")
        shapes = _stand(draw, figure(person, shot.pose), chance)
        greys: dict[str, Colour] = {ink: (grey, grey, grey) for ink, grey in person.greys().items()}
        greys["glint"] = (255, 255, 255)
        for shape, points in shapes:
            _paint(draw, shape, points, _lit(_colour(shape, greys), np.ones(3)))
        small = image.convert("L").resize(SIZE, _SMOOTH)
        # Infrared lamps bloom: what is bright shines over its edges. Blurred small, as nobody sees the difference.
        glow = small.reduce(4).filter(ImageFilter.GaussianBlur(1.4)).resize(SIZE, Image.Resampling.BICUBIC)
        glow = glow.point([round(v * 0.36) for v in range(256)])
        lit = np.asarray(ImageChops.screen(small, glow), dtype=np.float32) * self._vignette
        row, column = chance.whole(0, 63), chance.whole(0, 63)
        noise = self._grain[row : row + HEIGHT, column : column + WIDTH]
        return Image.fromarray(np.clip(lit + noise * 9 + 2, 0, 255).astype(np.uint8))

    def _sketch(self, person: Person, shot: Shot, chance: Choices) -> Image.Image:
        lines, tones = Image.new("L", _LARGE), Image.new("L", _LARGE)
        pen, tone = ImageDraw.Draw(lines), ImageDraw.Draw(tones)
        colours, wobble = person.colours(), _Wobble(chance)
        for shape, points in _placed(figure(person, shot.pose), chance, 0.0):
            bent = wobble.bend(points)
            if shape.width:
                pen.line(_flat(bent), 190, max(3, round(shape.width * _UNIT * 0.6)), "curve")
                continue
            darkness = 255 - round(_brightness(_colour(shape, colours)))
            if shape.ink != "skin":
                tone.polygon(_flat(bent), darkness)
            elif shape.outline:
                tone.polygon(_flat(bent), 0)
            if shape.outline:
                pen.polygon(_flat(bent), 0)
                _trace(pen, bent, wobble, chance)
        light, dark = self._hatching
        hatched = ImageChops.lighter(
            ImageChops.multiply(light, tones.point([170 if v > 60 else 0 for v in range(256)])),
            ImageChops.multiply(dark, tones.point([190 if v > 135 else 0 for v in range(256)])),
        )
        ink = ImageChops.lighter(lines, hatched).resize(SIZE, _SMOOTH)
        paper = self._sheet(chance, (248, 246, 240))
        return Image.composite(Image.new("RGB", SIZE, (52, 50, 56)), paper, ink)

    def _pencil(self, person: Person, shot: Shot, chance: Choices) -> Image.Image:
        paper = self._sheet(chance, (252, 249, 242))
        area, lines = Image.new("L", _LARGE), Image.new("L", _LARGE)
        crayons = Image.new("RGB", _LARGE, (255, 255, 255))
        contours = Image.new("RGB", _LARGE)
        fill, pen = ImageDraw.Draw(crayons), ImageDraw.Draw(lines)
        cover, contour = ImageDraw.Draw(area), ImageDraw.Draw(contours)
        colours, wobble = person.colours(), _Wobble(chance)
        for shape, points in _placed(figure(person, shot.pose), chance, 0.0):
            if shape.ink in ("shade", "glint"):
                continue
            bent = wobble.bend(points)
            colour = _colour(shape, colours)
            deep = _lit(colour, np.full(3, 0.62))
            if shape.width:
                thick = max(3, round(shape.width * _UNIT * 0.65))
                pen.line(_flat(bent), 225, thick, "curve")
                contour.line(_flat(bent), deep, thick + 4, "curve")
                continue
            fill.polygon(_flat(bent), colour)
            cover.polygon(_flat(bent), 255)
            if shape.outline:
                pen.polygon(_flat(bent), 0)
                _trace(pen, bent, wobble, chance)
                # Only the colour of the line, wide and rough: where the line runs, ``lines`` says.
                contour.line(_flat(np.concatenate([bent[::2], bent[:2]])), deep, 14)
        strokes = ImageChops.multiply(area, self._crayon)
        large = Image.composite(crayons, Image.new("RGB", _LARGE, (252, 249, 242)), strokes)
        large.paste(contours, mask=lines)
        return ImageChops.multiply(large.resize(SIZE, _SMOOTH), ImageChops.screen(paper, paper))

    def _scene(self, person: Person, shot: Shot) -> Scene:
        key = (shot.source, shot.camera)
        if key not in self._scenes:
            self._scenes[key] = scene(self._seed, *key)
        return self._scenes[key]

    @cached_property
    def _grain(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return Choices(self._seed, "grain").grain(HEIGHT + 64, WIDTH + 64)

    @cached_property
    def _vignette(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        fall: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = (1.1 - 0.34 * (x**2 * 0.8 + y**2)).astype(np.float32)
        return fall

    @cached_property
    def _hatching(self) -> tuple[Image.Image, Image.Image]:
        light = _strokes(Choices(self._seed, "light hatching"), 62, 13, 2)
        return light, ImageChops.lighter(light, _strokes(Choices(self._seed, "dark hatching"), 28, 12, 2))

    @cached_property
    def _crayon(self) -> Image.Image:
        one = _strokes(Choices(self._seed, "crayon"), 58, 7, 5)
        two = _strokes(Choices(self._seed, "second crayon"), 40, 11, 5)
        both = ImageChops.lighter(one, two.point([round(v * 0.8) for v in range(256)]))
        grain = Choices(self._seed, "tooth").grain(*_LARGE[::-1]) * 40
        strokes = np.asarray(both, dtype=np.float32) * 0.55 + 112 + grain
        return Image.fromarray(np.clip(strokes, 0, 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(1))

    def _sheet(self, chance: Choices, colour: Colour) -> Image.Image:
        row, column = chance.whole(0, 63), chance.whole(0, 63)
        grain = self._grain[row : row + HEIGHT, column : column + WIDTH, None]
        return Image.fromarray(np.clip(np.array(colour, np.float32) + grain * 6, 0, 255).astype(np.uint8))


class _Wobble:
    """A hand's unsteadiness: a smooth field that moves every point a little, so that what touches stays together."""

    def __init__(self, chance: Choices) -> None:
        self._waves = np.array([[chance.between(-0.035, 0.035), chance.between(-0.035, 0.035)] for _ in range(6)])
        self._phases = np.array([chance.between(0, 6.28) for _ in range(6)])

    def bend(self, points: Points, strength: float = 1.5) -> Points:
        wave = np.sin(points @ self._waves.T + self._phases)
        bent: Points = points + strength * np.stack([wave[:, :3].sum(axis=1), wave[:, 3:].sum(axis=1)], axis=1)
        return bent


def _view(full: Image.Image, chance: Choices) -> Image.Image:
    """Return a picture-sized part of a scene."""
    x, y = chance.whole(0, 2 * MARGIN * SCALE), chance.whole(MARGIN * SCALE - 12, MARGIN * SCALE + 12)
    return full.crop((x, y, x + _LARGE[0], y + _LARGE[1]))


def _stand(draw: ImageDraw.ImageDraw, shapes: list[Shape], chance: Choices) -> list[tuple[Shape, Points]]:
    """Put a figure on the ground, with its shadow."""
    placed = _placed(shapes, chance, 5.0)
    low = max(float(points[:, 1].max()) for _, points in placed)
    centre = placed[-1][1][:, 0].mean() * 0.2 + _LARGE[0] * 0.4
    for wide in (88, 76, 62):
        left, right = centre - wide + 14, centre + wide + 14
        draw.ellipse((left, low - wide * 0.17, right, low + wide * 0.11), fill=(*_SHADOW, 34))
    return placed


def _placed(shapes: list[Shape], chance: Choices, roam: float) -> list[tuple[Shape, Points]]:
    """Return the shapes with their points in large pixels."""
    scale = _UNIT * chance.between(0.98, 1.02)
    origin = np.array([WIDTH / 2 + chance.between(-roam, roam), HEIGHT - 11 + chance.between(-2.5, 2.5)]) * SCALE
    return [(shape, shape.points * scale + origin) for shape in shapes]


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, points: Points, colour: Colour) -> None:
    if shape.width:
        draw.line(_flat(points), colour, max(2, round(shape.width * _UNIT)), "curve")
    elif shape.ink == "shade":
        draw.polygon(_flat(points), (*_SHADOW, 30))
    else:
        draw.polygon(_flat(points), colour)


def _trace(pen: ImageDraw.ImageDraw, points: Points, wobble: _Wobble, chance: Choices) -> None:
    """Draw a contour the way a hand does: with changing pressure, and partly a second time, slightly beside it."""
    loop = np.concatenate([points, points[:1]])
    step = max(4, len(loop) // 5)
    for start in range(0, len(loop) - 1, step):
        pen.line(_flat(loop[start : start + step + 1]), chance.whole(190, 250), chance.whole(3, 4))
    if len(loop) > 24:
        begin = chance.whole(0, len(loop) // 2)
        again = loop[begin : begin + len(loop) // 3]
        pen.line(_flat(wobble.bend(again[:, ::-1], 0.9)[:, ::-1]), 120, 2)


def _strokes(chance: Choices, degrees: float, gap: int, width: int) -> Image.Image:
    """Return a large picture full of parallel, slightly irregular strokes."""
    image = Image.new("L", _LARGE)
    draw = ImageDraw.Draw(image)
    angle = np.deg2rad(degrees)
    along, across = np.array([np.cos(angle), -np.sin(angle)]), np.array([np.sin(angle), np.cos(angle)])
    corners = np.array([(x, y) for x in (0, _LARGE[0]) for y in (0, _LARGE[1])])
    start, end = float((corners @ along).min()), float((corners @ along).max())
    for row in np.arange((corners @ across).min(), (corners @ across).max(), gap):
        position = start - chance.between(0, 100)
        while position < end:
            length, slant = chance.between(60, 150), chance.between(-3, 3)
            shift = row + chance.between(-0.22, 0.22) * gap
            ends = (along * position + across * shift, along * (position + length) + across * (shift + slant))
            draw.line(_flat(np.concatenate(ends)), chance.whole(140, 255), width + chance.whole(0, 1))
            position += length + chance.between(0, 6)
    return image


def _colour(shape: Shape, colours: dict[str, Colour]) -> Colour:
    if shape.ink == "brow":
        return _lit(colours["hair"], np.full(3, 0.8))
    colour = colours.get(shape.ink, (255, 255, 255) if shape.ink == "glint" else _SHADOW)
    return _lit(colour, np.full(3, shape.tone))


def _lit(colour: Colour, light: Points) -> Colour:
    red, green, blue = (min(255, int(part * factor + 0.5)) for part, factor in zip(colour, light, strict=True))
    return red, green, blue


def _brightness(colour: Colour) -> float:
    return 0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2]


def _flat(points: Points) -> list[float]:
    flat: list[float] = points.ravel().tolist()
    return flat
