"""What is known of an operator when it is first met."""

from __future__ import annotations

import pytest
import torch

from clearhead.maps.recorder.operators import Action, Operator, operator_of

aten = torch.ops.aten
X = torch.randn(2, 3)

ACTIONS = {
    aten.add.Tensor: Action.IGNORE,
    aten.view.default: Action.IGNORE,
    aten.bmm.default: Action.PRODUCT,
    aten.mm.default: Action.PRODUCT,
    aten.baddbmm.default: Action.PRODUCT,
    aten._softmax.default: Action.SOFTMAX,
    aten.bernoulli_.float: Action.NOISE,
    aten.where.self: Action.MASK,
    aten.clone.default: Action.COPY,
    aten._to_copy.default: Action.COPY,
    aten.cat.default: Action.JOIN,
    aten.stack.default: Action.JOIN,
    aten._transformer_encoder_layer_fwd.default: Action.ENCODER_LAYER,
    aten._native_multi_head_attention.default: Action.MULTI_HEAD,
    aten._scaled_dot_product_flash_attention_for_cpu.default: Action.FUSED,
    aten.add_.Tensor: Action.WRITES,
    aten.add.out: Action.WRITES,
}


@pytest.mark.parametrize(("func", "action"), ACTIONS.items(), ids=str)
def test_an_operator_has_one_action(func, action):
    operator = Operator.of(func)
    assert operator.action is action
    assert not operator.composite
    assert operator.parts is None


@pytest.mark.parametrize(
    "func",
    [
        aten.matmul.default,
        aten.einsum.default,
        aten.scaled_dot_product_attention.default,
        aten.reshape.default,
        aten.contiguous.default,
        aten.flatten.using_ints,
        aten.to.dtype,
    ],
    ids=str,
)
def test_what_is_made_of_others_is_taken_apart(func):
    operator = Operator.of(func)
    assert operator.action is Action.TAKE_APART
    assert operator.composite
    assert operator.parts is not None


def test_the_parts_compute_what_the_whole_does():
    lhs, rhs = torch.randn(2, 3, 4, 5), torch.randn(5, 6)
    parts = Operator.of(aten.matmul.default).parts
    assert parts is not None
    assert torch.equal(parts(lhs, rhs), lhs @ rhs)


@pytest.mark.parametrize(
    "func",
    [aten.linear.default, aten.layer_norm.default, aten.rms_norm.default, aten.group_norm.default],
    ids=str,
)
def test_what_can_hide_no_attention_is_left_whole(func):
    operator = Operator.of(func)
    assert operator.action is Action.LEAVE_WHOLE
    assert operator.composite
    assert operator.parts is None


@pytest.mark.parametrize(
    "func",
    [
        aten.chunk.default,
        aten.movedim.int,
        aten.unflatten.int,
        aten.expand_as.default,
        aten.narrow.default,
    ],
    ids=str,
)
def test_views_go_on_as_they_came(func):
    operator = Operator.of(func)
    assert operator.action is Action.IGNORE
    assert not operator.composite


@pytest.mark.parametrize(
    "func",
    [aten.silu.default, aten.addcmul.default, aten.native_layer_norm.default, aten.gelu.default],
    ids=str,
)
def test_sequences_that_only_python_knows_are_no_composites(func):
    operator = Operator.of(func)
    assert operator.action is Action.IGNORE
    assert not operator.composite


def test_names_are_without_namespace_and_overload():
    assert Operator.of(aten.add.Tensor).name == "add"
    assert Operator.of(aten.bernoulli_.float).name == "bernoulli_"


def test_what_is_no_operator_raises_nothing():
    class Odd:
        @property
        def _op_dk(self):
            raise RuntimeError

    class Schema:
        name, is_mutable = "odd::softmax", False

    odd = Odd()
    odd._schema = Schema
    assert Operator.of(odd).action is Action.IGNORE
    assert Operator.of(odd).name == "softmax"
    assert Operator.of(object()).action is Action.IGNORE
    assert Operator.of(len).name == "len"


def test_flex_attention_is_known_by_its_name():
    operator = Operator.of(torch.ops.higher_order.flex_attention)
    assert operator.action is Action.FLEX
    assert operator.attends
    assert not operator.needs_plain


@pytest.mark.parametrize(
    ("func", "attends", "needs_plain"),
    [
        (aten._softmax.default, True, True),
        (aten._scaled_dot_product_flash_attention_for_cpu.default, True, True),
        (aten.scaled_dot_product_attention.default, True, True),
        (aten._transformer_encoder_layer_fwd.default, True, False),
        (aten._native_multi_head_attention.default, True, False),
        (aten.bmm.default, False, False),
    ],
    ids=str,
)
def test_what_attends(func, attends, needs_plain):
    operator = Operator.of(func)
    assert operator.attends is attends
    assert operator.needs_plain is needs_plain


def test_an_unknown_attention_is_known_to_be_one():
    library = torch.library.Library("strangers_unit", "DEF")
    library.define("flash_attn_of_another(Tensor query, Tensor key, Tensor value) -> Tensor")
    operator = Operator.of(torch.ops.strangers_unit.flash_attn_of_another.default)
    assert operator.action is Action.UNKNOWN_ATTENTION
    assert operator.attends


@pytest.mark.parametrize(
    ("func", "place"),
    [
        (aten.linear.default, 1),
        (aten.mm.default, 1),
        (aten.addmm.default, 2),
        (aten.convolution.default, 1),
        (aten.bmm.default, None),
        (aten.add.Tensor, None),
    ],
    ids=str,
)
def test_where_a_parameter_may_stand(func, place):
    assert Operator.of(func).weight == place


OUT = torch.empty(2, 3)
A, B = torch.empty(2, 3), torch.empty(2, 3)


@pytest.mark.parametrize(
    ("func", "args", "kwargs", "targets"),
    [
        (aten.add.Tensor, (X, X), {}, []),
        (aten.add_.Tensor, (A, X), {}, [A]),
        (aten.add_.Tensor, (), {"self": A, "other": X}, [A]),
        (aten.add.out, (X, X), {"out": OUT}, [OUT]),
        (aten.bmm.out, (X, X), {"out": OUT}, [OUT]),
        (aten.frexp.Tensor_out, (X,), {"mantissa": A, "exponent": B}, [A, B]),
        (aten._foreach_add_.Scalar, ([A, B], 1), {}, [A, B]),
    ],
    ids=["add", "add_", "add_ by name", "add out", "bmm out", "frexp out", "foreach"],
)
def test_what_a_call_writes_to(func, args, kwargs, targets):
    tensors = Operator.of(func).written_tensors(args, kwargs)
    assert [id(x) for x in tensors] == [id(x) for x in targets]


def test_what_is_known_of_an_operator_is_found_once():
    assert operator_of(aten.bmm.default) is operator_of(aten.bmm.default)
    assert operator_of(aten.bmm.default) is not operator_of(aten.bmm.out)


TURNED = torch.randn(3, 2).T


@pytest.mark.parametrize(
    ("func", "args", "kwargs", "views"),
    [
        (aten.reshape.default, (X, [6]), {}, True),
        (aten.reshape.default, (TURNED, [2, -1]), {}, True),
        (aten.reshape.default, (TURNED, [6]), {}, False),
        (aten.contiguous.default, (X,), {}, True),
        (aten.contiguous.default, (TURNED,), {}, False),
        (aten.contiguous.default, (X,), {"memory_format": torch.contiguous_format}, False),
        (aten.flatten.using_ints, (X, 0), {}, True),
        (aten.flatten.using_ints, (TURNED, 0), {}, False),
        (aten.to.dtype, (X, torch.float32), {}, True),
        (aten.to.dtype, (X, torch.float64), {}, False),
        (aten.to.dtype, (X, torch.float32, False, True), {}, False),
        (aten.to.dtype, (X, torch.float32), {"copy": True}, False),
        (aten.to.dtype, (X.to_sparse(), torch.float32), {}, False),
        (aten.matmul.default, (X, TURNED), {}, False),
    ],
    ids=str,
)
def test_what_returns_no_more_than_a_view(func, args, kwargs, views):
    assert Operator.of(func).does_no_more_than_a_view(args, kwargs) is views
    if views:
        assert func(*args).data_ptr() == args[0].data_ptr()
