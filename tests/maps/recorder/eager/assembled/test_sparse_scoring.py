from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.eager.assembled import _sparse_scoring as module
from clearhead.maps.recorder.eager.assembled._sparse_scoring import sparse_scoring
from clearhead.maps.recording.captured import Unreadable
from clearhead.maps.scores.masks.dense_mask import DenseMask
from clearhead.maps.scores.masks.key_ranges import KeyRanges
from clearhead.maps.scores.masks.key_runs import KeyRuns

QUERIES, KEYS = 12, 12


def band(*columns):
    """Each query with itself, its neighbours, and some keys that all see."""
    place = torch.arange(QUERIES)[:, None] + torch.arange(-1, 2)
    place = place.masked_fill((place < 0) | (place >= KEYS), -1)
    chosen = torch.tensor(columns, dtype=torch.int64).expand(QUERIES, len(columns))
    return torch.cat([chosen, place], -1)[None, None].expand(2, 3, -1, -1)


def test_one_run_is_two_numbers_per_query():
    scoring = sparse_scoring(0.5, band(), None, KEYS)
    assert isinstance(scoring.mask, KeyRanges)
    assert scoring.mask.start.shape == (1, 1, QUERIES)
    assert (scoring.scale, scoring.bias) == (0.5, None)


def test_a_band_beside_columns_is_a_few_runs():
    places = band(0, 6)
    scoring = sparse_scoring(1.0, places, None, KEYS)
    assert isinstance(scoring.mask, KeyRuns)
    sees = torch.zeros(QUERIES, KEYS + 1, dtype=torch.bool)
    sees.scatter_(-1, torch.where(places < 0, KEYS, places)[0, 0], True)
    assert torch.equal(scoring.mask.dense().visible[0, 0], sees[:, :KEYS])
    # Near a chosen key it comes twice: the bias is kept whole.
    bias = scoring.bias.tile(slice(0, QUERIES), slice(0, KEYS))[0, 0]
    assert torch.allclose(bias[1, 0], torch.tensor(2.0).log())
    assert bias[3].count_nonzero() == 0


def test_all_keys_need_no_mask():
    places = torch.arange(KEYS).expand(1, 1, QUERIES, KEYS)
    assert sparse_scoring(1.0, places, None, KEYS).mask is None


def test_terms_by_key_and_by_query_are_kept_once():
    by_key = torch.where(band() < 0, 0, band()).float()
    assert sparse_scoring(1.0, band(), by_key, KEYS).bias.values.shape == (1, 1, 1, KEYS)
    by_query = torch.arange(QUERIES).float()[:, None].expand(2, 3, -1, 3)
    assert sparse_scoring(1.0, band(), by_query, KEYS).bias.values.shape == (1, 1, QUERIES, 1)
    assert sparse_scoring(1.0, band(), torch.zeros(2, 3, QUERIES, 3), KEYS).bias is None


def test_what_would_have_to_be_kept_whole_and_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr(module, "_LARGEST", 100)
    with pytest.raises(Unreadable, match="added to its scores is too large"):
        sparse_scoring(1.0, band(), torch.randn(2, 3, QUERIES, 3), KEYS)
    monkeypatch.setattr(module, "_MOST_RUNS", 1)
    with pytest.raises(Unreadable, match="too many runs"):
        sparse_scoring(1.0, band(6), None, KEYS)
    monkeypatch.setattr(module, "_LARGEST", 1000)
    mask = sparse_scoring(1.0, band(6), None, KEYS).mask
    assert isinstance(mask, DenseMask)
    assert not isinstance(mask, KeyRuns)
