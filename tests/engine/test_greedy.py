from __future__ import annotations

from clearhead.engine.greedy import greedy
from clearhead.engine.reference_engine import ReferenceEngine
from tests.engine.engines import after_prefix, engine_of


def test_greedy_takes_the_likeliest_token():
    engine = engine_of()
    sources = [[5, 6, 2], [7, 2], list(range(3, 20))]
    results = greedy(engine, sources, max_length=9)
    for source, result in zip(sources, results, strict=True):
        prefix = [engine.model.config.start_id]
        for token in result:
            assert int(after_prefix(engine, source, prefix).argmax()) == token
            prefix.append(token)
        if len(result) < 9:
            assert int(after_prefix(engine, source, prefix).argmax()) == engine.model.config.end_id
    assert greedy(engine, []) == []


def test_greedy_stops_at_the_models_limit():
    model = engine_of().model
    model.weights["embedding.weight"][2] = 0  # the end token is never the likeliest
    engine = ReferenceEngine.build(model.config, model.weights)
    assert max(len(result) for result in greedy(engine, [[5, 6, 2]])) <= model.config.max_length
