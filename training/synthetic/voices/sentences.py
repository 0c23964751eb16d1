"""What the voices say: sentences from a small grammar, chosen so that rare pairs of phones are not rare.

English sentences hold only words of the pronouncing dictionary inside pocketsphinx. A tenth are strings of
everyday German, French, Spanish and Italian words, for mouth shapes that English lacks.
"""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from training.data.alignment import words_of

FOREIGN_SHARE = 0.1
CANDIDATES = 12
"""Sentences drawn for each one kept."""
LETTERS_PER_SECOND = 14.5
SHORTEST, LONGEST = 1.5, 6.5  # seconds, estimated from letters


def _choices(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


PEOPLE = _choices(
    "I|you|we|they|my mother|your father|the boys|the old man|a young woman|her brother|the children|"
    "our neighbor|the doctor|the teacher|every judge|the chef|the king|both girls|his uncle|the pilot|"
    "a few people|the nurse|that boy|the whole team|my aunt|the shepherd|nobody|someone|"
    "our cousin Joyce|Paul|Ruth|George|Sophie|Thomas|Emma|Hugo|the mayor|the poet|the youth|a stranger"
)
DID = _choices(
    "saw|bought|found|took|carried|washed|broke|painted|moved|forgot|gave away|looked for|pushed|threw|"
    "watched|loved|measured|fixed|hid|caught|chose|described|enjoyed|pulled|opened|left|burned|cooked|"
    "picked up|put down|lost|heard about|dreamed of|paid for|waved at|polished|wrapped|shook|buried|"
    "changed|avoided|mixed|weighed|borrowed|smoothed|tossed|brought|crushed|observed|destroyed"
)
DOING = _choices(
    "looking at|thinking of|waiting for|talking about|singing about|laughing at|pointing at|showing|"
    "pushing|watching|choosing|making|buying|moving|using|boiling|checking|teaching|searching for|"
    "joining"
)
DO = _choices(
    "see|buy|find|take|carry|wash|break|paint|move|forget|push|throw|watch|love|measure|fix|hide|catch|"
    "choose|describe|enjoy|pull|open|leave|burn|cook|pick up|put down|lose|hear about|wave at|polish|"
    "use|share"
)
ADJECTIVES = _choices(
    "big|small|blue|red|warm|cool|brown|white|smooth|rough|broken|empty|heavy|thin|thick|narrow|huge|"
    "beautiful|usual|unusual|strange|pure|fresh|loyal|royal|noisy|quiet|wooden|yellow|purple|cheap|rich|"
    "young|old|proud|loud|square|round|wet|shiny|dusty|frozen|fuzzy|tiny|favorite|foolish|clever|weird|"
    "awkward|genuine|casual|vivid|bright|curious|dull|foreign|gorgeous|bulky|faithful|worthless"
)
THINGS = _choices(
    "map|book|boat|bowl|table|chair|spoon|shoe|shirt|coat|bag|box|cup|apple|orange|fish|cheese|bread|"
    "soup|juice|house|roof|wall|window|door|garden|river|bridge|mountain|valley|beach|cave|sword|shield|"
    "treasure|vision|garage|measure|toy|coin|voice|oyster|boy's hat|moon|tooth|roof tile|thumb|mouth|"
    "path|bathtub|feather|leather belt|weather report|clothing|mother's ring|puzzle|puppet|bubble|"
    "pebble|bump|lamp|camera|hammer|drum|film|farm|leaf|knife|vase|velvet glove|wave|violin|whistle|"
    "wheel|watch|wagon|wool sweater|wolf|wood|foot|cushion|push broom|sugar|butcher's shop|pudding|yard|"
    "onion|yellow yarn|bell|bull|pearl|bird|church|church bell|jury|jewel|giraffe|pigeon|magic show|"
    "edge|judge's chair|chalk|hawk|song|long song|king's crown|ring|finger|anchor|bank|tank|photograph|"
    "elephant|graph|laugh|cough|pepper|paper|purple plum|baby|ribbon|robot|rabbit|museum|movie|oven|"
    "ivory comb|engine|airplane|zebra|prize|rose|nose|cows|cloud|flower|towel|fountain|owl|howl|oil|"
    "foil|point|joint|choice"
)
PLACES = _choices(
    "in the house|by the river|under the table|near the church|at the beach|on the roof|behind the wall|"
    "in the garage|at school|above the clouds|across the bridge|on the farm|inside the museum|"
    "at the bank|in the south|up north|beyond the mountains|from both sides|"
    "through the mouth of the cave|on the path|outside the theater|at my aunt's house|"
    "between the two walls|down by the pool|over the wooden fence"
)
TIMES = _choices(
    "today|yesterday|last week|every morning|at noon|in July|before lunch|after the show|on Thursday|"
    "in March|for four hours|at half past five|all afternoon|once a month|now and then|this evening|"
    "in two years|before the vote|twice a day|with pleasure|by mistake|for the first time|as usual|"
    "without a word"
)
EXCLAMATIONS = _choices(
    "Oh no|Wow|Please|Yes|Well|Listen|Hey|Look|Of course|My goodness|Thank you|Sure|Why not|"
    "Good morning|Fine|Stop it|Come on|I think so|Maybe|Be careful|Not again|How lovely|What a view|"
    "You bet|Beware"
)
QUESTIONS = _choices("why|when|how|where")
OPINIONS = _choices(
    "I believe|they told me|we hope|everyone knows|you should know|she said|he thought|it seems|"
    "I am afraid|people say|I promise|we agreed|nobody thought|my boss hopes"
)
BECAUSE = _choices(
    "because it was too cold|if you want me to|when the music stopped|while we were away|"
    "as soon as we could|though nobody asked|before the fire went out|until the bus arrived|"
    "since you moved here|so we laughed|but I never knew why|and then it vanished|"
    "which is quite unusual|who owns the shop|or so I heard"
)

FOREIGN = {
    "de": (
        "schöne über Bücher Häuser möchte heute früh grün kühl Tür zwölf fünf böse Vögel blau Freunde "
        "neu Zeit jetzt Pferd Apfel Pfanne Mutter Vater Bruder Wasser immer Abend Papier Baum Blume Wein "
        "Wolle Schule Straße Spiel ich nicht acht Buch lachen Milch Mädchen Königin Wörter müde süß "
        "Kuchen warum vielleicht morgen geben bleiben aber haben oben Leben Liebe Bombe Puppe Lampe "
        "Himmel komm mach fahren Fisch Vogel "
    ),
    "fr": (
        "bonjour lune peur deux heure pleut vin blanc bon pain brun montagne agneau rue vue plume fleur "
        "feu bleu jeune beau bateau eau chaud oiseau rouge vouloir boire voir moi toi fille famille "
        "soleil papa maman bombe pomme lampe femme homme vivre avoir fenêtre chercher jouer jardin "
        "manger garçon leçon chanson monde ombre temps enfant printemps demain matin petit été février "
        "vous nous tout pour toujours huit nuit "
    ),
    "es": (
        "hola perro rápido calle jamón guerra niño hoy llueve mucho bueno vamos beber vivir hablo pobre "
        "madre padre abuela pueblo blanco hombre mujer fuego agua jugo rojo viejo joven gente coche "
        "noche leche muchacho ciudad gracias zapato cinco feliz mañana España señor pequeño lluvia "
        "amarillo bombilla limpio campo tiempo siempre importante familia fiesta fuerte flor bonito azul "
        "luna mundo uno nosotros "
    ),
    "it": (
        "ciao amici mangiano pizza ragazzo bello azzurro cento giorni scuola buongiorno gli figlio "
        "famiglia bambino mamma babbo gatto pappa bocca abbiamo vino bianco fuoco uovo uomo nuovo buono "
        "piove pioggia giallo verde rosso zucchero grazie prezzo pesce uscire lasciare pasta ponte tempo "
        "campo sempre bomba domani febbraio vivere vorrei favola fiume luna notte sogno montagna ogni "
        "anno acqua cinque quando "
    ),
}
"""Everyday words by espeak-ng's name of the language."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One thing to say; the parts are spoken one by one with pauses between them."""

    id: str
    parts: tuple[str, ...]
    language: str = "en"

    @property
    def text(self) -> str:
        return " ".join(self.parts)


@lru_cache(maxsize=1)
def pronunciations() -> dict[str, tuple[str, ...]]:
    """First pronunciation of every word in pocketsphinx's dictionary."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
    words: dict[str, tuple[str, ...]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        words.setdefault(word, tuple(phones))
    return words


def sentences(n_sentences: int, seed: int) -> list[Sentence]:
    """Sentences in a fixed order for a seed: a longer list begins with the shorter one."""
    chosen = _balanced(random.Random(f"english {seed}"))
    foreign = _foreign(random.Random(f"foreign {seed}"))
    pick = random.Random(f"language {seed}")
    found = []
    for index in range(n_sentences):
        language, parts = next(foreign) if pick.random() < FOREIGN_SHARE else ("en", next(chosen))
        found.append(Sentence(id=f"{index:05d}", parts=parts, language=language))
    return found


def _balanced(rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Of each dozen sentences the one whose pairs of phones have been heard least; none comes twice."""
    heard: Counter[tuple[str, str]] = Counter()
    said: set[tuple[str, ...]] = set()
    while True:
        candidates: list[tuple[tuple[str, ...], list[tuple[str, str]]]] = []
        while len(candidates) < CANDIDATES:
            parts = _utterance(rng)
            if parts not in said and _fits(parts):
                candidates.append((parts, _diphones(" ".join(parts))))
        parts, diphones = max(candidates, key=lambda c: sum(1 / (1 + heard[d]) for d in c[1]) / len(c[1]))
        said.add(parts)
        heard.update(diphones)
        yield parts


def _fits(parts: tuple[str, ...]) -> bool:
    seconds = len(" ".join(parts)) / LETTERS_PER_SECOND
    known = all(word in pronunciations() for word in words_of(" ".join(parts)))
    return known and SHORTEST <= seconds <= LONGEST


def _diphones(text: str) -> list[tuple[str, str]]:
    phones = ["SIL", *(phone for word in words_of(text) for phone in pronunciations()[word]), "SIL"]
    return list(itertools.pairwise(phones))


def _utterance(rng: random.Random) -> tuple[str, ...]:
    """One sentence, or two with a pause between."""
    if rng.random() < 0.25:
        return _short(rng), _short(rng)
    return (_sentence(rng),)


def _short(rng: random.Random) -> str:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(EXCLAMATIONS) + rng.choice(".!")
    if kind == 1:
        return f"{rng.choice(EXCLAMATIONS)}, {_clause(rng, place=False)}."
    if kind == 2:
        return _question(rng)
    return _capital(_clause(rng, place=False)) + "."


def _sentence(rng: random.Random) -> str:
    kind = rng.randrange(8)
    if kind == 0:
        return _question(rng)
    if kind == 1:
        things = ", ".join(_thing(rng) for _ in range(rng.randint(2, 3)))
        return _capital(f"{_someone(rng)} {rng.choice(DID)} {things}, and {_thing(rng)}.")
    if kind == 2:
        return _capital(f"{rng.choice(OPINIONS)} that {_clause(rng)}.")
    if kind == 3:
        return _capital(f"{_clause(rng, place=False)}, {rng.choice(BECAUSE)}.")
    if kind == 4:
        return f"Please {rng.choice(DO)} {_thing(rng)} {rng.choice(PLACES)}{rng.choice('.!')}"
    if kind == 5:
        return f"{rng.choice(EXCLAMATIONS)}, {_clause(rng)}!"
    if kind == 6:
        subject = rng.choice([person for person in PEOPLE if person not in ("I", "you", "we", "they")])
        return _capital(f"{subject} will be {rng.choice(DOING)} {_thing(rng)} {rng.choice(TIMES)}.")
    return _capital(_clause(rng)) + "."


def _question(rng: random.Random) -> str:
    kind = rng.randrange(3)
    if kind == 0:
        return f"Did {_someone(rng)} {rng.choice(DO)} {_thing(rng)}?"
    if kind == 1:
        return f"{_capital(rng.choice(QUESTIONS))} would {_someone(rng)} {rng.choice(DO)} {_thing(rng)}?"
    return f"Could you {rng.choice(DO)} {_thing(rng)} {rng.choice(PLACES)}?"


def _clause(rng: random.Random, place: bool = True) -> str:
    clause = f"{_someone(rng)} {rng.choice(DID)} {_thing(rng)}"
    return f"{clause} {rng.choice(PLACES if rng.random() < 0.5 else TIMES)}" if place else clause


def _someone(rng: random.Random) -> str:
    return rng.choice(PEOPLE)


def _thing(rng: random.Random) -> str:
    owner = rng.choice(("the", "the", "my", "your", "this", "that", "each", "his", "her", "our"))
    adjective = f" {rng.choice(ADJECTIVES)}" if rng.random() < 0.6 else ""
    return f"{owner}{adjective} {rng.choice(THINGS)}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _foreign(rng: random.Random) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(language, parts): four to eight words with a comma at times; the meaning does not matter."""
    languages = {language: words.split() for language, words in FOREIGN.items()}
    while True:
        language = rng.choice(sorted(languages))
        words = rng.sample(languages[language], rng.randint(4, 8))
        comma = rng.randint(1, len(words) - 2)
        if rng.random() < 0.5:
            words[comma] += ","
        yield language, (_capital(" ".join(words)) + rng.choice(".?!"),)
