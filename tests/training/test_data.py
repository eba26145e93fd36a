"""What a run reads: held-out sets, the development set, and a tokenizer that stays with the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clearhead.errors import CorpusError
from clearhead.text.corpus import read_pairs
from clearhead.text.token_store import split_position
from clearhead.text.tokenizer import Tokenizer
from clearhead.training.data import TrainingData, prepare
from clearhead.training.settings import Settings

Table = dict[str, Any]


def prepare_run(
    run: Path, table: Table, folder: Path | None = None
) -> tuple[TrainingData, list[str]]:
    run.mkdir(exist_ok=True)
    messages: list[str] = []
    return prepare(run, Settings.from_dict(table), folder, messages.append), messages


def test_what_is_prepared(table: Table, tmp_path: Path) -> None:
    data, messages = prepare_run(tmp_path / "run", table)
    assert messages == [
        "train.tsv: 160 pairs (no line skipped)",
        "development set: 12 pairs (no line skipped)",
    ]
    assert len(data.corpus.source_lengths) == 160
    assert data.facts["corpora"][0]["passes"] == 1.0
    sources = {
        data.tokenizer.decode(row) for batch in data.development for row in batch.source.tolist()
    }
    assert sources == {pair.source for pair in read_pairs(tmp_path / "development.tsv")}


def test_two_columns_of_a_csv_are_named_by_settings(table: Table, tmp_path: Path) -> None:
    rows = [
        "id,english,french,from",
        '7,"Well, good night.",Bonne nuit.,Ann',
        "8,Hello.,Salut.,Bob",
    ]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    columns = {"source_column": "english", "target_column": "french"}
    table["data"]["corpus"] = [{"path": "pairs.csv", **columns}]
    data, messages = prepare_run(tmp_path / "run", table, tmp_path)
    assert messages[0] == "pairs.csv: 2 pairs (no line skipped)"
    (store,) = data.corpus.stores
    assert data.tokenizer.decode(store.source(0)) == "Well, good night."
    assert data.tokenizer.decode(store.target(1)) == "Salut."


def test_a_part_of_a_corpus_again_and_later(table: Table, tmp_path: Path) -> None:
    alone, _ = prepare_run(tmp_path / "alone", table)
    table["data"]["corpus"].append(
        {**table["data"]["corpus"][0], "max_tokens": 4, "passes": 2.0, "from_epoch": 1}
    )
    data, messages = prepare_run(tmp_path / "run", table)
    short = data.corpus.stores[1]
    assert 0 < len(short) < 160
    assert max(short.source_lengths.max(), short.target_lengths.max()) <= 4
    assert messages[1].startswith(
        f"train.tsv: {len(short)} pairs ({160 - len(short)} lines skipped: "
    )
    assert data.tokenizer.to_json() == alone.tokenizer.to_json()  # a text counts once
    assert data.facts["corpora"][1]["from_epoch"] == 1
    sizes = [sum(map(len, data.corpus.epoch(epoch, 99))) for epoch in (0, 1)]
    assert sizes == [160, 160 + 2 * len(short)]


def test_a_second_start_reads_what_the_first_left(table: Table, tmp_path: Path) -> None:
    first, _ = prepare_run(tmp_path / "run", table)
    (tmp_path / "train.tsv").unlink()
    second, messages = prepare_run(tmp_path / "run", table)
    assert messages[0] == "train.tsv: 160 pairs (no line skipped)"
    assert second.tokenizer.to_json() == first.tokenizer.to_json()
    assert second.corpus.epoch(1, 99)[0].tolist() == first.corpus.epoch(1, 99)[0].tolist()


def test_what_the_model_cannot_hold_is_left_out_and_told(table: Table, tmp_path: Path) -> None:
    with (tmp_path / "development.tsv").open("a") as file:
        file.write(f"{'one ' * 24}\ttwo\ntwo\t{'one ' * 30}\nthree\t \n{'one ' * 23}\ttwo\n")
    data, messages = prepare_run(tmp_path / "run", table)
    assert messages[1] == (
        "development set: 13 pairs (3 lines skipped: 2 longer than 23 tokens, 1 with an empty side)"
    )
    assert max(batch.source.shape[1] for batch in data.development) == 24
    assert sum(len(batch.source) for batch in data.development) == 13


def test_a_bad_line_of_the_development_set(table: Table, tmp_path: Path) -> None:
    with (tmp_path / "development.tsv").open("a") as file:
        file.write("no tab\n")
    with pytest.raises(CorpusError, match=r"development\.tsv, line 13: .*no tab"):
        prepare_run(tmp_path / "run", table)
    table["data"]["skip_bad_lines"] = True
    _, messages = prepare_run(tmp_path / "other", table)
    assert messages[1] == "development set: 12 pairs (1 line skipped: 1 no tab)"


def test_so_many_development_pairs(table: Table, tmp_path: Path) -> None:
    table["data"]["development_pairs"] = 5
    data, _ = prepare_run(tmp_path / "run", table)
    assert sum(len(batch.source) for batch in data.development) == 5


def test_an_empty_development_set(table: Table, tmp_path: Path) -> None:
    (tmp_path / "development.tsv").write_text("")
    with pytest.raises(CorpusError, match=r"development\.tsv holds no usable pair"):
        prepare_run(tmp_path / "run", table)


@pytest.fixture
def held_out_table(table: Table, tmp_path: Path) -> Table:
    rows = [f"number {i} here\tnombre {i} ici\n" for i in range(200)]
    rows += [f"Number {i} here!\tun autre {i}\n" for i in range(200)]
    (tmp_path / "main.tsv").write_text("".join(rows))
    (tmp_path / "other.tsv").write_text("".join(f"NUMBER {i} HERE\tici\n" for i in range(200)))
    table["data"] = {
        "corpus": [{"path": "main.tsv", "held_out": True}, {"path": "other.tsv"}],
        "held_out_share": 0.2,
        "max_tokens": 23,
    }
    return table


def test_the_held_out_sets(held_out_table: Table, tmp_path: Path) -> None:
    run = tmp_path / "run"
    data, _ = prepare_run(run, held_out_table, tmp_path)
    development = list(read_pairs(run / "held_out.development.tsv"))
    test = list(read_pairs(run / "held_out.test.tsv"))
    assert 20 < len(development) < 60
    assert 20 < len(test) < 60
    assert all(split_position(pair.source) < 0.1 for pair in development)
    assert all(0.1 <= split_position(pair.source) < 0.2 for pair in test)
    held_out = {split_position(pair.source) for pair in development + test}
    decode = data.tokenizer.decode
    for store in data.corpus.stores:
        assert len(store) > 100
        training = {split_position(decode(store.source(i))) for i in range(len(store))}
        assert not training & held_out
    # Both ways of writing a sentence are there, each with its own first translation.
    assert len({pair.source for pair in development}) == len(development)
    assert {pair.target.split()[0] for pair in development} == {"nombre", "un"}
    order = [split_position(pair.source) for pair in development]
    assert order == sorted(order)


def test_tabs_and_line_feeds_do_not_break_the_held_out_sets(
    held_out_table: Table, tmp_path: Path
) -> None:
    (tmp_path / "en").write_text("".join(f"a\tnumber {i}\n" for i in range(50)))
    (tmp_path / "fr").write_text("".join(f"le\tnombre {i}\n" for i in range(50)))
    held_out_table["data"] |= {
        "corpus": [{"path": "en,fr", "held_out": True}],
        "normalize_spaces": False,
        "held_out_share": 0.5,
    }
    prepare_run(tmp_path / "run", held_out_table, tmp_path)
    pairs = list(read_pairs(tmp_path / "run/held_out.development.tsv"))
    assert pairs
    assert all(pair.target.startswith("le nombre") for pair in pairs)


def test_too_little_held_out(held_out_table: Table, tmp_path: Path) -> None:
    held_out_table["data"]["held_out_share"] = 1e-9
    with pytest.raises(CorpusError, match=r"Too little is held out; raise data\.held_out_share"):
        prepare_run(tmp_path / "run", held_out_table, tmp_path)


def test_a_ready_tokenizer_is_copied_into_the_run(table: Table, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    Tokenizer.train(["one two three"] * 9, 280).save(ready)
    table["tokenizer"] = {"path": str(ready)}
    first, _ = prepare_run(tmp_path / "run", table)
    ready.write_text("something else")
    second, _ = prepare_run(tmp_path / "run", table)
    assert first.tokenizer.to_json() == second.tokenizer.to_json()


def test_register_tags_are_told_and_noted(table: Table, tmp_path: Path) -> None:
    forms = [("Tu dors", "Vous dormez")[i % 2] for i in range(160)]
    lines = "".join(f"You sleep {i}\t{form} {i}.\n" for i, form in enumerate(forms))
    (tmp_path / "train.tsv").write_text(lines)
    table["data"]["corpus"][0]["register_share"] = 0.5
    data, messages = prepare_run(tmp_path / "run", table)
    counts = data.facts["corpora"][0]["tags"]
    assert 60 < counts["tu"] + counts["vous"] < 100
    assert messages[0] == (
        f"train.tsv: 160 pairs (no line skipped; {counts['tu']} with <tu>; "
        f"{counts['vous']} with <vous>)"
    )
    second, again = prepare_run(tmp_path / "run", table)
    assert again == messages
    assert second.facts == data.facts
