"""Every thing the pocket world can show: its words, its kind, its size and its picture.

Plain data, so that the reader of prompts, the writer of captions and the painter agree on one table. `OBJECTS` are the
things a scene may be about; `PROPS` only furnish places. Pictures are Microsoft Fluent Emoji (animated, MIT), named by
their hexadecimal code point; `sprites` reads them and `pack` rebuilds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["land", "car", "air", "swim", "boat", "ball", "food", "plant", "face", "prop"]


@dataclass(frozen=True)
class Object:
    """One thing with a picture. Directional pictures face left.

    `kind` says how it may move: land walks, car drives, air flies, swim swims under water, boat floats on it, ball and
    food roll, plant stands where it is put (furniture too), face is a standing figure that hops or slides.
    `height` is the side of its square picture in frame heights. `base_colour` is the word of the eight colours that its
    natural picture plainly has, if any; `recolourable` says whether it may be asked for in all eight.
    """

    name: str
    code: str
    nouns: tuple[str, ...]
    plural: str
    kind: Kind
    height: float
    recolourable: bool = False
    base_colour: str | None = None


_LAND = (
    Object("dog", "1f415", ("dog", "puppy"), "dogs", "land", 0.42, True),
    Object("cat", "1f408", ("cat", "kitty"), "cats", "land", 0.40, True),
    Object("rabbit", "1f407", ("rabbit", "bunny"), "rabbits", "land", 0.36, True),
    Object("penguin", "1f427", ("penguin",), "penguins", "land", 0.38),
    Object("elephant", "1f418", ("elephant",), "elephants", "land", 0.58, True),
    Object("giraffe", "1f992", ("giraffe",), "giraffes", "land", 0.62),
    Object("zebra", "1f993", ("zebra",), "zebras", "land", 0.50),
    Object("horse", "1f40e", ("horse", "pony"), "horses", "land", 0.52, True),
    Object("cow", "1f404", ("cow",), "cows", "land", 0.48),
    Object("pig", "1f416", ("pig", "piglet"), "pigs", "land", 0.40, True, "pink"),
    Object("sheep", "1f411", ("sheep", "lamb"), "sheep", "land", 0.42, False, "white"),
    Object("rooster", "1f413", ("rooster",), "roosters", "land", 0.40),
    Object("chick", "1f424", ("chick",), "chicks", "land", 0.30, True, "yellow"),
    Object("duck", "1f986", ("duck",), "ducks", "land", 0.36),
    Object("turtle", "1f422", ("turtle", "tortoise"), "turtles", "land", 0.36, True, "green"),
    Object("snail", "1f40c", ("snail",), "snails", "land", 0.30, True),
    Object("dinosaur", "1f995", ("dinosaur", "dino"), "dinosaurs", "land", 0.60, True, "green"),
    Object("t-rex", "1f996", ("t-rex", "tyrannosaurus"), "t-rexes", "land", 0.58, True, "green"),
    Object("tiger", "1f405", ("tiger",), "tigers", "land", 0.48, False, "orange"),
    Object("kangaroo", "1f998", ("kangaroo",), "kangaroos", "land", 0.48),
    Object("hedgehog", "1f994", ("hedgehog",), "hedgehogs", "land", 0.30),
    Object("squirrel", "1f43f-fe0f", ("squirrel", "chipmunk"), "squirrels", "land", 0.34),
    Object("camel", "1f42a", ("camel",), "camels", "land", 0.54),
    Object("flamingo", "1f9a9", ("flamingo",), "flamingos", "land", 0.48, False, "pink"),
    Object("deer", "1f98c", ("deer",), "deer", "land", 0.50),
    Object("crab", "1f980", ("crab",), "crabs", "land", 0.34, True),
    Object("ant", "1f41c", ("ant",), "ants", "land", 0.30),
    Object("dragon", "1f409", ("dragon",), "dragons", "land", 0.56, True, "green"),
)

_CARS = (
    Object("car", "1f697", ("car",), "cars", "car", 0.44, True, "red"),
    Object("taxi", "1f695", ("taxi", "cab"), "taxis", "car", 0.44, False, "yellow"),
    Object("fire truck", "1f692", ("fire truck", "fire engine"), "fire trucks", "car", 0.50, False, "red"),
    Object("bus", "1f68c", ("bus",), "buses", "car", 0.52, True),
    Object("truck", "1f69a", ("truck", "lorry"), "trucks", "car", 0.50, True),
    Object("tractor", "1f69c", ("tractor",), "tractors", "car", 0.48, True, "green"),
    Object("train", "1f682", ("train", "steam train", "locomotive"), "trains", "car", 0.56, True),
    Object("tram", "1f683", ("tram", "streetcar"), "trams", "car", 0.52, True),
    Object("scooter", "1f6f5", ("scooter", "moped"), "scooters", "car", 0.40, True),
    Object("bicycle", "1f6b2", ("bicycle", "bike"), "bicycles", "car", 0.40, False, "red"),
)

_AIR = (
    Object("bee", "1f41d", ("bee", "bumblebee"), "bees", "air", 0.30),
    Object("butterfly", "1f98b", ("butterfly",), "butterflies", "air", 0.34, True),
    Object("eagle", "1f985", ("eagle",), "eagles", "air", 0.42),
    Object("helicopter", "1f681", ("helicopter",), "helicopters", "air", 0.48, True, "orange"),
    Object("airplane", "1f6e9-fe0f", ("airplane", "plane", "aeroplane"), "airplanes", "air", 0.46, True),
    Object("ufo", "1f6f8", ("ufo", "flying saucer"), "ufos", "air", 0.44),
    Object("rocket", "1f680", ("rocket",), "rockets", "air", 0.44),
    Object("balloon", "1f388", ("balloon",), "balloons", "air", 0.38, True, "red"),
    Object("ghost", "1f47b", ("ghost",), "ghosts", "air", 0.38, True, "white"),
    Object("star", "2b50", ("star",), "stars", "air", 0.32, True, "yellow"),
    Object("heart", "2764-fe0f", ("heart",), "hearts", "air", 0.32, True, "red"),
)

_WATER = (
    Object("fish", "1f41f", ("fish",), "fish", "swim", 0.32, True, "blue"),
    Object("pufferfish", "1f421", ("pufferfish", "blowfish"), "pufferfish", "swim", 0.34, True),
    Object("dolphin", "1f42c", ("dolphin",), "dolphins", "swim", 0.46, True, "blue"),
    Object("shark", "1f988", ("shark",), "sharks", "swim", 0.52),
    Object("octopus", "1f419", ("octopus",), "octopuses", "swim", 0.42, True),
    Object("jellyfish", "1fabc", ("jellyfish",), "jellyfish", "swim", 0.38, True, "blue"),
    Object("whale", "1f433", ("whale",), "whales", "boat", 0.60, False, "blue"),
    Object("sailboat", "26f5", ("sailboat", "sailing boat"), "sailboats", "boat", 0.52, True),
    Object("speedboat", "1f6a4", ("speedboat", "motorboat"), "speedboats", "boat", 0.46),
    Object("ship", "1f6a2", ("ship",), "ships", "boat", 0.58),
    Object("swan", "1f9a2", ("swan",), "swans", "boat", 0.40, False, "white"),
)

_ROLLING = (
    Object("soccer ball", "26bd", ("soccer ball", "football"), "soccer balls", "ball", 0.30),
    Object("basketball", "1f3c0", ("basketball",), "basketballs", "ball", 0.30, False, "orange"),
    Object("ball", "1f534", ("ball",), "balls", "ball", 0.30, True, "red"),
    Object("apple", "1f34e", ("apple",), "apples", "food", 0.30, True, "red"),
    Object("strawberry", "1f353", ("strawberry",), "strawberries", "food", 0.30, False, "red"),
    Object("watermelon", "1f349", ("watermelon",), "watermelons", "food", 0.34),
    Object("cake", "1f382", ("cake", "birthday cake"), "cakes", "food", 0.38),
    Object("donut", "1f369", ("donut", "doughnut"), "donuts", "food", 0.30),
    Object("hamburger", "1f354", ("hamburger", "burger"), "hamburgers", "food", 0.32),
    Object("gift", "1f381", ("gift", "present"), "gifts", "food", 0.34, True),
    Object("mushroom", "1f344", ("mushroom", "toadstool"), "mushrooms", "food", 0.34, True, "red"),
)

_STANDING = (
    Object("sunflower", "1f33b", ("sunflower",), "sunflowers", "plant", 0.42, False, "yellow"),
    Object("tulip", "1f337", ("tulip",), "tulips", "plant", 0.38, True, "pink"),
    Object("umbrella", "2602-fe0f", ("umbrella",), "umbrellas", "plant", 0.40, True, "purple"),
    Object("chair", "1fa91", ("chair",), "chairs", "plant", 0.42, True),
    Object("robot", "1f916", ("robot",), "robots", "face", 0.40),
    Object("snowman", "26c4", ("snowman",), "snowmen", "face", 0.46, False, "white"),
    Object("teddy bear", "1f9f8", ("teddy bear", "teddy"), "teddy bears", "face", 0.38, True),
    Object("parrot", "1f99c", ("parrot",), "parrots", "face", 0.38),
    Object("pumpkin", "1f383", ("pumpkin", "jack-o'-lantern"), "pumpkins", "face", 0.36, False, "orange"),
)

_PROPS = (
    Object("tree", "1f333", ("tree",), "trees", "prop", 0.60),
    Object("pine tree", "1f332", ("pine tree",), "pine trees", "prop", 0.60),
    Object("palm tree", "1f334", ("palm tree",), "palm trees", "prop", 0.66),
    Object("cactus", "1f335", ("cactus",), "cacti", "prop", 0.50),
    Object("house", "1f3e0", ("house",), "houses", "prop", 0.60),
    Object("castle", "1f3f0", ("castle",), "castles", "prop", 0.66),
    Object("coral", "1fab8", ("coral",), "corals", "prop", 0.34),
    Object("planet", "1fa90", ("planet",), "planets", "prop", 0.30),
    Object("earth", "1f30d", ("earth",), "earths", "prop", 0.30),
    Object("rock", "1faa8", ("rock",), "rocks", "prop", 0.24),
    Object("tent", "26fa", ("tent",), "tents", "prop", 0.40),
    Object("tree stump", "1fab5", ("tree stump",), "tree stumps", "prop", 0.26),
    Object("couch", "1f6cb-fe0f", ("couch",), "couches", "prop", 0.50),
    Object("potted plant", "1fab4", ("potted plant",), "potted plants", "prop", 0.36),
)

OBJECTS: dict[str, Object] = {o.name: o for o in (*_LAND, *_CARS, *_AIR, *_WATER, *_ROLLING, *_STANDING)}
PROPS: dict[str, Object] = {o.name: o for o in _PROPS}
