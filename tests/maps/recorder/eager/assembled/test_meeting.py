from __future__ import annotations

import torch

from tests.maps.attending import Calls, recorded

QUERY, KEY, VALUE = torch.randn(3, 2, 3, 6, 8)  # [batch, heads, length, width]


def halves(query=QUERY):
    """Weights over keys in two parts, the later ones first."""
    parts = [query @ KEY[:, :, 3:].mT, query @ KEY[:, :, :3].mT]
    return torch.cat(parts, -1).softmax(-1)


def read(function, **options):
    return recorded(model := Calls(function), model, values=True, **options)


def why(function):
    recording = read(function)
    assert not recording.keys() or recording.refusals
    return recording.refusals[""].why


def output(weights, value=VALUE):
    return weights[..., :3] @ value[:, :, 3:] + weights[..., 3:] @ value[:, :, :3]


def test_values_are_those_of_their_keys():
    recording = read(lambda: output(halves()))
    truth = (QUERY @ KEY.mT).softmax(-1)
    assert torch.allclose(recording[""].dense(), truth, atol=1e-6)
    assert torch.equal(recording[""].value, VALUE)


def test_weights_that_meet_only_a_part_of_the_values_are_refused():
    assert "some of the weights of a query" in why(lambda: halves()[..., :3] @ VALUE[:, :, 3:])


def test_two_keys_that_change_places_among_the_values():
    def crossed():
        weights = halves()
        one = weights[..., :3] @ VALUE[:, :, 3:]
        return one + weights[..., 3:] @ VALUE[:, :, [1, 0, 2]]

    recording = read(crossed)
    # Each key still has one value: weights are those of the keys.
    assert torch.equal(recording[""].value[:, :, :3], VALUE[:, :, [1, 0, 2]])


def test_weights_of_one_head_with_values_of_two_queries_are_refused():
    def shifted():
        weights = halves()
        ragged = torch.stack([weights[..., 0, :3], weights[..., 1, 1:4]], -2)
        return ragged @ VALUE[:, :, 3:]

    assert "values of other keys" in why(shifted)


def test_rows_hidden_by_finite_numbers_are_refused_where_they_count():
    def hidden():
        scores = torch.cat([QUERY @ KEY[:, :, 3:].mT, QUERY @ KEY[:, :, :3].mT], -1)
        row = torch.arange(6)[:, None] == 2
        return output(scores.masked_fill(row, torch.finfo(torch.float32).min).softmax(-1))

    assert "hidden by finite numbers" in why(hidden)


def test_an_output_that_is_replaced_leaves_queries_without_keys():
    def replaced():
        out = output(halves())
        out = out.transpose(1, 2).reshape(2, 6, 24).contiguous()
        out[torch.tensor([0, 1]), torch.tensor([2, 4])] = torch.ones(2, 24)
        return out

    one = read(replaced)[""]
    sums = one.dense().sum(-1)
    assert (sums[0, :, 2] == 0).all()
    assert (sums[1, :, 4] == 0).all()
    assert int((sums == 0).sum()) == 6
    assert any("wrote the output of another attention" in note for note in one.source.notes)
