"""Applies the declared rule of a kind of step to one step of one model."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from operator import attrgetter
from typing import Any

from ...config import TransformerConfig
from ...reference.tracing import step_kind
from ...reference.tracing.step import Step
from ...reference.tracing.step_kind import Index, Rule
from ...reference.weights import expected_shapes
from .derivation import BoundOperand, Derivation, OperandLabel, constant


class StepPlace:
    """The place of a step, which resolves the templates and sizes of its declaration.

    Args:
        step: its path and sources resolve the templates of paths.
        config: of the model; it has the sizes.
    """

    def __init__(self, step: Step, config: TransformerConfig) -> None:
        self.scope = step.path.rpartition(".")[0]
        stack, _, rest = self.scope.partition(".layers.")
        self.layer = int(rest.partition(".")[0]) if rest else None
        self.window = 0
        if stack == "decoder" and self.layer is not None and rest.endswith(".self_attention"):
            self.window = config.window(self.layer)
        self._model, self._stack = config, stack.partition(".")[0]
        # A decoder's heads may differ in number and size from an encoder's.
        self._config = config.of_stack(self._stack)
        self._fields: dict[str, Any] = {
            "scope": self.scope,
            "of": step.of,
            "before": self._before(),
            "side": "source" if self._stack == "encoder" else "target",
            "output_matrix": config.output_name,
        }
        pairs = self._config.rotary_dim // 2
        self._sizes = {
            "head_dim": self._config.head_dim,
            "group": self._config.num_heads // self._config.key_value_heads,
            "pairs": pairs,
            "minus_pairs": -pairs,
            "half_width": config.d_model // 2,
            "position_offset": config.embedding.position_offset,
        }
        if config.reads_images:
            part = config.patches
            self._sizes |= {
                "patch_height": part.height,
                "patch_width": part.width,
                "patch_area": part.height * part.width,
                "patch_columns": part.columns,
                "sequence_length": part.length,
            }

    def _before(self) -> str:
        """Return the path of the step that is a layer's input."""
        if not self.layer:
            return f"{self._stack}.embedded"
        end = "norm.output" if self._model.norm_place == "after" else "residual"
        return f"{self._stack}.layers.{self.layer - 1}.feed_forward_{end}"

    def derivation(self, rule: Rule) -> Derivation:
        """Return the rule with the paths and numbers of this step."""
        expression, operands = rule.expression, []
        for operand in rule.operands:
            if operand.only_with and not self._has(self.path(operand.path)):
                expression = expression.removesuffix(f" + {operand.symbol}")
            else:
                operands.append(self._operand(operand))
        when = None if rule.when is None else self._index(rule.when)
        return Derivation(expression, tuple(operands), when)

    def path(self, template: str) -> str:
        """Return a template as a path at this step."""
        return template.format(**self._fields)

    def _has(self, path: str) -> bool:
        """Return whether the model has a weight, such as a bias that only some layers have."""
        return path.removeprefix("weights/") in _names(self._model)

    def _operand(self, operand: step_kind.Operand) -> BoundOperand:
        symbol, label = operand.symbol, OperandLabel(operand.label, operand.name)
        if operand.constant:
            return constant(symbol, operand.label, self._number(operand.constant))
        if operand.position is not None:
            return BoundOperand(symbol, label, scalar=self._index(operand.position))
        index = tuple(map(self._index, operand.index))
        return BoundOperand(symbol, label, path=self.path(operand.path), index=index)

    def _number(self, name: str) -> float:
        """Return a number of the config by its name, such as ``rotary.factor``."""
        if name == "window":
            return self.window
        number: float = attrgetter(name)(self._config)
        return number

    def _index(self, entry: Index) -> Any:
        """Return an entry of an index, or a condition, with names replaced by numbers."""
        if not isinstance(entry, dict):
            return entry
        if "sum" in entry:
            return {"sum": [self._index(part) for part in entry["sum"]]}
        if "value_of" in entry:
            source = entry["value_of"]
            index = [self._index(part) for part in source["index"]]
            return {"value_of": {"path": self.path(source["path"]), "index": index}}
        numbers = {
            name: self._sizes[value] if isinstance(value, str) else value
            for name, value in entry.items()
        }
        if numbers.get("floordiv") == 1 and "mod" not in numbers:
            del numbers["floordiv"]
        return numbers


@lru_cache(maxsize=4)
def _names(config: TransformerConfig) -> Collection[str]:
    """Return the names of all weights of a model."""
    return expected_shapes(config).keys()
