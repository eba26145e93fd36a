"""Type on the page: five sizes for everything, none under 13 pixels, and a larger set of the same
five for a projector."""

from __future__ import annotations

import re

from tests.explorer.test_built import content

PIXELS = 16  # of a rem, where the reader has not chosen otherwise
SIZES = ("small", "text", "lead", "title", "display")
SMALLEST, MOST_SIZES = 13, 5


def rules() -> list[tuple[str, str]]:
    """Selectors and declarations of the page's style sheet as it is shipped."""
    css = re.sub(r"/\*.*?\*/", "", content("explorer.css"), flags=re.DOTALL)
    return re.findall(r"([^{}]+)\{([^{}]*)\}", css)


def declared() -> list[dict[str, float]]:
    """The sets of sizes, in pixels, in the order in which they are declared."""
    sets = []
    for _, body in rules():
        found = re.findall(r"--type-(\w+): ?([\d.]+)rem", body)
        if found:
            sets.append({name: float(size) * PIXELS for name, size in found})
    return sets


def test_there_are_five_sizes_and_none_is_under_13_pixels():
    for sizes in declared():
        assert tuple(sizes) == SIZES
        assert len(sizes) <= MOST_SIZES
        assert min(sizes.values()) >= SMALLEST
        assert list(sizes.values()) == sorted(set(sizes.values()))


def test_a_projector_has_the_same_five_all_larger():
    desk, projector = declared()
    assert all(projector[name] > 1.3 * desk[name] for name in SIZES)


def test_every_rule_takes_one_of_the_sizes():
    others = []
    uses = 0
    for selector, body in rules():
        for name, value in re.findall(r"(?:^|;)(font(?:-size)?):([^;]+)", body):
            taken = re.findall(r"var\(--type-(\w+)\)", value)
            uses += len(taken)
            if value.strip() == "inherit" or (len(taken) == 1 and taken[0] in SIZES):
                continue
            others.append(f"{selector.strip()}: {name}: {value}")
    assert not others
    assert uses > 50
