"""Backwards through embeddings: a looked-up row gets the gradients of all places that read it.

    x     = E[id] * sqrt(d_model) + positions + types
    dE[t] = sum of dx * sqrt(d_model) over all places where id = t

So a table of many rows has a gradient of which most rows are zero: those of tokens that did not
occur (unless the table is the output matrix, too, in which every row takes part).
"""

from __future__ import annotations

import math

import numpy as np

from ...config import TransformerConfig
from ...shapes import Array, Float, Int
from ..tracing.steps import gradients as steps
from ..tracing.steps import loss as table_steps
from .multi_head import Reading
from .norms import through_norm
from .scope import Scope

_SIDES = {"encoder": "source", "decoder": "target"}


def rows_gradient(
    d_rows: Float[Array, "batch length width"], ids: Int[Array, "batch length"], rows: int
) -> Float[Array, "rows width"]:
    """Return the gradient of a table, of ``table[ids]``.

    Args:
        d_rows: the gradient of what was looked up.
        ids: which row each place read.
        rows: of the table.
    """
    table = np.zeros((rows, d_rows.shape[-1]))
    # `table[ids] += d_rows` would count an id that occurs twice only once.
    np.add.at(table, ids, d_rows)
    return table


class TableUses:
    """The gradients of tables that are read in more than one place, by the tables' names."""

    def __init__(self) -> None:
        self._uses: dict[str, list[Reading]] = {}

    def add(self, table: str, value: Float[Array, "rows width"], name: str) -> None:
        """Add the gradient of one use of a table; ``name`` is the path of that step."""
        self._uses.setdefault(table, []).append(Reading(value, name))

    def record(self, model: Scope) -> None:
        """Record the sum for each table, as ``d_weight`` in its scope."""
        for table, uses in self._uses.items():
            total = uses[0].value
            for use in uses[1:]:
                total = total + use.value
            kind = table_steps.D_USES[len(uses)]
            model.at(table).record_weight(kind, total, of=[use.name for use in uses])


def through_embedding(
    model: Scope, stack: str, config: TransformerConfig, d_input: Reading, uses: TableUses
) -> None:
    """Record the gradients of the tables from which the first layer's input was computed.

    Args:
        model: the scope of the whole model.
        stack: ``encoder`` or ``decoder``.
        config: of the model.
        d_input: the gradient of the first layer's input.
        uses: takes those of tables that other places read, too.
    """
    scope, side = model.at(stack), _SIDES[stack]
    name = "d_embedded"
    d = scope.record(table_steps.D_EMBEDDED, d_input.value, of=(d_input.name,))
    if config.embedding.norm:
        norm = model.at(f"{side}_embedding_norm")
        d = norm.record(steps.D_OUTPUT, d, of=(f"{stack}.d_embedded",))
        d = through_norm(norm, d, config.norm_epsilon)
        name = "d_embedding_sum"
        d = scope.record(table_steps.D_EMBEDDING_SUM, d, of=(f"{side}_embedding_norm.d_input",))
    # A sum hands its gradient to each summand.
    if config.positions == "learned":
        _through_positions(model, stack, config, Reading(d, f"{stack}.{name}"))
    if "token_type_ids" in scope:
        table = model.at("token_types")
        d_table = rows_gradient(d, scope["token_type_ids"], len(table.weight()))
        of = (f"{stack}.{name}", f"{stack}.token_type_ids")
        table.record_weight(table_steps.D_TYPES, d_table, of=of)
    if config.scale_embedding:
        d = scope.record(table_steps.D_SCALED_EMBEDDING, d, of=(name,))
        d = scope.record(table_steps.D_EMBEDDING[True], d * math.sqrt(config.d_model))
    else:
        d = scope.record(table_steps.D_EMBEDDING[False], d, of=(name,))
    d_table = rows_gradient(d, scope["tokens"], config.vocab_size)
    d_table = scope.record(table_steps.D_TABLE, d_table, of=("d_embedding", "tokens"))
    uses.add(config.embedding_name(side), d_table, f"{stack}.d_table")


def _through_positions(model: Scope, stack: str, config: TransformerConfig, d: Reading) -> None:
    """Record the gradient of a side's table of learned positions."""
    scope, part = model.at(f"{_SIDES[stack]}_positions"), config.embedding
    rows = len(scope.weight())
    if part.skip_padding:
        ids = model[f"{stack}.position_ids"]
        of = (d.name, f"{stack}.position_ids")
        kind = table_steps.D_POSITIONS["without padding"]
        scope.record_weight(kind, rows_gradient(d.value, ids, rows), of=of)
        return
    table = np.zeros((rows, config.d_model))
    length = d.value.shape[1]
    table[part.position_offset : part.position_offset + length] = d.value.sum(axis=0)
    kind = table_steps.D_POSITIONS["offset" if part.position_offset else "start"]
    scope.record_weight(kind, table, of=(d.name,))
