"""Where the sentences of a line end, and where the items of a list within it begin.

The rules are data: sets of abbreviations by what may follow them, and words that begin sentences.
They know English. A mark is an end unless a rule says that it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# A mark, closing quotes, brackets and tags, then space, or another tag right behind them. Each
# pattern starts where a run starts, so that a long run is read once and not from each of its
# characters. Dots with spaces between them are one mark.
_MARK = re.compile(
    r"(?<![.!?…])(?:(?<!\. )\.(?: \.){2,3}(?! ?\.)|[.!?…]+)"
    r"(?:[\"'”’»)\]*_~]*(?:\s+|\Z)|[\"'”’»)\]]*(?:</\w+\s*>)+(?:\s+|\Z|(?=<\w)))|[。！？]+\s*"
)
_TAGS = re.compile(r"\A(?:<[^<>]*>\s*)+")
_SPACED = re.compile(r"\.(?: \.){2,3}")
_OPENING = "\"'“‘«([¿¡-–—*_~"
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«>*_~]+\Z")
_WORD_AFTER = re.compile(r"[\w'’]+")
_LONGEST_ABBREVIATION = 20


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, as the rules write their data."""
    return frozenset(text.split())


# Before a name: "Mr. Smith". Written with a capital letter.
TITLES = word_set(
    """
    mr mrs ms mx dr drs prof profs st rev hon fr br msgr ven amb atty insp supt pres gov sen rep
    messrs mme mlle gen col maj lt cmdr cdr capt adm brig sgt cpl pvt lieut sir gens cols ft mt pt
    """
)
# Before a number: "No. 5", "Jan. 3".
BEFORE_NUMBERS = word_set(
    """
    no nos n° nº vol vols fig figs eq eqs ch sec secs art p pp pg rs approx ca tel ext ft
    jan feb mar apr jun jul aug sep sept oct nov dec
    """
)
DAYS = word_set("mon tue tues wed thu thur thurs fri sat sun")
MONTHS = word_set(
    "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july "
    "august september october november december"
)
# Within a sentence, whatever follows: "e.g. London", "Smith v. Jones".
NEVER_LAST = word_set("e.g i.e cf viz vs v approx hon messrs ed eds trans univ assn bros dept est")
# Last in a sentence as often as not: a capital letter after them begins the next one.
MAY_BE_LAST = word_set(
    "etc inc ltd corp co al jr sr esq plc llc ave blvd rd bldg a.m p.m ph.d m.d b.c"
)
# Last only before a word that begins sentences, for names are written after them: "J.K. Rowling",
# "Ph.D. Smith".
DEGREES = word_set("ph.d m.d b.a m.a b.sc m.sc d.phil m.b.a ll.d ll.b d.d.s")
COUNTRIES = word_set("u.s u.k u.n e.u u.s.a d.c u.s.s.r u.a.e")
# What a country's abbreviation qualifies: "the U.S. Army".
INSTITUTIONS = word_set(
    """
    government army navy air marine marines coast senate senator senators house congress
    congressman president department state states supreme court treasury dollar dollars
    constitution embassy ambassador attorney secretary general military forces open citizen
    citizens postal mail border customs census federal justice security council charter
    resolution parliament prime minister commission commissioner capitol district representative
    trade economy media troops soldiers officials bank banks patent mint marshal marshals
    """
)
STARTERS = word_set(
    """
    a an the this that these those he she it they we i you his her its their our my your there
    here what where when why who whose which how is are was were do does did can could will would
    shall should may might must have has had if but and or so yet then now after before although
    because while since as at in on for from with without by to not no yes please let let's maybe
    perhaps however i'm i've i'll he's she's it's we're they're you're don't isn't some many most
    all one two everyone everybody someone nobody nothing everything another both each
    """
)
# "At 5 p.m. Mr. Smith left": a time that a sentence opens with does not end it.
_OPENING_TIME = re.compile(
    r"(?i)\A(?:at|by|around|about|before|after|until|till|since|from|on)\s[\d:.\s]*[ap]\.m\Z"
)
_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z]\Z")


def ends(text: str, start: int = 0) -> Iterator[int]:
    """Yield where the sentences of a line end, the spaces after them included.

    Args:
        text: one line.
        start: where its first sentence begins.

    Yields:
        places in ``text``, in order, each after ``start``.
    """
    for match in _MARK.finditer(text, start):
        spaced = _SPACED.match(match[0])
        if spaced:
            end = _spaced_end(text, match, spaced[0].count("."))
        else:
            end = match.end() if _is_end(text, start, match) else None
        if end is not None and end > start:
            yield end
            start = end


def _spaced_end(text: str, match: re.Match[str], dots: int) -> int | None:
    """Return where a sentence ends at dots with spaces between them; None for a pause.

    Three dots are a pause; a fourth ends a sentence, the one that touches its last word.
    """
    after = text[match.end() : match.end() + 9].lstrip(_OPENING + " ")[:1]
    if not after:
        return match.end()
    if dots < 4 or after.islower():
        return None
    touches = match.start() > 0 and not text[match.start() - 1].isspace()
    return match.start() + 2 if touches else match.end()


def _is_end(text: str, start: int, match: re.Match[str]) -> bool:
    """Return whether a mark ends the sentence that begins at ``start``."""
    after = _TAGS.sub("", text[match.end() : match.end() + 100])[:40]
    next_text = after.lstrip(_OPENING + " ")
    if not next_text:
        return True
    if next_text[0].islower():
        return False
    mark = match[0].strip()
    if match.start() > 0 and text[match.start() - 1] in "[(" and mark[0] in ".…":
        return False  # an omission in brackets
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    before = _WORD_BEFORE.search(
        text, max(start, match.start() - _LONGEST_ABBREVIATION), match.start()
    )
    if before is None:
        return True
    following = _WORD_AFTER.match(next_text)
    next_word = following[0].lower().replace("’", "'") if following else ""
    return _may_be_last(text, start, before[0], match.start(), after, next_word)


def _may_be_last(text: str, start: int, word: str, place: int, after: str, next_word: str) -> bool:
    """Return whether a sentence may end with this word and its full stop."""
    lower, digit = word.lower(), after.lstrip(_OPENING + " ")[:1].isdigit()
    if lower == "i":
        return not _is_initial(text, start, place, next_word)
    if len(word) == 1 and word.isalpha():
        return False
    if lower in NEVER_LAST or (lower in TITLES and word[:1].isupper()):
        return False
    if lower in BEFORE_NUMBERS and digit:
        return False
    if (lower in DAYS or lower in MONTHS) and word[:1].isupper() and (digit or next_word in MONTHS):
        return False
    if lower in COUNTRIES:
        return next_word not in INSTITUTIONS and not after.startswith("(")
    if lower in DEGREES or (_INITIALS.match(word) and lower not in MAY_BE_LAST):
        return next_word in STARTERS
    if lower in MAY_BE_LAST:
        opens = _OPENING_TIME.match(text[start:place].lstrip(_OPENING + " "))
        return not digit and not after.startswith("(") and not opens
    return True


def _is_initial(text: str, start: int, place: int, next_word: str) -> bool:
    """Return whether the I is an initial: in "Albert I. Jones", but not in "you and I."."""
    earlier = text[start : place - 1].split()
    return (
        bool(earlier)
        and len(earlier) > 1
        and earlier[-1][:1].isupper()
        and (next_word not in STARTERS)
    )


_ITEM = re.compile(r"(?:(?<=\s)|\A)\s*(?:[•⁃*·–-]\s*)?\(?(?:(\d{1,3})|([a-z]))(\.\)|[.)])\s+(?=\S)")


def list_items(line: str) -> list[tuple[int, int]]:
    """Return the marks of a list that stands in one line: "1. Wash 2. Dry", "a) yes b) no".

    Returns:
        the start and end of each mark, when the line begins with the first and at least one more
        follows it in order and in the same form; otherwise nothing.
    """
    first = _ITEM.match(line)
    if first is None:
        return []
    places, value, form = [first.span()], _value(first), (bool(first[1]), first[3])
    for match in _ITEM.finditer(line, first.end()):
        if _value(match) == value + 1 and (bool(match[1]), match[3]) == form:
            places.append(match.span())
            value += 1
    return places if len(places) > 1 else []


def _value(match: re.Match[str]) -> int:
    return int(match[1]) if match[1] else ord(match[2])
