"""English and French numbers, times, dates, ages and prices, made by rule.

    python configs/phrasebook/by_rule.py > configs/phrasebook/by_rule.en-fr.tsv

Corpora of sentences hold few of them, and each a handful of times. French as in France:
soixante-dix, quatre-vingts; no hyphens but below a hundred, as before the spelling of 1990. What
tests/translation/everyday.toml measures is left out.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path

Pair = tuple[str, str]

ENGLISH = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
ENGLISH_TENS = [
    "-",
    "-",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
]
FRENCH = [
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
]
FRENCH_TENS = [
    "-",
    "-",
    "vingt",
    "trente",
    "quarante",
    "cinquante",
    "soixante",
    "soixante",
    "quatre-vingt",
    "quatre-vingt",
]
ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
DAYS = [
    ("Monday", "lundi"),
    ("Tuesday", "mardi"),
    ("Wednesday", "mercredi"),
    ("Thursday", "jeudi"),
    ("Friday", "vendredi"),
    ("Saturday", "samedi"),
    ("Sunday", "dimanche"),
]
MONTHS = [
    ("January", "janvier"),
    ("February", "février"),
    ("March", "mars"),
    ("April", "avril"),
    ("May", "mai"),
    ("June", "juin"),
    ("July", "juillet"),
    ("August", "août"),
    ("September", "septembre"),
    ("October", "octobre"),
    ("November", "novembre"),
    ("December", "décembre"),
]


def english(number: int) -> str:
    """Spell a number below a thousand millions."""
    for size, name in ((10**6, "million"), (1000, "thousand")):
        if number >= size:
            head, rest = divmod(number, size)
            link = " and " if 0 < rest < 100 else " "
            return f"{english(head)} {name}" + (link + english(rest) if rest else "")
    if number >= 100:
        head, rest = divmod(number, 100)
        return f"{ENGLISH[head]} hundred" + (f" and {english(rest)}" if rest else "")
    if number < 20:
        return ENGLISH[number]
    tens, units = divmod(number, 10)
    return ENGLISH_TENS[tens] + (f"-{ENGLISH[units]}" if units else "")


def french(number: int, *, feminine: bool = False, last: bool = True) -> str:
    """Spell a number below a thousand millions.

    Args:
        number: what is spelled.
        feminine: une in place of un at the end.
        last: whether nothing follows that takes the s from cents and quatre-vingts.
    """
    if number >= 10**6:
        head, rest = divmod(number, 10**6)
        name = "million" if head == 1 else "millions"
        return f"{french(head)} {name}" + (f" {french(rest, feminine=feminine)}" if rest else "")
    if number >= 1000:
        head, rest = divmod(number, 1000)
        front = "mille" if head == 1 else f"{french(head, last=False)} mille"
        return front + (f" {french(rest, feminine=feminine, last=last)}" if rest else "")
    if number >= 100:
        head, rest = divmod(number, 100)
        front = "cent" if head == 1 else f"{FRENCH[head]} cent"
        if rest:
            return f"{front} {french(rest, feminine=feminine, last=last)}"
        return front + ("s" if head > 1 and last else "")
    return _below_hundred(number, feminine, last)


def _below_hundred(number: int, feminine: bool, last: bool) -> str:
    one = "une" if feminine else "un"
    if number < 20:
        return one if number == 1 else FRENCH[number]
    tens, units = divmod(number, 10)
    name = FRENCH_TENS[tens]
    if tens in (7, 9):
        return f"{name} et onze" if number == 71 else f"{name}-{FRENCH[10 + units]}"
    if not units:
        return name + ("s" if tens == 8 and last else "")
    if units == 1:
        return f"{name}-{one}" if tens == 8 else f"{name} et {one}"
    return f"{name}-{FRENCH[units]}"


def ordinal(number: int) -> str:
    """Spell the English ordinal of a number below a hundred."""
    head, dash, unit = english(number).rpartition("-")
    if unit in ORDINALS:
        unit = ORDINALS[unit]
    else:
        unit = unit[:-1] + "ieth" if unit.endswith("y") else unit + "th"
    return head + dash + unit


def french_ordinal(number: int) -> str:
    """Spell the French ordinal of a number from 2 to 99."""
    word = french(number, last=False)
    if word.endswith("un"):
        return word + "ième"
    endings = {"cinq": "cinquième", "neuf": "neuvième"}
    for end, whole in endings.items():
        if word.endswith(end):
            return word.removesuffix(end) + whole
    return word.removesuffix("e") + "ième"


def hours(number: int) -> str:
    """Say a full hour from 0 to 23 in French."""
    if number in (0, 12):
        return "minuit" if number == 0 else "midi"
    return "une heure" if number == 1 else f"{french(number, feminine=True)} heures"


def capital(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def numbers() -> Iterator[Pair]:
    """Numbers alone, as words."""
    random.seed(1)
    chosen = [*range(101), *random.sample(range(101, 1000), 150)]
    chosen += [100 * n for n in range(2, 10)] + [1000 * n for n in range(1, 100)]
    chosen += random.sample(range(1001, 10_000), 150) + random.sample(range(10_000, 10**6), 100)
    chosen += [n * 10**6 for n in (1, 2, 3, 5, 10, 20, 100)]
    for number in chosen:
        yield english(number), french(number)
        yield f"{capital(english(number))}.", f"{capital(french(number))}."
    for number in range(2, 100):
        yield f"the {ordinal(number)} time", f"la {french_ordinal(number)} fois"
        yield f"On the {ordinal(number)} floor.", f"Au {french_ordinal(number)} étage."


def clock(hour: int, minute: int) -> Iterator[Pair]:
    """One time of day in the ways in which people say it, without a frame."""
    name, next_name = english(hour), english(hour % 12 + 1)
    now = hours(hour)
    after = hours(hour % 12 + 1)
    if minute == 0:
        yield ("noon" if hour == 12 else f"{name} o'clock"), now
        yield f"{hour} o'clock", ("midi" if hour == 12 else f"{hour} heure" + "s" * (hour > 1))
    elif minute == 15:
        yield f"a quarter past {name}", f"{now} et quart"
    elif minute == 30:
        half = "demi" if hour == 12 else "demie"
        yield f"half past {name}", f"{now} et {half}"
    elif minute == 45:
        yield f"a quarter to {next_name}", f"{after} moins le quart"
    elif minute < 30:
        yield f"{english(minute)} past {name}", f"{now} {french(minute)}"
    else:
        yield f"{english(60 - minute)} to {next_name}", f"{after} moins {french(60 - minute)}"


FRAMES = [
    ("It is {}.", "Il est {}."),
    ("It's {}.", "Il est {}."),
    ("It's already {}.", "Il est déjà {}."),
    ("The train leaves at {}.", "Le train part à {}."),
    ("I get up at {}.", "Je me lève à {}."),
    ("The meeting starts at {}.", "La réunion commence à {}."),
    ("Come at {}.", "Viens à {}."),
    ("The shop closes at {}.", "Le magasin ferme à {}."),
    ("Is it {}?", "Est-ce qu'il est {} ?"),
    ("We have dinner at {}.", "Nous dînons à {}."),
    ("She called me at {}.", "Elle m'a appelé à {}."),
    ("Let's meet at {}.", "Retrouvons-nous à {}."),
    ("The film ends at {}.", "Le film se termine à {}."),
    ("It will be {} soon.", "Il sera bientôt {}."),
    ("School begins at {}.", "L'école commence à {}."),
    ("My flight is at {}.", "Mon vol est à {}."),
    ("Wake me up at {}.", "Réveille-moi à {}."),
]


def times() -> Iterator[Pair]:
    """Times of day in sentences."""
    random.seed(2)
    for hour in range(1, 13):
        for minute in range(0, 60, 5):
            for english_text, french_text in clock(hour, minute):
                for frame, cadre in random.sample(FRAMES, 5):
                    yield frame.format(english_text), cadre.format(french_text)
    for hour in range(1, 12):
        for half, moment, add in (("a.m.", "du matin", 0), ("p.m.", "de l'après-midi", 12)):
            if half == "p.m." and hour > 5:
                moment = "du soir"
            plural = "s" * (hour > 1)
            yield f"at {hour} {half}", f"à {hour} heure{plural} {moment}"
            yield f"It opens at {hour} {half}", f"Ça ouvre à {hour} heure{plural} {moment}."
            for minute in random.sample(range(5, 60, 5), 3):
                yield (
                    f"The bus leaves at {hour}:{minute:02} {half}",
                    f"Le bus part à {hour + add} h {minute:02}.",
                )


def dates() -> Iterator[Pair]:
    """Days of the week, of the month, and years."""
    random.seed(3)
    for day, jour in DAYS:
        yield f"See you on {day}.", f"À {jour}."
        yield f"Today is {day}.", f"Nous sommes {jour}."
        yield f"Yesterday was {day}.", f"Hier, c'était {jour}."
        yield f"Tomorrow is {day}.", f"Demain, c'est {jour}."
        yield f"I work on {day}s.", f"Je travaille le {jour}."
        yield f"every {day}", f"tous les {jour}s"
        yield f"We are closed on {day}s.", f"Nous sommes fermés le {jour}."
        yield f"I saw her last {day}.", f"Je l'ai vue {jour} dernier."
        yield f"They are coming next {day}.", f"Ils viennent {jour} prochain."
        yield f"{day} morning", f"{jour} matin"
        yield f"I'm free on {day} evening.", f"Je suis libre {jour} soir."
    for month, mois in MONTHS:
        yield f"in {month}", f"en {mois}"
        yield f"She was born in {month}.", f"Elle est née en {mois}."
        yield f"It's cold in {month}.", f"Il fait froid en {mois}."
        yield (
            f"at the end of {month}",
            f"à la fin du mois {'d’' if mois[0] in 'ao' else 'de '}{mois}".replace("’", "'"),
        )
        for number in random.sample(range(1, 29), 8):
            first = "1er" if number == 1 else str(number)
            spelled = "premier" if number == 1 else french(number)
            yield f"It's {month} {number}.", f"Nous sommes le {first} {mois}."
            yield f"My birthday is on {month} {number}.", f"Mon anniversaire est le {first} {mois}."
            yield f"Today is the {ordinal(number)} of {month}.", f"Nous sommes le {spelled} {mois}."
            day, jour = random.choice(DAYS)
            yield f"on {day}, {month} {number}", f"le {jour} {first} {mois}"
    for year in random.sample(range(1900, 2031), 40):
        yield f"He was born in {year}.", f"Il est né en {year}."
        yield f"The house was built in {year}.", f"La maison a été construite en {year}."


def amounts() -> Iterator[Pair]:
    """Ages, prices and other amounts."""
    random.seed(4)
    ages = [
        ("I am {} years old.", "J'ai {} ans."),
        ("He is {} years old.", "Il a {} ans."),
        ("She is {} years old.", "Elle a {} ans."),
        ("My son is {}.", "Mon fils a {} ans."),
        ("She just turned {}.", "Elle vient d'avoir {} ans."),
    ]
    things = [
        ("euros", "euros", False),
        ("dollars", "dollars", False),
        ("minutes", "minutes", True),
        ("days", "jours", False),
        ("weeks", "semaines", True),
        ("people", "personnes", True),
        ("books", "livres", False),
        ("students", "élèves", False),
        ("pages", "pages", True),
        ("kilometres", "kilomètres", False),
        ("eggs", "œufs", False),
        ("hours", "heures", True),
    ]
    frames = [
        ("There are {}.", "Il y a {}."),
        ("I need {}.", "J'ai besoin de {}."),
        ("only {}", "seulement {}"),
        ("I have {} left.", "Il me reste {}."),
        ("exactly {}", "exactement {}"),
    ]
    for number in range(2, 100):
        for is_spelled in (False, True):
            frame, cadre = random.choice(ages)
            english_text, french_text = (
                (english(number), french(number)) if is_spelled else (str(number),) * 2
            )
            yield frame.format(english_text), cadre.format(french_text)
            thing, chose, feminine = random.choice(things)
            french_text = french(number, feminine=feminine) if is_spelled else str(number)
            frame, cadre = random.choice(frames)
            yield frame.format(f"{english_text} {thing}"), cadre.format(f"{french_text} {chose}")
        euros = french(number) if number % 2 else str(number)
        english_text = english(number) if number % 2 else str(number)
        yield f"It costs {english_text} euros.", f"Ça coûte {euros} euros."


def letters(text: str) -> str:
    """Return what is left of a text without case, marks and spaces."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def main() -> None:
    """Print every pair once."""
    everyday = Path(__file__).parents[2] / "tests/translation/everyday.toml"
    groups = tomllib.loads(everyday.read_text(encoding="utf-8")).values()
    measured = {letters(text) for group in groups for text in group}
    pairs: dict[str, str] = {}
    for part in (numbers(), times(), dates(), amounts()):
        for source, target in part:
            if letters(source) not in measured:
                pairs.setdefault(source, target)
    for source, target in pairs.items():
        print(f"{source}\t{target}")


if __name__ == "__main__":
    main()
