"""Declared fields: what a type and its rules admit, and the words of what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.setting_fields import (
    Rule,
    check_fields,
    check_names,
    check_value,
    from_mapping,
    one_of,
    within,
)

Share = Annotated[float, within(least=0, below=1)]
Count = Annotated[int, within(least=1)]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    path: str
    passes: Annotated[float, within(above=0, most=1000)] = 1.0

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, kw_only=True)
class Run:
    corpus: tuple[Corpus, ...] = ()
    first: Corpus | None = None
    steps: Count = 10
    limit: Count | None = None
    betas: tuple[Share, Share] = (0.9, 0.98)
    norm: Annotated[str, one_of("layer", "rms")] = "layer"
    bias: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)
        if self.limit is not None and self.limit > self.steps:
            raise ConfigError(f"limit must not exceed steps; {self.limit} is more.")


def test_a_table_becomes_settings_with_its_lists_and_tables() -> None:
    run = from_mapping(
        Run,
        {
            "corpus": [{"path": "a"}, {"path": "b", "passes": 2}],
            "first": {"path": "c"},
            "betas": [0.5, 0],
            "extra": {"x": 1},
        },
    )
    assert run == Run(
        corpus=(Corpus(path="a"), Corpus(path="b", passes=2)),
        first=Corpus(path="c"),
        betas=(0.5, 0),
        extra={"x": 1},
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"step": 1}, "Unknown setting 'step'. The settings are: corpus, first, steps, limit, "),
        ({"corpus": [{"path": "a", 3: 1}]}, "Unknown corpus[0] setting '3'. The settings are: pa"),
        ({"corpus": [{"path": "a"}, {}]}, "The corpus[1] settings lack path."),
        ({"corpus": {"path": "a"}}, "corpus must be a list of tables, [[corpus]] in TOML; it is {"),
        ({"corpus": ["a"]}, "corpus[0] must be a table; it is 'a'."),
        ({"corpus": [{"path": "a", "passes": 0}]}, "corpus[0].passes must be above 0 and at most"),
        ({"first": {"path": 3}}, "first.path must be a text; it is 3."),
        ({"first": 3}, "first must be a table; it is 3."),
        ({"steps": 0}, "steps must be at least 1; it is 0."),
        ({"steps": 2.0}, "steps must be a whole number; it is 2.0."),
        ({"steps": True}, "steps must be a whole number; it is True."),
        ({"steps": None}, "steps must be a whole number; it is None."),
        ({"limit": 0}, "limit must be at least 1; it is 0."),
        ({"limit": "x" * 999}, f"limit must be a whole number; it is '{'x' * 76}...."),
        ({"limit": 11}, "limit must not exceed steps; 11 is more."),
        ({"betas": 0.9}, "betas must be a list; it is 0.9."),
        ({"betas": [0.9]}, "betas must be a list of 2 values; it is [0.9]."),
        ({"betas": [0.9, 1]}, "betas[1] must be at least 0 and below 1; it is 1."),
        ({"betas": [False, 0.9]}, "betas[0] must be a number; it is False."),
        ({"betas": [float("nan"), 0.9]}, "betas[0] must be a finite number; it is nan."),
        ({"betas": [10**400, 0.9]}, "betas[0] must be a finite number; it is 1000"),
        ({"norm": "batch"}, "norm must be one of layer, rms; it is 'batch'."),
        ({"norm": ["layer"]}, "norm must be a text; it is ['layer']."),
        ({"bias": 1}, "bias must be true or false; it is 1."),
        ({"extra": [1]}, "extra must be a table; it is [1]."),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        from_mapping(Run, table)
    assert str(error.value).startswith(message)


def test_a_section_leads_the_names_and_the_contradictions() -> None:
    with pytest.raises(ConfigError, match=r"^run\.steps must be at least 1; it is 0\.$"):
        from_mapping(Run, {"steps": 0}, section="run")
    with pytest.raises(ConfigError, match=r"^In the section run: limit must not exceed steps"):
        from_mapping(Run, {"limit": 11}, section="run")
    with pytest.raises(ConfigError, match=r"^Unknown training setting 'x'\."):
        from_mapping(Run, {"x": 0}, kind="training")


def test_what_python_code_constructs_is_checked_too() -> None:
    with pytest.raises(
        ConfigError, match=r"^passes must be above 0 and at most 1,000; it is -1\.$"
    ):
        Corpus(path="a", passes=-1)
    with pytest.raises(ConfigError, match=r"corpus\[0\] must be a table; it is None"):
        Run(corpus=(None,))  # type: ignore[arg-type]
    assert Run(steps=np.int64(3), betas=(np.float32(0), 0)).steps == 3


def test_names_alone() -> None:
    check_names(Run, ["steps", "betas"])
    with pytest.raises(ConfigError, match=r"^Unknown search setting 'a', 'b'\. The settings are: "):
        check_names(Run, ["b", "steps", "a"], "search")


def test_many_unknown_names_are_not_all_quoted() -> None:
    with pytest.raises(ConfigError) as error:
        check_names(Corpus, [f"name{i}" for i in range(99)])
    assert str(error.value).count("'name") == 8


def test_rules_of_an_optional_value_stand_inside_or_outside() -> None:
    for hint in (Count | None, Annotated[int | None, within(least=1)]):
        check_value("size", 1, hint)
        check_value("size", None, hint)
        with pytest.raises(ConfigError, match="size must be at least 1; it is 0"):
            check_value("size", 0, hint)


def test_a_rule_of_ones_own_and_a_single_choice() -> None:
    even = Annotated[int, Rule("even", lambda number: number % 2 == 0)]
    with pytest.raises(ConfigError, match=r"^width must be even; it is 3\.$"):
        check_value("width", 3, even)
    with pytest.raises(ConfigError, match=r"^pad_id must be 0; it is 5\.$"):
        check_value("pad_id", 5, Annotated[int, one_of(0)])


def test_the_documentation_shows_a_rule_as_its_words() -> None:
    assert repr(Share) == "typing.Annotated[float, at least 0 and below 1]"
