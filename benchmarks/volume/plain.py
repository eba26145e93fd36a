"""A plain script of CTranslate2: all lines tokenized, one call, all lines written.

    python -m benchmarks.volume.plain MODEL COMPUTE WORKERS THREADS TYPE SIZE BEAM TOKENIZER IN OUT

This is what the documentation of CTranslate2 shows: `translate_batch` of everything, which sorts by
length and cuts into batches of so many tokens or examples, on workers that run at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> None:
    """Translate a file."""
    import ctranslate2

    from clearhead.text.tokenizer import Tokenizer

    model, compute, workers, threads, kind, size, beam, tokenizer_path, source, target = arguments
    tokenizer = Tokenizer.load(Path(tokenizer_path))
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    numbers = {piece: number for number, piece in enumerate(pieces)}
    translator = ctranslate2.Translator(
        model, compute_type=compute, inter_threads=int(workers), intra_threads=int(threads)
    )
    lines = Path(source).read_text("utf-8").splitlines()
    batch = [[*(pieces[i] for i in ids), pieces[2]] for ids in tokenizer.encode_batch(lines)]
    results = translator.translate_batch(
        batch, beam_size=int(beam), max_batch_size=int(size), batch_type=kind
    )
    with open(target, "w", encoding="utf-8") as out:
        for result in results:
            ids = [numbers[piece] for piece in result.hypotheses[0]]
            out.write(tokenizer.decode(ids).replace("\n", " ") + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
