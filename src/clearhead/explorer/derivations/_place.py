"""The declared rule of a kind of step, brought to one step of one model."""

from __future__ import annotations

from typing import Any

from ...config import TransformerConfig
from ...reference.tracing import step_kind
from ...reference.tracing.step import Step
from ...reference.tracing.step_kind import Index, Rule
from .derivation import BoundOperand, Derivation, OperandLabel, constant


class StepPlace:
    """Where a step stands: what the templates and the sizes of its declaration are there.

    Args:
        step: whose path and sources fill the templates of paths.
        config: of the model, which has the sizes.
    """

    def __init__(self, step: Step, config: TransformerConfig) -> None:
        self.config = config
        self.scope = step.path.rpartition(".")[0]
        stack = self.scope.partition(".")[0]
        self._fields: dict[str, Any] = {
            "scope": self.scope,
            "of": step.of,
            "before": self._before(),
            "side": "source" if stack == "encoder" else "target",
            "output_matrix": "embedding" if config.tied_embeddings else "output",
        }
        pairs = config.head_dim // 2
        self._sizes = {
            "head_dim": config.head_dim,
            "group": config.num_heads // config.key_value_heads,
            "pairs": pairs,
            "minus_pairs": -pairs,
        }

    def _before(self) -> str:
        """Return the path of the step whose numbers a layer's input repeats."""
        stack, _, number = self.scope.partition(".layers.")
        if not number.isdigit() or number == "0":
            return f"{stack}.embedded"
        end = "residual" if self.config.norm_place == "before" else "norm.output"
        return f"{stack}.layers.{int(number) - 1}.feed_forward_{end}"

    def derivation(self, rule: Rule) -> Derivation:
        """Return the rule with the paths and the numbers of this place."""
        expression, operands = rule.expression, []
        for operand in rule.operands:
            if operand.only_with and not getattr(self.config, operand.only_with):
                expression = expression.removesuffix(f" + {operand.symbol}")
            else:
                operands.append(self._operand(operand))
        when = None if rule.when is None else self._index(rule.when)
        return Derivation(expression, tuple(operands), when)

    def path(self, template: str) -> str:
        """Return the path that a template is here."""
        return template.format(**self._fields)

    def _operand(self, operand: step_kind.Operand) -> BoundOperand:
        symbol, label = operand.symbol, OperandLabel(operand.label, operand.name)
        if operand.constant:
            return constant(symbol, operand.label, getattr(self.config, operand.constant))
        if operand.position is not None:
            return BoundOperand(symbol, label, scalar=self._index(operand.position))
        index = tuple(map(self._index, operand.index))
        return BoundOperand(symbol, label, path=self.path(operand.path), index=index)

    def _index(self, entry: Index) -> Any:
        """Return an entry of an index, or a condition, with numbers in place of names."""
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
