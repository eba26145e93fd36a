"""Kinds of heads, beside TransformerLens's detect_head: the same scores, their time and memory.

    python -m benchmarks.head_kinds [--quick] [--json] [--lengths 512 1024 2048] [--alone 16384]

A GPT-2 with random weights reads a random text. TransformerLens runs it with its hooks, keeps the
patterns of all layers in one cache, which is less than it keeps by itself, and compares them with
its three patterns. clearhead records the model with its fused attention and finds all three scores
in one pass over queries and keys; and, with a second recording, all scores and kinds of heads. The
ways run in turn in one process; memory is the peak of a process of its own above what it held
before. At the last length, which no cache of patterns would fit, clearhead runs alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from clearhead.maps.heads.detection import PATTERNS, detect_heads
from clearhead.maps.recorder.record import record

from .forward_passes import interleaved, limit, row_of, table
from .machine import cores, installed, machine, peak_memory
from .report import add_arguments, progress, publish

LENS, SCORES, KINDS = (
    "TransformerLens, one cache",
    "clearhead, the same scores",
    "clearhead, heads()",
)
WORDS = 2000
MOST_APART = 1e-4


def write_model(folder: Path, length: int, quick: bool) -> None:
    """Write a GPT-2 that can read so many tokens, and a tokenizer of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    words = {"<|end|>": 0, **{f"w{n}": n for n in range(1, WORDS)}}
    core = Tokenizer(models.WordLevel(words, unk_token="<|end|>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), "<|end|>")
    PreTrainedTokenizerFast(tokenizer_object=core, **special).save_pretrained(folder)
    size = {"n_embd": 32, "n_layer": 2, "n_head": 4} if quick else {
        "n_embd": 512, "n_layer": 6, "n_head": 8,
    }  # fmt: skip
    config = GPT2Config(
        vocab_size=WORDS, n_positions=length + 8, bos_token_id=0, eos_token_id=0,
        initializer_range=0.1, **size,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)


def random_text(length: int) -> str:
    """Return words whose frequencies fall as those of a language do, the same for every run."""
    generator = torch.Generator().manual_seed(length)
    shares = 1 / torch.arange(1, WORDS)
    numbers = torch.multinomial(shares, length, replacement=True, generator=generator) + 1
    return " ".join(f"w{n}" for n in numbers.tolist())


def ways(folder: Path, length: int, *, lens: bool) -> dict[str, Callable[[], Any]]:
    """Return each way to score the heads on a text of so many words."""
    from transformers import AutoTokenizer, GPT2Model

    text = random_text(length)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = torch.tensor([[0, *tokenizer(text)["input_ids"]]])  # as TransformerLens begins a text
    model = GPT2Model.from_pretrained(folder).eval()

    def scores() -> Any:
        with record(model) as recording:
            model(ids, use_cache=False)
        return detect_heads(recording, ids=ids)

    def kinds() -> Any:
        with record(model) as recording:
            model(ids, use_cache=False)
        return recording.heads(ids=ids)

    runs = {SCORES: scores, KINDS: kinds}
    return {**runs, LENS: _by_lens(folder, text, ids)} if lens else runs


def _by_lens(folder: Path, text: str, ids: torch.Tensor) -> Callable[[], Any]:
    from transformer_lens.head_detector import detect_head
    from transformer_lens.model_bridge import TransformerBridge

    bridge = TransformerBridge.boot_transformers(str(folder), device="cpu")
    assert torch.equal(bridge.to_tokens(text), ids)

    def run() -> Any:
        _, cache = bridge.run_with_cache(
            ids, remove_batch_dim=True, names_filter=lambda name: name.endswith("hook_pattern")
        )
        return {pattern: detect_head(bridge, text, pattern, cache=cache) for pattern in PATTERNS}

    return run


def furthest_apart(runs: dict[str, Callable[[], Any]]) -> float:
    """Return the greatest difference between the scores of both."""
    theirs, ours = runs[LENS](), runs[SCORES]()
    return max(
        float((torch.cat([*ours[pattern].values()]) - theirs[pattern]).abs().max())
        for pattern in PATTERNS
    )


def memory_of(kind: str, folder: Path, length: int) -> None:
    """Print the most bytes that one way held above the model, in a process of its own."""
    with torch.inference_mode():
        lens = kind == LENS
        ways(folder, 16, lens=lens)[kind]()  # what is loaded at the first call
        run = ways(folder, length, lens=lens)[kind]
        before = peak_memory()
        run()
        print(json.dumps({"bytes": max(peak_memory() - before, 0)}))


def memories(
    folder: Path, length: int, kinds: Sequence[str], options: argparse.Namespace
) -> dict[str, int]:
    """Return the same for each way."""
    sizes = {}
    for kind in kinds:
        progress(f"Memory at {length:,} words: {kind} ...")
        command = [sys.executable, "-m", __spec__.name, "--only-memory", kind, "--folder"]
        command += [str(folder), "--lengths", str(length), "--threads", str(options.threads)]
        child = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
        )
        sizes[kind] = json.loads(child.stdout.splitlines()[-1])["bytes"]
    return sizes


def compare(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Score the heads at every length in each way that fits it."""
    rows = []
    for length in [*options.lengths, *options.alone]:
        progress(f"Heads on {length:,} words ...")
        lens = length not in options.alone
        with torch.inference_mode():
            runs = ways(folder, length, lens=lens)
            apart = furthest_apart(runs) if lens else None
            times = interleaved(runs, options.seconds, options.rounds if lens else 1)
        row = row_of(times, SCORES, length=length, apart=apart)
        row["memory"] = memories(folder, length, [*runs], options)
        rows.append(row)
    return rows


def result_of(rows: list[dict[str, Any]], facts: dict[str, Any]) -> dict[str, Any]:
    """Return the result as `report.publish` takes it."""
    tables, verdicts = [], []
    for row in rows:
        one = table(f"Heads of a GPT-2, {row['length']:,} words", row, SCORES)
        one["header"] = [*one["header"], "MB above the model"]
        one["rows"] = [[*cells, f"{row['memory'][cells[0]] / 1e6:,.0f}"] for cells in one["rows"]]
        tables.append(one)
        if row["apart"] is None:
            continue
        verdicts.append(
            f"{row['length']:,} words: the scores are at most {row['apart']:.1e} apart "
            f"({'the same' if row['apart'] <= MOST_APART else 'NOT THE SAME'})"
        )
        verdicts.append(
            limit(
                f"{row['length']:,} words, time of clearhead to TransformerLens",
                1 / row["times"][LENS], 1.0,
            )
        )  # fmt: skip
        memory = row["memory"][SCORES] / max(row["memory"][LENS], 1)
        verdicts.append(
            limit(f"{row['length']:,} words, memory of clearhead to TransformerLens", memory, 1.0)
        )
    return {
        "name": "head_kinds",
        "title": "Kinds of heads, beside TransformerLens's detect_head",
        "machine": facts,
        "rows": rows,
        "tables": tables,
        "verdicts": verdicts,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="benchmarks.head_kinds", description=__doc__)
    add_arguments(parser)
    parser.add_argument("--lengths", type=int, nargs="+", default=[512, 1024, 2048], metavar="N")
    parser.add_argument("--alone", type=int, nargs="*", default=[16384], metavar="N")
    parser.add_argument("--only-memory", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=min(2, cores()))
    parser.add_argument("--seconds", type=float, default=20.0, help="of each block of rows")
    parser.add_argument("--rounds", type=int, default=9, help="the fewest rounds of a block")
    options = parser.parse_args(arguments)
    for name in ("transformers", "transformer_lens"):
        if not installed(name):
            parser.error(f"it compares with {name}: pip install transformers transformer-lens")
    before = torch.get_num_threads()
    torch.set_num_threads(options.threads)
    try:
        if options.only_memory:
            memory_of(options.only_memory, options.folder, options.lengths[0])
            return
        facts = machine()
        if options.quick:
            options.lengths, options.alone = [64], [96]
            options.seconds, options.rounds = 0.0, 1
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_model(folder, max([*options.lengths, *options.alone]), options.quick)
            publish(result_of(compare(options, folder), facts), options)
    finally:
        torch.set_num_threads(before)


if __name__ == "__main__":
    main()
