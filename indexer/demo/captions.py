"""From a person and a shot to an English sentence about what can be seen.

Its own file because wording is a craft of its own. A caption names only what its picture shows: no face from behind,
no hair under a hijab.
"""

from __future__ import annotations

from indexer.demo.choices import Choices
from indexer.demo.population import Person
from indexer.demo.shots import Shot

_GARMENTS = {
    "T-shirt": ("T-shirt", "tee", "short-sleeved top"), "sweater": ("sweater", "knitted jumper", "pullover"),
    "hoodie": ("hoodie", "hooded sweatshirt"), "shirt": ("shirt", "long-sleeved shirt", "button-up shirt"),
    "jacket": ("jacket", "short jacket"), "coat": ("coat", "knee-length coat", "long coat"),
    "dress": ("dress", "knee-length dress", "flared dress"),
}  # fmt: skip
_BOTTOMS = {
    "trousers": ("trousers", "slim trousers", "pants"), "wide trousers": ("wide trousers", "wide-leg trousers"),
    "skirt": ("a {} pleated skirt", "a {} skirt", "a {} knee-length skirt"), "shorts": ("shorts", "knee-length shorts"),
}  # fmt: skip
_CUTS = {"long": "long", "bob": "bobbed", "curly": "curly", "short": "short", "quiff": "swept-up"}
_SHOES = {"sneakers": ("sneakers", "trainers"), "boots": ("boots", "ankle boots"), "shoes": ("shoes",)}


def caption(person: Person, shot: Shot) -> str:
    """Return a sentence or two that describe the person as the shot shows them.

    Args:
        person: who is pictured.
        shot: the picture; its path varies the words.
    """
    chance = Choices(person.seed, person.number, "caption", shot.path)
    who = chance.pick(("woman", "woman", "lady", "female pedestrian") if person.woman else
                      ("man", "man", "guy", "male pedestrian"))  # fmt: skip
    if person.hair_colour == "grey" and person.hair != "bald" and person.hat != "hijab":
        who = "older " + chance.pick(("woman", "lady") if person.woman else ("man", "gentleman"))
    they, their = ("she", "her") if person.woman else ("he", "his")
    subject, look = _an(who), _look(person, shot, chance)
    outfit, shoes = _outfit(person, shot, chance), _shoes(person, chance)
    bag = _bag(person, shot, chance)
    action = _action(shot, chance)
    carrying = f" and carries {bag}" if bag else ""
    carried = f" {they.capitalize()} carries {bag}." if bag else ""
    form = chance.whole(0, 4)
    if form == 0:
        return _sentence(f"{subject} {look} wears {outfit} and {shoes}.{carried}")
    if form == 1:
        return _sentence(f"{subject} {look} {action} in {outfit}. {they} wears {shoes}{carrying}.")
    if form == 2:
        tail = f", with {bag}" if bag else ""
        return _sentence(f"dressed in {outfit}, {subject} {look} {action}{tail}. {their} shoes are {_plain(person)}.")
    if form == 3:
        return _sentence(f"the {who} is wearing {outfit} with {shoes}{carrying}. {they} is seen {look}.")
    return _sentence(f"this is {subject} {look}, who {action} in {outfit}{carrying}. {they} has {shoes} on.")


def _look(person: Person, shot: Shot, chance: Choices) -> str:
    seen = shot.pose.view != "back"
    parts = []
    if person.hat == "hijab":
        parts.append(_an(f"{person.hat_colour} {chance.pick(('hijab', 'headscarf'))}"))
    elif person.hair == "bald":
        parts.append("a bald head" if person.hat == "none" else "no visible hair")
    elif person.hair in ("bun", "ponytail"):
        wordings = (f"{person.hair_colour} hair in a {person.hair}", _an(f"{person.hair_colour} {person.hair}"))
        parts.append(chance.pick(wordings))
    else:
        parts.append(f"{_CUTS[person.hair]} {person.hair_colour} hair")
    if person.hat not in ("none", "hijab"):
        parts.append(_an(f"{person.hat_colour} {person.hat}"))
    if seen and person.glasses:
        parts.append(chance.pick(("glasses", "round glasses")))
    if seen and person.beard:
        parts.append(chance.pick(("a beard", "a full beard")))
    return "with " + _list(parts)


def _outfit(person: Person, shot: Shot, chance: Choices) -> str:
    garment = chance.pick(_GARMENTS[person.top])
    colour, accent = person.top_colour, person.accent
    top = _an(f"{colour} {garment}")
    if person.pattern == "striped":
        top = chance.pick((_an(f"{colour} and {accent} striped {garment}"), f"{top} with {accent} stripes"))
    elif person.pattern == "checked":
        top = chance.pick((_an(f"checked {colour} {garment}"), f"{top} with {_an(accent)} check"))
    elif person.pattern == "dotted":
        top = chance.pick((f"{top} with {accent} dots", _an(f"{accent}-dotted {colour} {garment}")))
    elif person.pattern == "blocked":
        top = f"{top} with {_an(f'{accent} band')} across the chest"
    elif person.pattern == "logo" and shot.pose.view == "front":
        top = f"{top} with {_an(f'{accent} print')} on the chest"
    if person.top == "dress":
        return top
    joint = chance.pick(("over", "and") if " with " in top else ("over", "and", "with"))
    words = chance.pick(_BOTTOMS[person.bottom])
    colour = person.bottom_colour
    if colour.endswith("denim"):
        shade = colour.removesuffix(" denim")
        if person.bottom == "trousers":
            return f"{top} {joint} {shade} {chance.pick(('jeans', 'blue jeans'))}"
        colour = f"{shade} denim"
    below = words.format(colour) if "{}" in words else f"{colour} {words}"
    return f"{top} {joint} {below}"


def _shoes(person: Person, chance: Choices) -> str:
    return f"{person.shoe_colour} {chance.pick(_SHOES[person.shoes])}"


def _plain(person: Person) -> str:
    return f"{person.shoe_colour} {person.shoes}" if person.shoes != "shoes" else person.shoe_colour


def _bag(person: Person, shot: Shot, chance: Choices) -> str:
    if person.bag == "none":
        return ""
    bag = _an(f"{person.bag_colour} {person.bag}")
    places = {
        "backpack": ("on the back", "over both shoulders"), "handbag": ("in one hand", "in the right hand"),
        "crossbody bag": ("at the hip", "on a shoulder strap"), "briefcase": ("in one hand", "in the right hand"),
    }  # fmt: skip
    return f"{bag} {chance.pick(places[person.bag])}" if chance.chance(0.6) else bag


def _action(shot: Shot, chance: Choices) -> str:
    pose = shot.pose
    if abs(pose.stride) < 0.3:
        return {
            "front": "stands facing the camera",
            "back": "stands with the back to the camera",
            "side": "stands sideways",
        }[pose.view]
    moves = {
        "front": ("walks towards the camera", "is walking forward", "strolls along"),
        "back": ("walks away", "is seen from behind", "walks away from the camera"),
        "side": ("walks past", "is walking to the " + ("left" if pose.mirrored else "right"), "strides by"),
    }
    return chance.pick(moves[pose.view])


def _an(words: str) -> str:
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _list(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _sentence(text: str) -> str:
    return ". ".join(sentence[0].upper() + sentence[1:] for sentence in text.split(". "))
