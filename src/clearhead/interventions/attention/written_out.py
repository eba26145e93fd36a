"""Edits of attention that a model writes out: product, softmax, product.

Queries and keys are edited before their product, edges before or after the softmax, values before
the second product and the heads' outputs after it. Tensors are followed to tell which product,
softmax and product belong together. An attention that cannot be followed is not edited, and is
refused when the module's forward ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...errors import ConfigError
from ...maps.recorder.owners import find_chain
from ..edited_tensor import Frame, apply_edit
from ..edits import HEADS, KEY, QUERY, VALUE, TensorEdit
from ..running import EditedModel
from .attending import Attending, find_attending
from .layout import layout_of
from .lineage import Lineage, ScoreProduct, Softmax
from .merged_order import MergedOrders
from .products import PRODUCTS, Product, product_of
from .weights import normalised, without_edges

SOFTMAXES = frozenset({F.softmax, torch.softmax, Tensor.softmax, torch.special.softmax})


class WrittenOut:
    """Edits the steps of attention that models write out.

    Args:
        models: the models that are edited.
        orders: the order of batch and heads where they share an axis.
    """

    def __init__(self, models: Sequence[EditedModel], orders: MergedOrders) -> None:
        self._models, self._orders = models, orders
        self._lineage = Lineage()

    def run(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run a function other than a fused kernel, with edits if it is a step of an attention."""
        if func in PRODUCTS:
            product = product_of(func, args, kwargs)
            if product is not None:
                return self._product(func, args, kwargs, product)
        elif func in SOFTMAXES and self._lineage.of(args[0] if args else kwargs.get("input")):
            return self._softmax(func, args, kwargs)
        out = func(*args, **kwargs)
        self._orders.note(func, args, kwargs, out)
        if len(self._lineage) and func not in PRODUCTS:
            self._lineage.follow(func, args, out)
        return out

    # The product of queries and keys

    def _product(
        self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], product: Product
    ) -> Any:
        weights = [one for one in self._lineage.of(product.left_factor) if isinstance(one, Softmax)]
        if weights:
            return self._values(product, weights)
        origins = (*self._lineage.of(product.left_factor), *self._lineage.of(product.right_factor))
        if origins:  # scores or weights are multiplied by a matrix, and are followed no further
            return func(*args, **kwargs)
        scores = ScoreProduct(
            product.rows,
            product.rows.shape[-2],
            product.columns.shape[-2],
            [(model, find_chain(model.names)) for model in self._models],
            self._orders.of(product.left_factor),
        )
        changed = self._with_queries_and_keys(product, scores)
        out = func(*args, **kwargs) if changed is None else product.compute(*changed)
        # The softmax is over the last axis; the one before it must be that of the queries.
        if product.out_axes is None or product.out_axes == tuple(range(out.ndim)):
            self._lineage.note(out, (scores,))
        return out

    def _with_queries_and_keys(
        self, product: Product, scores: ScoreProduct
    ) -> tuple[Tensor, Tensor] | None:
        """Return the factors of a product with edits applied; None if there are none."""
        attending = find_attending(self._models, quietly=True)
        if attending is None:
            return None
        edits = [
            edit
            for edit in attending.edits
            if isinstance(edit, TensorEdit) and edit.part in (QUERY, KEY)
        ]
        if not edits:
            return None
        owner = attending.owner
        layout = layout_of(product.rows, owner.head_hints, axes=scores.axes)
        query, key = layout.unfold(product.rows), layout.unfold(product.columns)
        offsets = attending.offsets(query.shape[0], scores.query_len, scores.key_len)
        for edit in edits:
            layout.check(edit)
            if edit.part == QUERY:
                frame = Frame(owner.name, offsets.query, 2, 1, offsets.doubt)
                query = apply_edit(query, edit, frame)
            else:
                key = apply_edit(key, edit, Frame(owner.name, offsets.key, 2, 1))
        scores.edits = list(edits)
        for call in attending.calls:
            call.waiting[id(scores)] = scores
        rows, columns = layout.fold(query, product.rows), layout.fold(key, product.rows)
        return product.with_rows(rows), product.with_inner(columns.mT)

    # The softmax

    def _softmax(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        x = args[0] if args else kwargs["input"]
        rest = args[1:]
        axis = rest[0] if rest else kwargs.get("dim")
        origins = self._lineage.of(x)
        products = tuple(one for one in origins if isinstance(one, ScoreProduct))
        if axis not in (-1, x.ndim - 1) or len(products) != len(origins):
            return func(*args, **kwargs)
        attending = find_attending(self._models, [one.chains for one in products])
        if attending is None:
            return func(*args, **kwargs)
        softmax = self._read(x, products, attending)
        layout, scores = softmax.layout, softmax.layout.unfold(x)
        groups = softmax.edge_groups(scores, renormalise=True)
        if groups:
            rows = torch.arange(scores.shape[2], device=x.device)
            more = {name: value for name, value in kwargs.items() if name != "input"}
            weights, _ = normalised(
                scores,
                groups,
                rows,
                lambda y: layout.unfold(func(layout.fold(y, x), *rest, **more)),
            )
            out = layout.fold(weights, x)
        else:
            out = func(*args, **kwargs)
        self._lineage.note(out, (softmax,))
        return out

    def _read(self, x: Tensor, products: tuple[ScoreProduct, ...], attending: Attending) -> Softmax:
        """Return what is known about a softmax.

        Raises:
            ConfigError: queries or keys of a sum of products were edited.
        """
        owner, product = attending.owner, products[0]
        if len(products) > 1:
            for edit in attending.edits:
                if isinstance(edit, TensorEdit) and edit.part in (QUERY, KEY):
                    raise ConfigError(
                        f"{edit.words}: the scores of {owner.name!r} are a sum of "
                        f"{len(products)} products, so that its queries and keys are not one."
                    )
        like = product.query if product.query.ndim == x.ndim else x
        layout = layout_of(like, owner.head_hints, axes=product.axes)
        batch = layout.unfold(x).shape[0]
        offsets = attending.offsets(batch, x.shape[-2], product.key_len)
        return Softmax(owner, attending.edits, attending.calls, products, layout, x.ndim, offsets)

    # The product of weights and values

    def _values(self, product: Product, softmaxes: list[Softmax]) -> Tensor:
        softmax = softmaxes[0]
        layout = softmax.layout
        if softmax.rank != product.rows.ndim:
            axes = self._orders.of(product.right_factor)
            layout = layout_of(product.rows, softmax.owner.head_hints, axes=axes)
        for one in softmaxes:
            one.meetings += 1
            one.check_values(product.rows, layout)
        left_factor, right_factor = product.left_factor, product.right_factor
        weights = layout.unfold(product.rows)
        groups = softmax.edge_groups(weights, renormalise=False)
        if groups:
            rows = torch.arange(weights.shape[2], device=weights.device)
            weights = without_edges(weights, groups, rows)
            left_factor = product.with_rows(layout.fold(weights, product.rows))
        of_values = softmax.tensor_edits(VALUE)
        if of_values:
            value = layout.unfold(product.inner)
            for edit in of_values:
                value = apply_edit(
                    value, edit, Frame(softmax.owner.name, softmax.offsets.key, 2, 1)
                )
            right_factor = product.with_inner(layout.fold(value, product.inner))
        out = product.compute(left_factor, right_factor)
        of_outputs = softmax.tensor_edits(HEADS)
        if of_outputs:
            offsets = softmax.offsets
            frame = Frame(softmax.owner.name, offsets.query, 2, 1, offsets.doubt)
            head_outputs = layout.unfold(product.output(out))
            for edit in of_outputs:
                head_outputs = apply_edit(head_outputs, edit, frame)
            out = product.with_output(layout.fold(head_outputs, product.output(out)))
        for one in softmaxes:
            one.finish()
        return out
