"""The rules' data for English."""

from __future__ import annotations

import re

from .language import Language, word_set

_QUESTION = re.compile(
    r"(?i)(?:who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|"
    r"will|would|shall|should|may|might|have|has|had|isn't|aren't|wasn't|weren't|don't|doesn't|"
    r"didn't|can't|couldn't|won't|wouldn't|shouldn't|haven't|hasn't)\s+\S"
)
# "What a day", "How nice" and "Have a seat" are no questions.
_EXCLAMATION = re.compile(
    r"(?i)(?:what an?|how (?!are|is|was|were|do|does|did|can|could|will|would|should|many|much|old|"
    r"long|far|often|about|come|to)\w+|have an?|do (?:not|it|that|this)|don't|will power)\b"
)
# "At 5 p.m. Mr. Smith left": a time that a sentence opens with does not end it.
_OPENING_TIME = re.compile(
    r"(?i)\A(?:at|by|around|about|before|after|until|till|since|from|on)\s[\d:.\s]*[ap]\.m\Z"
)

ENGLISH = Language(
    "English",
    titles=word_set(
        """
    mr mrs ms mx dr drs prof profs st rev hon fr br msgr ven amb atty insp supt pres gov sen rep
    messrs mme mlle gen col maj lt cmdr cdr capt adm brig sgt cpl pvt lieut sir gens cols ft mt pt
    """
    ),
    before_numbers=word_set(
        """
    no nos n° nº vol vols fig figs eq eqs ch sec secs art p pp pg rs approx ca tel ext ft
    jan feb mar apr jun jul aug sep sept oct nov dec
    """
    ),
    days=word_set("mon tue tues wed thu thur thurs fri sat sun"),
    months=word_set(
        "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june "
        "july august september october november december"
    ),
    never_last=word_set(
        "e.g i.e cf viz vs v approx hon messrs ed eds trans univ assn bros dept est"
    ),
    may_be_last=word_set(
        "etc inc ltd corp co al jr sr esq plc llc ave blvd rd bldg a.m p.m ph.d m.d b.c"
    ),
    degrees=word_set("ph.d m.d b.a m.a b.sc m.sc d.phil m.b.a ll.d ll.b d.d.s"),
    countries=word_set("u.s u.k u.n e.u u.s.a d.c u.s.s.r u.a.e"),
    institutions=word_set(
        """
    government army navy air marine marines coast senate senator senators house congress
    congressman president department state states supreme court treasury dollar dollars
    constitution embassy ambassador attorney secretary general military forces open citizen
    citizens postal mail border customs census federal justice security council charter
    resolution parliament prime minister commission commissioner capitol district representative
    trade economy media troops soldiers officials bank banks patent mint marshal marshals
    """
    ),
    starters=word_set(
        """
    a an the this that these those he she it they we i you his her its their our my your there
    here what where when why who whose which how is are was were do does did can could will would
    shall should may might must have has had if but and or so yet then now after before although
    because while since as at in on for from with without by to not no yes please let let's maybe
    perhaps however i'm i've i'll he's she's it's we're they're you're don't isn't some many most
    all one two everyone everybody someone nobody nothing everything another both each
    """
    ),
    letter_words=frozenset("iI"),
    opening_time=_OPENING_TIME,
    question=_QUESTION,
    exclamation=_EXCLAMATION,
    labels=word_set(
        """
    note notes warning caution attention important tip tips hint example examples question
    questions answer answers problem problems solution solutions remember result results reason
    reasons summary conclusion conclusions introduction subject title date time place address
    phone email name names price total today tomorrow yesterday monday tuesday wednesday thursday
    friday saturday sunday breakfast lunch dinner step ingredients directions instructions news
    update error success message reply re ps update first second third finally also rule rules
    idea translation meaning definition chapter section part page figure table contents source
    advice
    """
    ),
    small_words=word_set(
        """
    a an the of and or but in on at to for from by with as is are be it its into not
    """
    ),
    pronoun="i",
    quotes=("“", "”"),
    title_words=word_set("a an the of and or but nor in on at to for from by with as into"),
)
