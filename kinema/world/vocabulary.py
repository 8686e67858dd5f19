"""Everything the pocket world can be asked for, by name, with the phrases that say it.

Plain data, no pictures: which places, times, motions, relations and cameras exist, what goes together with what, and
how a caption says each. In phrases a verb stands in angle brackets in its base form (`<walk>`), so that captions can
bend it (walks, walk, walking); `{side}` is left or right. The first phrase of each row is the canonical one.
"""

from typing import Final

PLACES: Final = (
    "meadow", "beach", "desert", "snow", "forest", "city", "ocean", "underwater", "moon", "clouds", "mountains", "room",
)  # fmt: skip
TIMES: Final = ("day", "sunset", "night")
WEATHERS: Final = ("clear", "rain", "snow")
COLOURS: Final = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
MOTIONS: Final = (
    "goes", "rolls", "jumps", "bounces", "spins", "falls", "rises", "grows", "shrinks", "circles", "shakes", "flips",
    "zigzags", "appears", "vanishes", "comes_closer", "sways", "stays",
)  # fmt: skip
RELATIONS: Final = (
    "chases", "passes_behind", "passes_in_front", "jumps_over", "next_to", "meets", "circles_around", "moves_away",
)  # fmt: skip
CAMERAS: Final = ("static", "pans_left", "pans_right", "zooms_in", "zooms_out", "tilts_up", "follows")
SPEEDS: Final = ("slow", "normal", "fast")
DIRECTIONS: Final = ("left", "right")
KINDS: Final = ("land", "car", "air", "swim", "boat", "ball", "food", "plant", "face")
COUNTS: Final = (1, 2, 3)

# What goes together with what

ALWAYS: Final = ("day", "sunset", "night")
TIMES_OF: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(PLACES, ALWAYS) | {
    "moon": ("night",),
    "underwater": ("day",),
    "room": ("day", "night"),
}
WEATHERS_OF: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(PLACES, ("clear",)) | {
    "meadow": WEATHERS,
    "forest": WEATHERS,
    "city": WEATHERS,
    "mountains": WEATHERS,
    "snow": ("clear", "snow"),
}
KINDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "meadow": ("land", "air", "car", "food", "ball", "plant", "face"),
    "beach": ("land", "air", "food", "ball", "face"),
    "desert": ("land", "air", "car", "ball", "face"),
    "snow": ("land", "air", "car", "ball", "face"),
    "forest": ("land", "air", "plant", "face", "food"),
    "city": ("car", "air", "land", "ball", "face"),
    "ocean": ("boat", "air"),
    "underwater": ("swim",),
    "moon": ("air", "car", "land", "face", "food", "ball"),
    "clouds": ("air", "face", "food"),
    "mountains": ("land", "air", "car", "face", "ball"),
    "room": ("food", "ball", "face", "land", "plant"),
}
MOTIONS_OF: Final[dict[str, tuple[str, ...]]] = {
    "land": (
        "goes", "jumps", "spins", "falls", "grows", "shrinks", "flips", "stays", "circles", "shakes", "comes_closer",
        "appears", "vanishes",
    ),
    "car": ("goes", "jumps", "spins", "falls", "grows", "shrinks", "shakes", "comes_closer", "stays", "appears"),
    "air": (
        "goes", "spins", "rises", "falls", "circles", "zigzags", "grows", "shrinks", "stays", "flips", "appears",
        "comes_closer", "vanishes",
    ),
    "swim": ("goes", "circles", "zigzags", "spins", "grows", "shrinks", "stays", "flips", "rises", "comes_closer"),
    "boat": ("goes", "stays", "sways", "grows", "shrinks", "comes_closer", "spins"),
    "ball": ("rolls", "bounces", "falls", "spins", "jumps", "grows", "circles", "shrinks", "appears", "zigzags"),
    "food": (
        "rolls", "bounces", "falls", "spins", "grows", "shrinks", "shakes", "appears", "vanishes", "jumps", "rises",
    ),
    "plant": ("sways", "spins", "grows", "shrinks", "appears", "shakes", "falls", "vanishes", "bounces"),
    "face": (
        "goes", "jumps", "spins", "falls", "grows", "shrinks", "shakes", "stays", "circles", "flips", "appears",
        "vanishes", "sways", "rises",
    ),
}  # fmt: skip
RELATIONS_OF: Final[dict[str, tuple[str, ...]]] = {
    "land": RELATIONS,
    "car": ("chases", "passes_behind", "passes_in_front", "next_to", "meets", "moves_away", "circles_around"),
    "air": RELATIONS,
    "swim": ("chases", "passes_behind", "passes_in_front", "next_to", "meets", "moves_away", "circles_around"),
    "boat": ("chases", "passes_behind", "passes_in_front", "next_to", "meets", "moves_away"),
    "ball": ("passes_behind", "passes_in_front", "jumps_over", "next_to"),
    "food": ("passes_behind", "passes_in_front", "next_to"),
    "plant": ("next_to",),
    "face": RELATIONS,
}
"""What the first of two things may do to the second, by the kind of the first."""

HEADED: Final = frozenset(
    ("goes", "rolls", "zigzags", "chases", "passes_behind", "passes_in_front", "jumps_over", "moves_away")
)
"""Actions that head somewhere: their captions say `to the left` or `to the right`."""
FACED: Final = frozenset(
    ("jumps", "falls", "rises", "grows", "shrinks", "shakes", "appears", "vanishes", "comes_closer", "sways", "stays")
)
"""Motions in which a thing may face left: captions say `facing left`; facing right goes unsaid."""
FACED_KINDS: Final = ("land", "car", "air", "swim", "boat")
FACELESS: Final = frozenset(
    ("penguin", "crab", "tram", "butterfly", "ufo", "balloon", "ghost", "star", "heart", "octopus", "jellyfish")
)
"""Objects of those kinds that look the same from both sides, so which way they face goes unsaid."""
TIMED: Final = frozenset(
    ("goes", "rolls", "jumps", "bounces", "spins", "circles", "zigzags", "shakes", "sways", "chases")
)
"""Actions that can be slow or fast."""
COUNTED: Final = frozenset(("goes", "rolls", "jumps", "bounces", "spins", "shakes", "sways", "stays"))
"""Motions that two or three of a kind do side by side."""
FOLLOWED: Final = frozenset(("goes", "rolls", "zigzags", "chases"))
"""Actions a camera can follow."""

# How captions say it

PLACE_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "meadow": ("in a meadow", "on the grass", "in a green field", "in a grassy field"),
    "beach": ("on the beach", "on a sandy beach", "at the seaside"),
    "desert": ("in the desert", "on the sand dunes", "among the dunes"),
    "snow": ("in the snow", "on a snowy field", "on snowy ground"),
    "forest": ("in the forest", "in the woods", "among the trees"),
    "city": ("in the city", "on a city street", "downtown"),
    "ocean": ("on the ocean", "on the sea", "on the water"),
    "underwater": ("underwater", "under the sea", "at the bottom of the sea"),
    "moon": ("on the moon", "on the surface of the moon"),
    "clouds": ("above the clouds", "in the sky", "among the clouds"),
    "mountains": ("in the mountains", "near snowy mountains", "in a mountain valley"),
    "room": ("in a room", "in a cozy room", "inside a house", "at home"),
}
AIR_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "ocean": ("over the ocean", "over the sea", "above the water"),
    "city": ("in the city", "over the city", "above the city"),
    "meadow": ("in a meadow", "over a meadow", "over the grass"),
    "desert": ("in the desert", "over the desert", "over the dunes"),
    "mountains": ("in the mountains", "over the mountains", "near snowy mountains"),
}
"""Instead of PLACE_PHRASES when the first thing is of the kind `air`."""

TIME_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "day": ("during the day", "in the daytime", "by day"),
    "sunset": ("at sunset", "in the evening", "at dusk"),
    "night": ("at night", "after dark", "on a dark night"),
}
FAIR_TIME_PHRASES: Final[dict[str, tuple[str, ...]]] = {"day": ("on a sunny day",), "night": ("under the stars",)}
"""Further phrases where the sky can be seen and is clear."""

WEATHER_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "clear": (),
    "rain": ("in the rain", "while it rains", "in rainy weather"),
    "snow": ("while it snows", "in falling snow", "as snow falls"),
}
SPEED_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "slow": ("slowly", "gently"),
    "normal": (),
    "fast": ("quickly", "fast"),
}
CAMERA_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "static": ("the camera stays still", "the camera does not move"),
    "pans_left": ("the camera pans left", "the camera moves left", "the view pans left"),
    "pans_right": ("the camera pans right", "the camera moves right", "the view pans right"),
    "zooms_in": ("the camera zooms in", "the view zooms in", "the camera moves in"),
    "zooms_out": ("the camera zooms out", "the view zooms out", "the camera moves out"),
    "tilts_up": ("the camera tilts up", "the view tilts up", "the camera looks up"),
    "follows": ("the camera follows", "the camera follows along", "the camera tracks along"),
}
NUMBER_WORDS: Final[dict[int, str]] = {1: "one", 2: "two", 3: "three"}

GOES_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "land": ("walk", "stroll"),
    "car": ("drive", "travel", "ride"),
    "air": ("fly", "glide"),
    "swim": ("swim", "glide"),
    "boat": ("sail",),
    "ball": ("slide", "move"),
    "food": ("slide", "move"),
    "plant": ("slide", "move"),
    "face": ("move", "travel"),
}
OWN_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "whale": ("swim", "glide"),
    "swan": ("swim", "glide"),
    "snail": ("crawl",),
    "bicycle": ("travel", "move"),
    "scooter": ("travel", "move", "drive"),
}
"""Objects that go otherwise than their kind does."""
FAST_VERBS: Final[dict[str, tuple[str, ...]]] = {"land": ("run",), "car": ("race",)}
"""Verbs that say `goes` and `fast` at once."""

MOTION_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "rolls": ("<roll> to the {side}",),
    "jumps": ("<jump> up and down", "<hop>", "<leap> up and down"),
    "bounces": ("<bounce>", "<bounce> up and down"),
    "spins": ("<spin> around", "<turn> round and round", "<rotate>"),
    "falls": ("<fall> down", "<drop> down", "<fall> from above"),
    "rises": ("<rise> up", "<float> up", "<go> up"),
    "grows": ("<grow> bigger", "<get> bigger", "<get> larger"),
    "shrinks": ("<shrink>", "<get> smaller"),
    "circles": ("<move> in a circle", "<go> in circles", "<circle>"),
    "shakes": ("<shake>", "<wiggle>"),
    "flips": ("<do> a flip", "<do> a somersault", "<flip> over"),
    "zigzags": ("<zigzag> to the {side}", "<move> in a zigzag to the {side}"),
    "appears": ("<appear>", "<pop> into view", "<come> into view"),
    "vanishes": ("<vanish>", "<disappear>", "<fade> away"),
    "comes_closer": ("<come> closer", "<approach>", "<come> toward us"),
    "sways": ("<sway> from side to side", "<rock> from side to side"),
    "stays": ("<stay> still", "<stay> in place", "<rest>"),
}
"""`goes` is not here: its verb depends on the kind (GOES_VERBS), followed by `to the {side}`."""

RELATION_PHRASES: Final[dict[str, tuple[str, ...]]] = {
    "chases": ("<chase>", "<run> after"),
    "passes_behind": ("<pass> behind", "<move> behind", "<go> behind"),
    "passes_in_front": ("<pass> in front of", "<cross> in front of", "<move> in front of"),
    "jumps_over": ("<jump> over", "<leap> over", "<hop> over"),
    "next_to": ("<be> next to", "<be> beside", "<stay> next to"),
    "meets": ("<meet>", "<come> up to"),
    "circles_around": ("<circle> around", "<go> around", "<move> around"),
    "moves_away": ("<move> away from", "<leave>", "<go> away from"),
}


def goes_verbs(name: str, kind: str) -> tuple[str, ...]:
    """The verbs that say how this object goes."""
    return OWN_VERBS.get(name, GOES_VERBS[kind])


def fits(height: float, count: int) -> bool:
    """Whether two or three things of this height, in frame heights, stand side by side without shrinking to dots."""
    return count in COUNTS and (count == 1 or height * count <= 1.3)
