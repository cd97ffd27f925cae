"""The vocabulary of the generated gallery: names of tags, titles and prompts.

Every name is a function of numbers alone, so a seed gives the same text everywhere.
"""

from __future__ import annotations


def _split(text: str, separator: str = " ") -> tuple[str, ...]:
    return tuple(text.split(separator))


NOUNS = _split(
    "landscape portrait forest river mountain city harbor castle garden ocean "
    "desert village bridge tower island meadow canyon lake cathedral street "
    "dragon knight wizard robot cat fox wolf horse owl raven "
    "whale tiger rabbit deer swan butterfly turtle lizard sparrow octopus "
    "girl boy woman man child dancer sailor pilot musician painter "
    "sword crown lantern mirror clock book map mask umbrella piano "
    "train airship sailboat bicycle car rocket satellite lighthouse windmill carousel "
    "rose sunflower lotus maple cherry bamboo fern mushroom orchid ivy "
    "moon star comet nebula galaxy planet aurora eclipse sunrise sunset "
    "storm rain snow fog cloud rainbow wave waterfall glacier volcano "
    "kitchen library cafe market temple ruin cave staircase balcony rooftop "
    "hat scarf coat dress armor boots gloves ribbon necklace ring "
    "apple bread tea coffee cake honey pumpkin lemon grape pear "
    "violin drum flute guitar harp trumpet bell candle compass hourglass "
    "marble crystal feather shell amber velvet paper copper porcelain driftwood "
    "labyrinth observatory telescope aqueduct obelisk gargoyle "
    "astrolabe zeppelin gondola marionette"
)

ADJECTIVES = _split(
    "blue red green golden silver black white purple orange pink "
    "quiet bright dark misty frozen burning ancient modern tiny giant "
    "lonely happy sad dreaming sleeping flying floating broken hidden lost "
    "soft sharp warm cold wet dusty shiny matte glowing faded "
    "wild gentle proud brave shy calm stormy rainy snowy sunny "
    "northern southern eastern western distant inner outer upper lower middle "
    "wooden stone iron glass paper silk woolen crystal velvet copper "
    "round square spiral tall short wide narrow deep hollow crooked "
    "old young royal humble sacred secret magical mechanical electric solar "
    "lunar stellar cosmic coastal alpine tropical urban rural rustic gothic "
    "baroque minimal abstract geometric organic floral striped dotted painted carved "
    "woven gilded mossy thorny winged horned masked hooded crowned barefoot "
    "whispering singing laughing waiting wandering forgotten overgrown sunken "
    "iridescent translucent"
)

STYLES = _split(
    "a photo of a|an oil painting of a|a watercolor of a|a pencil sketch of a|"
    "a digital painting of a|concept art of a|a pixel art|a woodcut of a|"
    "an ink drawing of a|a low poly render of a|a charcoal study of a|an etching of a",
    "|",
)

PLACES = _split(
    "at dawn|at dusk|in the rain|under the stars|by the sea|in the snow|"
    "behind glass|above the clouds|in an empty hall|near the old town|in a dream|"
    "on a summer night|beside a mirror lake|among tall grass|over the rooftops|in deep water",
    "|",
)

DETAILS = _split(
    "soft light|highly detailed|wide angle|shallow depth of field|muted colors|"
    "vivid colors|dramatic shadows|volumetric fog|golden hour|flat shading|"
    "intricate patterns|film grain|rim lighting|symmetrical composition|bokeh|long exposure",
    "|",
)

USER_STEMS = _split("ada ben cleo dino ezra fay gus hana ivo juno kai lena milo nora otto pia")


def tag_name(rank: int) -> str:
    """The name of the general tag of that popularity, from 0: nouns first, then pairs of words."""
    if rank < len(NOUNS):
        return NOUNS[rank]
    series, place = divmod(rank - len(NOUNS), len(NOUNS) * len(ADJECTIVES))
    adjective, noun = divmod(place, len(NOUNS))
    suffix = f"_{series + 1}" if series else ""
    # neighbours in popularity share neither word
    return f"{ADJECTIVES[(adjective + noun) % len(ADJECTIVES)]}_{NOUNS[noun]}{suffix}"


def user_name(rank: int) -> str:
    """The name of the creator with that many items, from 0 for the busiest."""
    return f"{USER_STEMS[rank % len(USER_STEMS)]}_{rank:05d}"
