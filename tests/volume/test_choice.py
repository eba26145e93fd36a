"""Who translates: what was asked for, or what suits the amount; what cannot is refused."""

from __future__ import annotations

import pytest

from clearhead.config import TransformerConfig
from clearhead.errors import ConfigError, MissingExtraError
from clearhead.search.settings import SearchSettings
from clearhead.volume import choice as choice_module
from clearhead.volume.choice import EngineChoice, choose

CONFIG = TransformerConfig(vocab_size=10_000)
BUNDLED = 7_800_000  # numbers
MANY, FEW = 10**6, 1000  # characters


@pytest.fixture
def installation(monkeypatch):
    """A function that says which packages there are, and whether there is a GPU."""

    def have(*packages, gpu=False):
        def find_spec(name):
            return object() if name in packages else None

        def require(name, *, extra, purpose):
            if name not in packages:
                raise MissingExtraError(f'{purpose} needs {name}: pip install "clearhead[{extra}]"')

        monkeypatch.setattr(choice_module.importlib.util, "find_spec", find_spec)
        monkeypatch.setattr(choice_module, "require", require)
        monkeypatch.setattr(choice_module, "has_gpu", lambda: gpu)

    return have


def choice(engine="auto", compute="float32", config=CONFIG, parameters=BUNDLED, **call):
    settings = SearchSettings.of(**{"stop": "first", **call.pop("settings", {})})
    call.setdefault("characters", MANY)
    return choose(engine, compute, config, parameters, settings, **call)


def test_the_amount_of_text_and_the_size_of_the_model_decide(installation):
    installation("ctranslate2", "torch")
    assert choice(characters=FEW) == EngineChoice("numpy", "float32", "few texts")
    assert choice() == EngineChoice("ctranslate2", "float32", "many texts")
    # A hundred times the numbers is a hundred times the work.
    assert choice(characters=FEW, parameters=100 * BUNDLED).engine == "ctranslate2"
    assert choice(compute="auto").compute == "auto"


def test_what_is_not_installed_is_told(installation):
    installation("torch")
    assert str(choice()) == (
        "numpy, float32 (many texts, but CTranslate2 is not installed: "
        'pip install "clearhead[volume]")'
    )
    installation("torch", gpu=True)
    assert choice().engine == "torch"
    assert "a GPU is there" in choice().reason


def test_what_ctranslate2_cannot_do_goes_to_another(installation):
    installation("ctranslate2", "torch")
    sampled = choice(settings={"sample": True})
    assert sampled.engine == "numpy"
    assert "CTranslate2 cannot do sample=True" in sampled.reason
    rotary = TransformerConfig(vocab_size=100, positions="rotary")
    assert "does not compute this model" in choice(config=rotary).reason


@pytest.mark.parametrize("engine", ["numpy", "torch", "ctranslate2"])
def test_what_was_asked_for_is_used(installation, engine):
    installation("ctranslate2", "torch")
    assert choice(engine, characters=0) == EngineChoice(engine, "float32", "as you asked")


@pytest.mark.parametrize(("engine", "extra"), [("torch", "torch"), ("ctranslate2", "volume")])
def test_an_engine_that_is_not_installed_is_refused(installation, engine, extra):
    installation()
    with pytest.raises(MissingExtraError, match=rf"The engine {engine} needs {engine}") as error:
        choice(engine)
    assert f"clearhead[{extra}]" in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cuda",), "engine must be one of auto, numpy, torch, ctranslate2; it is 'cuda'"),
        (("auto", "int4"), "compute must be one of float32, bfloat16, int8, auto; it is 'int4'"),
        (("numpy", "int8"), "computes in float32, not in int8; ctranslate2 does"),
        (("torch", "int8"), "computes in float32 or bfloat16, not in int8; ctranslate2 does"),
        (("ctranslate2", "bfloat16"), "float32 or int8, not in bfloat16; torch does"),
    ],
)
def test_what_does_not_exist_is_refused(installation, arguments, words):
    installation("ctranslate2", "torch")
    with pytest.raises(ConfigError, match=words):
        choice(*arguments)


def test_settings_that_it_cannot_follow_are_refused(installation):
    installation("ctranslate2")
    with pytest.raises(ConfigError, match="normalization='gnmt'"):
        choice("ctranslate2", settings={"normalization": "gnmt"})


def test_a_type_names_its_engine(installation):
    installation("ctranslate2", "torch")
    assert choice(compute="int8", characters=0).engine == "ctranslate2"
    assert choice(compute="bfloat16", characters=0).engine == "torch"


def test_another_stop_rule_is_told(installation):
    installation("ctranslate2")
    note = "stops at 6 ended hypotheses, not at the exact bound"
    assert choice(settings={"stop": "exact"}).note == note
    with pytest.raises(ConfigError, match="stop='exact'"):
        choice("ctranslate2", settings={"stop": "exact"}, explicit={"stop"})


def test_a_note_is_told():
    text = str(EngineChoice("ctranslate2", "int8", "many texts", "stops early"))
    assert text == "ctranslate2, int8 (many texts; it stops early)"
