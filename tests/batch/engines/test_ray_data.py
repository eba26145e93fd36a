"""`Translate` on the real Ray Data: a class, loaded once in each worker."""

from __future__ import annotations

import pytest

from clearhead.batch import Translate
from tests.batch.engines.local_ray import local_ray  # noqa: F401 - a fixture

TEXTS = ["the old house", "", "la maison by the river", "12:30", "the river", "la maison"]


@pytest.mark.slow
def test_a_class_and_an_instance_translate_a_data_set(folder, local_ray):  # noqa: F811
    import ray.data

    expected = Translate(folder, max_length=6)(TEXTS)
    rows = [{"id": number, "text": text} for number, text in enumerate(TEXTS)]
    data = ray.data.from_items(rows)
    results = [
        data.map_batches(
            Translate,
            fn_constructor_args=(str(folder),),
            fn_constructor_kwargs={"max_length": 6},
            batch_size=2,
            concurrency=1,
        ),
        data.map_batches(Translate(folder, max_length=6), batch_size=4, batch_format="pandas"),
    ]
    for result in results:
        taken = {row["id"]: row["translation"] for row in result.take_all()}
        assert [taken[number] for number in range(len(TEXTS))] == expected
