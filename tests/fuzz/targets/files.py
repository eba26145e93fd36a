"""What is written beside models: corpora, settings, traces, recordings, a sweep's numbers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from tests.faults import samples

from .models import model_folder
from .target import Target, from_file, place


def _pairs(path: Path) -> object:
    from clearhead.text.corpus import read_pairs

    return [len(pair.source) for pair in read_pairs(str(path))]


def _columns(path: Path) -> object:
    from clearhead.text.corpus import read_pairs

    return [len(pair.source) for pair in read_pairs(f"csv:{path}:en:fr")]


def _texts(path: Path) -> object:
    from clearhead.text.corpus import read_texts

    return [len(text) for text in read_texts(str(path))]


def _trace(path: Path) -> object:
    from clearhead.reference.tracing.trace import Trace

    return [step.value.sum() for step in Trace.load(path) if step.value.size]


def _recording(path: Path) -> object:
    import clearhead

    return [one.dense() for _, one in clearhead.load_recording(path).items()]


def _saved(save: Callable[[Path], object]) -> Callable[[], list[bytes]]:
    """The seeds that something saves."""

    def seeds() -> list[bytes]:
        path = place() / "seed"
        save(path)
        return [path.read_bytes()]

    return seeds


def _save_trace(path: Path) -> None:
    import clearhead

    clearhead.trace("a", model=str(model_folder())).save(path)


def _sweep(path: Path) -> object:
    from tests.faults.operations.numbers import sweep_file

    return sweep_file(path.parent)


def _settings(path: Path) -> object:
    from clearhead.training.settings import Settings

    return Settings.from_toml(path)


_TOML = b"""task = "translation"
[data]
corpus = [{path = "a.tsv", passes = 1.5}]
development = "b.tsv"
max_tokens = 20
[tokenizer]
vocab_size = 300
[model]
d_model = 16
[training]
max_steps = 4
learning_rate = 0.01
"""


def _recipe(path: Path) -> object:
    from clearhead.corpora.recipe import Recipe

    return Recipe.from_toml(path)


def _sweep_seed() -> list[bytes]:
    from tests.faults.operations.numbers import write_sweep

    folder = place() / "sweep"
    folder.mkdir(exist_ok=True)
    write_sweep(folder, 3)
    return [(folder / "sweep.json").read_bytes()]


def _table(*parts: str) -> list[bytes]:
    return [part.encode() for part in parts]


TARGETS = (
    Target("pairs", lambda: _table("a b\tc d\ne\tf\n", "é\tè\r\n"), from_file("x.tsv", _pairs)),
    Target(
        "compressed pairs", lambda: [gzip.compress(b"a b\tc d\n" * 9)], from_file("x.gz", _pairs)
    ),
    Target(
        "columns",
        lambda: _table('en,fr,of\n"a, ""b""",c,d\ne,f,g\n', "fr,en\r\né,è\r\n"),
        from_file("x.csv", _columns),
    ),
    Target("texts", lambda: _table("a b\n\nc\n", "é\r\n"), from_file("x.txt", _texts)),
    Target("trace", _saved(_save_trace), from_file("x.trace", _trace)),
    Target(
        "recording",
        _saved(lambda path: samples.recording().save(path)),
        from_file("x.recording", _recording),
    ),
    Target("sweep", _sweep_seed, from_file("sweep.json", _sweep), True),
    Target("training settings", lambda: [_TOML], from_file("run.toml", _settings)),
    Target("recipe", lambda: [samples.RECIPE.encode()], from_file("recipe.toml", _recipe)),
)
