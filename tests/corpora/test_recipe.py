"""Recipes say everything or are refused with what is wrong."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from clearhead.corpora.attestation import NOT_ATTESTED
from clearhead.corpora.filters import (
    ALWAYS,
    DOUBLE,
    EMPTY,
    EXTRA,
    NEAR_DOUBLE,
    TOO_MANY_WORDS,
)
from clearhead.corpora.recipe import (
    AttestationSettings,
    CorpusRecipe,
    HeldOutSettings,
    Recipe,
    VariantSettings,
)
from clearhead.corpora.variants import SEVERAL, SIMPLE
from clearhead.errors import ConfigError

ROOT = Path(__file__).parents[2]


def row(**changes: Any) -> dict[str, Any]:
    first = {"path": "a.tsv", "output": "everyday", "licence": "CC0", "attribution": "A"}
    return {**first, **changes}


def words(**changes: Any) -> dict[str, Any]:
    return row(output="words", content="terms", attested=True, **changes)


def test_a_recipe_from_toml(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(
        'seed = 3\n[[corpus]]\npath = "a.tsv"\noutput = "everyday"\nlicence = "CC0"\n'
        'attribution = "A"\nreplace = [["ê. ", "être "]]\n[corpus.variants]\nlower = 0.25\n'
    )
    recipe = Recipe.from_toml(tmp_path / "r.toml")
    (corpus,) = recipe.corpus
    assert recipe.held_out.share == 0.02
    assert corpus.replace == (("ê. ", "être "),)
    assert corpus.variants.shares == {"lower": 0.25}
    assert corpus.outputs == {"everyday"}
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, r"nothing to prepare: give at least one \[\[corpus\]\]"),
        ({"corpus": [row()], "sed": 1}, "Unknown setting 'sed'"),
        ({"corpus": [{"path": "a"}]}, "lack output, licence, attribution"),
        ({"corpus": [row(licence=" ")]}, "licence must be a text that is not blank"),
        ({"corpus": [row(output="../a")]}, "output must be a name of small letters"),
        ({"corpus": [row(content="songs")]}, "content must be one of sentences, terms"),
        ({"corpus": [row(filters=["rude"])]}, "must be one of numbers differ, stage direction"),
        ({"corpus": [row(variants={"lower": 0.7, "upper": 0.6})]}, "at most 1; they are 1.3"),
        ({"corpus": [row(best_share=0.9)]}, "Set both or neither"),
        ({"corpus": [row(scores=["s"])]}, "Set both or neither"),
        ({"corpus": [row(scores=["a", "b", "c"], best_share=0.5)]}, "one file or two"),
        (
            {"corpus": [row(scores=["s"], best_share=0.5, skip_bad_lines=True)]},
            "mend its bad lines",
        ),
        ({"corpus": [row(synthetic="target", kind="news")]}, "nothing to measure on"),
        ({"corpus": [row(), row(synthetic="source")]}, "everyday would hold pairs of people and"),
        ({"corpus": [row()], "held_out": {"share": 1}}, "share must be .*below 1"),
        ({"corpus": [row(most_words=0)]}, "most_words must be"),
        ({"corpus": [row(attested=True)]}, r'a\.tsv has sentences.*content = "terms"'),
        ({"corpus": [row(), words()]}, r"it is \[\]\. Set both or neither"),
        (
            {"corpus": [row()], "attestation": {"corpora": ["everyday"]}},
            r"it is \['everyday'\]\. Set both or neither",
        ),
        (
            {"corpus": [row(), words()], "attestation": {"corpora": ["everyday", "words"]}},
            "names words, which is the output of no sentences. Such outputs are: everyday",
        ),
        (
            {"corpus": [words()], "attestation": {"corpora": ["news"]}},
            "names news, .* are: none",
        ),
        ({"corpus": [row()], "attestation": {"most_sentences": 2}}, "most_sentences must be"),
    ],
)
def test_what_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Recipe.from_dict(table)


def test_a_file_that_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no recipe .*r\.toml"):
        Recipe.from_toml(tmp_path / "r.toml")
    (tmp_path / "r.toml").write_text("[")
    with pytest.raises(ConfigError, match=r"Cannot read the recipe .*not valid TOML"):
        Recipe.from_toml(tmp_path / "r.toml")


def test_variants_have_an_output_of_their_own() -> None:
    recipe = Recipe.from_dict({"corpus": [row(variants={"output": "typed", "lower": 0.5})]})
    assert recipe.corpus[0].outputs == {"everyday", "typed"}
    assert VariantSettings(output="typed").shares == {}


def test_the_recipe_of_the_bundled_model_and_its_training_name_the_same_files() -> None:
    from clearhead.training.settings import Settings

    recipe = Recipe.from_toml(ROOT / "configs/en-fr.prepare.toml")
    settings = Settings.from_toml(ROOT / "configs/en-fr.toml")
    written = {f"{name}.en-fr.tsv.gz" for row in recipe.corpus for name in row.outputs}
    assert {row.path for row in settings.data.corpus} == written
    kinds = {row.kind for row in recipe.corpus if row.kind}
    assert settings.data.development in {f"{kind}.development.en-fr.tsv" for kind in kinds}


def test_the_page_on_training_lists_every_key_with_its_default() -> None:
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    section = page.split("## Preparing text\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| (`[^|]*`) \| ([^|]*?) *\|", section, re.M))
    keys = {
        name: default
        for names, defaults in rows.items()
        for name, default in zip(names.split(", "), defaults.split(", "), strict=False)
    }
    expected = {"`seed`": toml(Recipe.seed)}
    for prefix, cls in (
        ("held_out", HeldOutSettings),
        ("attestation", AttestationSettings),
        ("corpus", CorpusRecipe),
    ):
        for field in dataclasses.fields(cls):
            default = "" if field.name == "variants" else toml(field.default)
            expected[f"`{prefix}.{field.name}`"] = default
    expected.pop("`corpus.licence`")  # its row is that of two keys without a default
    expected.pop("`corpus.attribution`")
    assert {name: keys.get(name) for name in expected} == expected
    assert "| `corpus.licence`, `corpus.attribution` | |" in section
    variants = {name.strip("`") for name in re.findall(r"^\| (`\w+`) \|", section, re.M)}
    terms = {"capital", "full_stop", "sentence"}
    assert variants - {"seed"} == {*SIMPLE, SEVERAL} - terms
    assert all(f"`{name}`" in section for name in terms)
    for block in re.findall(r"```toml\n(.*?)```", section, re.S):
        assert Recipe.from_dict(tomllib.loads(block)).corpus


def toml(value: Any) -> str:
    """A default as the page writes it; nothing for none."""
    missing = value is None or value is dataclasses.MISSING
    return "" if missing else f"`{json.dumps(list(value) if value == () else value)}`"


@pytest.mark.parametrize(
    "reason", [*ALWAYS, *EXTRA, EMPTY, DOUBLE, NEAR_DOUBLE, TOO_MANY_WORDS, NOT_ATTESTED]
)
def test_the_page_explains_every_reason(reason: str) -> None:
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| reason \|.*?\n\n", page, re.M | re.S)
    assert re.search(rf"^\| (?:[\w ]+, )?{reason}(?:, [\w ]+)? \|", table, re.M)
