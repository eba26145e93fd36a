"""The declared rules of patches, each by hand; `tests/reference/tracing/test_steps.py` has all."""

from __future__ import annotations

from clearhead.reference.tracing.steps import kind_of, patches


def test_pixels_follow_from_nothing_and_all_else_from_the_step_before() -> None:
    assert not patches.PIXELS.rules
    assert patches.PATCHES.of == ("pixels",)
    assert patches.PATCH_VECTORS.of == ("patches",)
    for kind in patches.SEQUENCE.values():
        assert kind.of == ("patch_vectors",)
    assert patches.WITH_CLASS_TOKEN.of == (patches.SEQUENCE[True].name,)


def test_the_class_token_is_at_position_0() -> None:
    first, others = patches.WITH_CLASS_TOKEN.rules
    assert first.when is not None
    assert first.when["equals"] == 0
    assert [operand.path for operand in first.operands] == ["weights/class_token.weight"]
    assert others.when is None


def test_an_embedding_of_patches_and_one_of_tokens_are_different_kinds() -> None:
    formulas = {
        patches.SEQUENCE[False].formula,
        patches.WITH_CLASS_TOKEN.formula,
        "row of embedding",
    }
    kinds = [kind_of("encoder.embedding", formula) for formula in formulas]
    assert len({kind.formula for kind in kinds if kind}) == 3
