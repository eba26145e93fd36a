"""The same tokens and scores, bit for bit, alone and in any batch, on every BLAS kernel set.

OpenBLAS chooses its kernels when it is loaded, so each set is tried in a process of its own.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from clearhead.translation.checkpoint import bundled_models
from tests.kernel_sets import KERNELS, processor_flags, run, skip_without

threadpoolctl = pytest.importorskip("threadpoolctl")

NAME = "import threadpoolctl, numpy; print(threadpoolctl.threadpool_info()[0].get('architecture'))"

PROGRAM = '''
import json, random
from clearhead.engine.products import method
from clearhead.translation.translator import Translator

words = """the a old young cat dog house station water bread my your his friend sees eats likes
wants is was not never today here very I you we they red small where why when good""".split()
generator = random.Random(7)
texts = list(dict.fromkeys(
    " ".join(generator.choices(words, k=generator.randint(1, 7))).capitalize() + "."
    for _ in range(1200)
))[:COUNT]
translator = Translator.load("en-fr")

def bits(translation):
    return [
        (segment.text, segment.tokens, segment.log_prob, segment.token_log_probs)
        for segment in translation.segments
    ]

def different(texts, **options):
    alone = [bits(translator.translate(text, **options)) for text in texts]
    order = generator.sample(range(len(texts)), len(texts))
    mixed = [texts[i] for i in order]
    shuffled = translator.translate(mixed, threads=2, batch_tokens=500, **options)
    batch = translator.translate(texts, **options)
    return (
        sum(alone[i] != bits(other) for i, other in zip(order, shuffled))
        + sum(one != bits(other) for one, other in zip(alone, batch))
    )

long = " ".join(texts[:12]).replace(".", ",")
print(json.dumps({
    "method": method(),
    "sentences": len(texts),
    "greedy": different(texts, beam_size=1, max_length=3),
    "beam": different(texts[:BEAMS], beam_size=4, max_length=12),
    "long": different([long, long.lower(), *texts[:3]], beam_size=2, max_length=60),
}))
'''


@cache
def architecture(kernels: str) -> str:
    """The kernel set that the library runs when it is asked for ``kernels``."""
    return run(NAME, kernels).strip()


def tried_before(kernels: str) -> str | None:
    """An earlier name in the list for the very same kernels."""
    for other in KERNELS:
        if other == kernels:
            return None
        if KERNELS[other] <= processor_flags() and architecture(other) == architecture(kernels):
            return other
    return None


@pytest.mark.slow
@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
@pytest.mark.parametrize(
    "share", [4, pytest.param(1, marks=pytest.mark.heavy)], ids=["a quarter", "all"]
)
@pytest.mark.parametrize("kernels", KERNELS, ids=lambda kernels: kernels or "default")
def test_sentences_have_the_same_bits_alone_and_in_batches(kernels, share):
    skip_without(kernels)
    other = tried_before(kernels)
    if other:
        pytest.skip(f"runs the kernels of {other} here, which are tried under that name")
    # A thousand on the kernels that this machine runs by itself.
    count = (1000 if architecture(kernels) == architecture("") else 250) // share
    program = PROGRAM.replace("COUNT", str(count)).replace("BEAMS", str(60 // share))
    report = json.loads(run(program, kernels, threads=2))
    if report["method"] == "whole":
        pytest.skip("this BLAS keeps rows apart in no known way, which the documentation says")
    assert report == {
        "method": report["method"],
        "sentences": count,
        "greedy": 0,
        "beam": 0,
        "long": 0,
    }


@pytest.mark.skipif("en-fr" not in bundled_models(), reason="no model is bundled")
def test_the_number_of_blas_threads_changes_no_bit():
    code = (
        "from clearhead.translation.translator import Translator\n"
        "text = 'The old man walks slowly to the house by the river, where ' + 'a dog, ' * 30\n"
        "done = Translator.load('en-fr').translate([text, 'A cat.'], beam_size=2, max_length=90)\n"
        "print([(t.text, t.score) for t in done])"
    )
    assert run(code, "", threads=1) == run(code, "", threads=4)
