"""Whose attention it is, and of which kind, from the call stack alone."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention as sdpa

from clearhead.maps.recorder.owners._model_modules import ModuleNames
from clearhead.maps.recorder.owners._module_chain import Chain, find_chain
from clearhead.maps.recorder.owners._owners import common_owner, find_owner
from clearhead.maps.recorder.record import record
from tests.maps.attending import Calls, recorded

X, MEMORY = torch.randn(2, 3, 4), torch.randn(2, 3, 4)


def attend(module, query, key):
    """A function that is handed the module, as Hugging Face's attention functions are."""
    query, key = query[:, None], key[:, None]
    return sdpa(query, key, key)[:, 0]


class Attention(nn.Module):
    def forward(self, hidden_states, key_value_states=None, **kwargs):
        other = hidden_states if key_value_states is None else key_value_states
        return attend(self, hidden_states * 2, other * 3)


class Pair(nn.Module):
    def forward(self, query, key):
        query, key = query * 2, key * 3
        return attend(self, query, key)


class Projected(nn.Module):
    """Gets queries and keys that its parent made."""

    def __init__(self):
        super().__init__()
        self.inner = Kernel()

    def forward(self, x, context=None):
        other = x if context is None else context
        return self.inner(x[:, None] * 2, other[:, None] * 3)


class Kernel(nn.Module):
    def forward(self, query, key):
        return sdpa(query, key, key)


class Method(nn.Module):
    """Attends in methods by other names, and has no forward at all."""

    def cross_attention(self, x, memory):
        return attend(self, x, memory[0])

    def self_attention(self, x):
        return attend(self, x, x)


class Model(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, run, encoder_hidden_states=None):
        return run(self.attention)


CASES = [
    (Attention, lambda m: m(X), "self"),
    (Attention, lambda m: m(X, MEMORY), "cross"),
    (Attention, lambda m: m(X, key_value_states=MEMORY), "cross"),
    (Attention, lambda m: m(hidden_states=X, encoder_hidden_states=MEMORY), "self"),
    (Pair, lambda m: m(X, X), "self"),
    (Pair, lambda m: m(X, MEMORY), "cross"),
    (Method, lambda m: m.self_attention(X), "self"),
    (Method, lambda m: m.cross_attention(X, (MEMORY, MEMORY)), "cross"),
]


@pytest.mark.parametrize(("attention", "run", "kind"), CASES)
def test_kind_comes_from_the_call_of_the_attending_module(attention, run, kind):
    model = Model(attention())
    recording = recorded(model, lambda: model(run, encoder_hidden_states=MEMORY))
    assert {name: one.source.kind for name, one in recording.items()} == {"attention": kind}


@pytest.mark.parametrize(("context", "kind"), [(None, "self"), (MEMORY, "cross")])
def test_a_kernel_module_asks_the_module_around_it(context, kind):
    model = Projected()
    recording = recorded(model, lambda: model(X, context))
    assert {name: one.source.kind for name, one in recording.items()} == {"inner": kind}


# Compiled graphs


class Fused(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(4, 12)

    def forward(self, x):
        return sdpa(*self.project(x)[:, None].chunk(3, -1))[:, 0]


class Explicit(Fused):
    def forward(self, x):
        query, key, value = self.project(x)[:, None].chunk(3, -1)
        return ((query @ key.mT).softmax(-1) @ value)[:, 0]


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def encoder_layer():
    return nn.TransformerEncoderLayer(4, 2, 8, batch_first=True).eval()


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
@pytest.mark.parametrize("attention", [Fused, Explicit, encoder_layer])
def test_a_model_that_is_not_compiled_carries_no_note(mode, attention):
    model = Around(attention())
    with mode():
        recording = recorded(model, lambda: model(X))
    assert [one.source.notes for one in recording.values()] == [()]
    assert recording.notes == []


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_flex_attention_that_compiles_its_own_operator_carries_no_note():
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    x = torch.randn(1, 2, 16, 8)
    model = Calls(lambda: flex.flex_attention(x, x, x))
    assert recorded(model, model)[""].source.notes == ()


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_a_compiled_graph_is_known_by_every_backend(backend):
    if backend == "inductor" and not (shutil.which("g++") or shutil.which("clang++")):
        pytest.skip("no C++ compiler")
    torch._dynamo.reset()
    model = Around(Fused())
    compiled = torch.compile(model, backend=backend)
    with torch.no_grad():
        recording = recorded(model, lambda: compiled(X))
    (note,) = recording[""].source.notes
    assert note.startswith("within a compiled graph")


def test_what_was_left_out_of_a_compiled_model_carries_no_note():
    torch._dynamo.reset()
    model = Around(Fused())
    model.inner.forward = torch.compiler.disable(model.inner.forward)
    compiled = torch.compile(Around(model), backend="aot_eager")
    with torch.no_grad():
        recording = recorded(model, lambda: compiled(X))
    assert recording["inner"].source.notes == ()


@pytest.mark.filterwarnings("ignore")
def test_traced_graphs_say_that_the_modules_inside_cannot_be_seen():
    model = Around(Fused()).eval()
    graphs = [torch.export.export(model, (X,)).module(), torch.jit.trace(model, X)]
    for graph in graphs:
        with torch.no_grad():
            graph(X)
            recording = recorded(graph, lambda graph=graph: graph(X))
        assert "within a compiled graph" in recording[""].source.notes[0]


# Strangers


class Assisted(Around):
    """Another model is asked in a method, as in assisted generation."""

    def generate(self, x, assistant):
        return self(assistant(x))


class Teacher(Around):
    """Keeps another module where PyTorch does not see it."""

    def __init__(self, inner, other):
        super().__init__(inner)
        self.others = [other]

    def forward(self, x):
        return self.inner(x) + self.others[0](x)


@pytest.mark.parametrize("attention", [Fused, Explicit])
def test_another_model_that_a_method_asks_is_left_out_and_counted(attention):
    model, other = Assisted(attention()), Around(attention())
    recording = recorded(model, lambda: model.generate(X, other))
    assert recording.keys() == ["inner"]
    assert not recording.refusals
    (note,) = recording.notes
    assert "attention of another model ran within a method" in note
    assert "Around, 1 calls" in note


@pytest.mark.parametrize("attention", [Fused, Explicit])
def test_a_module_that_is_not_registered_is_refused_under_the_one_that_calls_it(attention):
    model = Around(Teacher(attention(), Around(attention())))
    recording = recorded(model, lambda: model(X))
    assert recording.keys() == ["inner.inner", "inner"]
    assert list(recording.refusals) == ["inner"]
    why = recording.refusals["inner"].why
    assert why.startswith("computed by a Around, which is not registered as a submodule")
    assert "torch.nn.ModuleList" in why


def test_a_module_beside_the_model_is_no_part_of_its_recording():
    model, other = Around(Fused()), Around(Fused())
    recording = recorded(model, lambda: other(X))
    assert (recording.keys(), recording.notes) == ([], [])


def test_a_module_without_parameters_that_is_made_on_the_fly_is_no_stranger():
    model = Teacher(Fused(), Attention())
    recording = recorded(model, lambda: model(X))
    assert recording.keys() == ["inner", ""]
    assert not recording.refusals


# Attention in several modules


class Product(nn.Module):
    def forward(self, one, other):
        return one @ other


class Softmax(nn.Module):
    def forward(self, scores):
        return scores.softmax(-1)


class InParts(nn.Module):
    """Cross-attention whose product and softmax are modules, heads and batch on one axis."""

    def __init__(self, softmax):
        super().__init__()
        self.heads = 2
        self.project = nn.Linear(4, 4)
        self.product, self.softmax, self.dropout = Product(), softmax, nn.Dropout(0.0)

    def split(self, x):
        return self.project(x).unflatten(-1, (2, 2)).transpose(1, 2).flatten(0, 1)

    def forward(self, x, context):
        query, key = self.split(x), self.split(context)
        weights = self.dropout(self.softmax(self.product(query, key.mT)))
        return torch.bmm(weights, key)


def test_the_softmax_of_pytorch_does_not_own_what_it_normalises():
    model = Calls(lambda: attention(X, torch.randn(2, 5, 4)))
    model.attention = attention = InParts(nn.Softmax(-1)).eval()
    torch.manual_seed(0)
    with record(model) as recording:
        model()
    one = recording["attention"]
    assert (one.source.kind, one.shape) == ("cross", (2, 2, 3, 5))
    assert one.source.notes == ()


def answers_within(model, at):
    """What `at` returns when it is called in the forward of a module."""
    answers = {}
    for name, ask in at.items():
        module = model.get_submodule(name)
        forward = module.forward

        def asking(*args, name=name, ask=ask, forward=forward):
            answers[name] = ask()
            return forward(*args)

        module.forward = asking
    return answers


def test_the_owner_is_the_innermost_module_of_both_product_and_softmax():
    model = Around(InParts(Softmax()))
    model.forward = model.inner.forward
    model = Around(model)
    model.forward = lambda x, y: model.inner(x, y)
    names = ModuleNames(model)
    answers = answers_within(
        model.inner.inner,
        {"product": lambda: find_chain(names), "softmax": lambda: find_owner(names)},
    )
    model.inner.forward = lambda x, y: model.inner.inner(x, y)
    model(X, MEMORY)
    owner = answers["softmax"]
    assert owner.name == "inner.inner.softmax"
    common = common_owner(answers["product"], owner)
    assert common.name == "inner.inner"
    assert common.module is model.inner.inner
    assert [name for name, _ in common.chain] == ["inner.inner", "inner", ""]
    assert common.calls[0][0] is model.inner.inner
    assert owner.head_hints == common.head_hints == [2]


def test_a_product_of_a_stranger_or_of_no_module_is_not_the_models_attention():
    model = Around(Softmax())
    names = ModuleNames(model)
    answers = answers_within(model, {"inner": lambda: find_owner(names)})
    model(X)
    owner = answers["inner"]
    assert common_owner(Chain((id(model), id(model.inner))), owner).name == "inner"
    assert common_owner(Chain((id(model),)), owner).name == ""
    assert common_owner(Chain(()), owner) is None
    assert common_owner(Chain((id(model),), stranger=True), owner) is None
    assert common_owner(Chain((id(model),)), None) is None
