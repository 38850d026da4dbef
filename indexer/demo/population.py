"""From a seed to the people of the demo data set: how they look and how often each is pictured.

Its own file because it is the truth that pictures, captions and files all tell: nothing here is drawn or written, and
everything about a person is a pure function of the seed and the person's number.
"""

from __future__ import annotations

from dataclasses import dataclass

from indexer.demo import wardrobe
from indexer.demo.choices import Choices
from indexer.demo.wardrobe import COLOURS, OUTFITS, Colour

FEWEST, MOST = 8, 4_999
"""How many identities there can be: fewer would leave out the special ones, more have no four-digit folder."""


@dataclass(frozen=True)
class Counts:
    """How many images of each modality there are of one person."""

    vis: int
    nir: int
    sketch: int
    colorpencil: int


@dataclass(frozen=True)
class Person:
    """One identity. Colours are names of the wardrobe, except for skin and hair."""

    seed: int
    number: int
    folder: int
    source_id: int
    train: bool
    counts: Counts
    woman: bool
    height: float
    girth: float
    skin: Colour
    hair: str
    hair_colour: str
    hat: str
    hat_colour: str
    glasses: bool
    beard: bool
    top: str
    top_colour: str
    pattern: str
    accent: str
    bottom: str
    bottom_colour: str
    shoes: str
    shoe_colour: str
    bag: str
    bag_colour: str

    def colours(self) -> dict[str, Colour]:
        """Return the colour of every material of the person's figure."""
        hair = wardrobe.HAIR[self.hair_colour]
        worn = {
            "top": self.top_colour, "accent": self.accent, "bottom": self.bottom_colour, "shoe": self.shoe_colour,
            "bag": self.bag_colour, "hat": self.hat_colour,
        }  # fmt: skip
        return {ink: COLOURS[name] for ink, name in worn.items()} | {
            "skin": self.skin, "hair": hair, "sole": (236, 234, 230), "eye": (46, 38, 44), "metal": (214, 186, 116),
            "lip": _mixed(self.skin, (176, 52, 62), 0.55), "blush": _mixed(self.skin, (226, 96, 88), 0.3),
        }  # fmt: skip

    def greys(self) -> dict[str, int]:
        """Return how bright every material is in near infrared, from 0 to 255.

        Dyes are nearly transparent there, so a garment's brightness follows its fabric and hardly its colour.
        """
        fabric = Choices(self.seed, self.number, "fabric")
        greys = {}
        for ink, (red, green, blue) in self.colours().items():
            seen = (0.3 * red + 0.6 * green + 0.1 * blue) / 255
            greys[ink] = round(255 * (0.27 + 0.43 * fabric.unit() + 0.14 * seen))
        hair = round(98 + 0.3 * wardrobe.HAIR[self.hair_colour][0])
        return greys | {"skin": 206, "hair": hair, "eye": 46, "lip": 160, "blush": 212, "sole": 190, "metal": 215}


def population(identities: int, seed: int) -> list[Person]:
    """Return the people of a data set, in the order of their folders.

    Args:
        identities: how many there are.
        seed: the seed of the data set.

    Raises:
        ValueError: if there are too few or too many identities.
    """
    if not FEWEST <= identities <= MOST:
        raise ValueError(f"number of demo identities: expected {FEWEST} to {MOST}, found {identities}")
    return [person(seed, number) for number in range(1, identities + 1)]


def person(seed: int, number: int) -> Person:
    """Return one person, a pure function of the seed and the person's number (counted from 1)."""
    look = Choices(seed, number, "look")
    woman = look.chance(0.52)
    # Walking through one shuffled list keeps people with neighbouring numbers from wearing the same colours.
    outfits = Choices(seed, "outfits").shuffled(OUTFITS)
    outfit = outfits[number % len(outfits)]
    top = look.weighted(wardrobe.TOPS_OF_WOMEN if woman else wardrobe.TOPS_OF_MEN)
    hat = look.weighted(wardrobe.HATS_OF_WOMEN if woman else wardrobe.HATS_OF_MEN)
    hair = look.weighted(wardrobe.HAIR_OF_WOMEN if woman else wardrobe.HAIR_OF_MEN)
    if hat in ("cap", "beanie", "sun hat") and hair in ("bun", "curly", "quiff"):
        hair = "long" if woman else "short"
    bottom = look.weighted(wardrobe.BOTTOMS_OF_WOMEN if woman else wardrobe.BOTTOMS_OF_MEN)
    if top == "coat" and bottom == "shorts":
        bottom = "trousers"
    skin = look.pick(range(len(wardrobe.SKINS)))
    light_hair = {"auburn": 1.5, "red": 1.0, "blond": 3.0} if skin < 3 else {}
    return Person(
        seed=seed,
        number=number,
        folder=2 * number - look.whole(0, 1),
        source_id=number + number // 7 + 3,
        train=number % 3 != 2,
        counts=_counts(seed, number),
        woman=woman,
        height=look.between(0.93, 0.99) if woman else look.between(0.96, 1.03),
        girth=look.pick((0.92, 0.98, 1.0, 1.05, 1.14)),
        skin=wardrobe.SKINS[skin],
        hair=hair,
        hair_colour=look.weighted({"black": 3.0, "dark brown": 3.0, "brown": 2.0, "grey": 1.0, **light_hair}),
        hat=hat,
        hat_colour=look.pick([name for name in (outfit.accent, outfit.bag, outfit.shoes) if name != outfit.top]),
        glasses=look.chance(0.2),
        beard=not woman and look.chance(0.35),
        top=top,
        top_colour=outfit.top,
        pattern=look.weighted(wardrobe.PATTERNS[top]),
        accent=outfit.accent,
        bottom=bottom,
        bottom_colour=outfit.bottom,
        shoes=look.weighted(wardrobe.SHOES),
        shoe_colour=outfit.shoes,
        bag=look.weighted(wardrobe.BAGS_OF_WOMEN if woman else wardrobe.BAGS_OF_MEN),
        bag_colour=outfit.bag,
    )


def _counts(seed: int, number: int) -> Counts:
    """Return how often a person is pictured.

    The special people sit at fixed numbers, so that the smallest population has them, and in its train part. Those
    without RGB are all there: in the test part every query should find somebody in the gallery.
    """
    many = Choices(seed, number, "counts")
    tail = many.whole(2, 7) if many.chance(0.08) else 0
    vis, nir = many.whole(3, 6) + tail, many.whole(2, 5) + tail // 2
    drawings = 6 if many.chance(0.25) else 3
    if number % 16 == 9:
        return Counts(vis=1, nir=0, sketch=0, colorpencil=0)
    if number % 12 == 6:
        return Counts(vis=0, nir=nir, sketch=drawings, colorpencil=drawings)
    if number % 11 == 4:
        return Counts(vis=vis, nir=0, sketch=drawings, colorpencil=drawings)
    return Counts(vis=vis, nir=nir, sketch=drawings, colorpencil=drawings)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
