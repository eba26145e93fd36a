"""The process in which a learner's file runs: `python -m clearhead.lessons.review.child`.

What the file does (prints, endless loops, crashes) happens here. The results are written as JSON
into a file, which the process that waits for them reads.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import inspect
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .._pupils_line import line_of_error
from .._text import NOTHING, Text, text
from .subject import Case, Subject
from .subjects import SUBJECTS

MOST_NUMBERS = 100_000
"""No right result of any case is a tenth as large."""

Json = dict[str, Any]


def main(path: str, result_path: str, place_path: str, limit: float) -> None:
    """Run a learner's file, and each of its functions that can be reviewed.

    Args:
        path: of the learner's file.
        result_path: where the results go.
        place_path: where the place goes at which the file was when its time was over.
        limit: seconds for all of it.
    """
    result = Path(result_path)
    with open(place_path, "w") as place:
        faulthandler.dump_traceback_later(limit, exit=True, file=place)
        warnings.simplefilter("ignore")
        np.seterr(all="ignore")
        result.write_text(json.dumps(_run(path)), "utf-8")
        faulthandler.cancel_dump_traceback_later()


def _run(path: str) -> Json:
    specification = importlib.util.spec_from_file_location("learners_file", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.dont_write_bytecode = True
    sys.modules["learners_file"] = module
    sys.path.insert(0, str(Path(path).parent))
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        same = error.filename == path
        line = [error.lineno or 1, (error.text or "").strip()] if same else None
        return {
            "problem": _json(
                text("it is not Python: {error}", "não é Python: {error}", error=error.msg)
            ),
            "line": line,
        }
    except (Exception, SystemExit) as error:
        return {"problem": _json(_words(error)), "line": _line(error, path)}
    outcomes, names = {}, {}
    for subject in SUBJECTS:
        name = next((one for one in subject.names() if callable(getattr(module, one, None))), None)
        if name is not None and _is_own(module, getattr(module, name)):
            names[subject.name] = name
            outcomes[subject.name] = _outcomes(getattr(module, name), subject, path)
    functions = [name for name, value in vars(module).items() if _is_own(module, value)]
    return {"outcomes": outcomes, "names": names, "functions": functions}


def _is_own(module: ModuleType, value: Any) -> bool:
    """Whether a function was written in the file, and not imported from elsewhere."""
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _words(error: BaseException) -> Text:
    if isinstance(error, SystemExit):
        return text("it ends the program", "o arquivo encerra o programa")
    if isinstance(error, EOFError):
        return text(
            "it waits for somebody to type (input), and here nobody does",
            "o arquivo espera que alguém digite (input), e aqui ninguém digita",
        )
    message = f"{type(error).__name__}: {error}"
    return Text(message, message)


def _json(problem: Text) -> Json:
    return {"en": problem.en, "pt": problem.pt}


def _line(error: BaseException, path: str) -> list[Any] | None:
    line = line_of_error(error, path)
    return None if line is None else [line.number, line.text]


def _outcomes(function: Callable[..., Any], subject: Subject, path: str) -> list[Json]:
    outcomes: list[Json] = []
    for number, case in enumerate(subject.cases()):
        keywords = _keywords(function, case)
        if keywords is None:
            outcomes.append({"is_skipped": True})
            continue
        outcome = _outcome(function, case, keywords, path)
        if number == 0 and "values" in outcome:
            again = _outcome(function, case, keywords, path)
            outcome["is_steady"] = again.get("values") == outcome["values"]
        outcomes.append(outcome)
    return outcomes


def _keywords(function: Callable[..., Any], case: Case) -> Json | None:
    """How the mask is handed over; None when the function has no place for it."""
    if case.mask is None:
        return {}
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {"mask": case.mask}
    names = list(parameters)
    if "mask" in names or any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return {"mask": case.mask}
    if "attn_mask" in names:
        return {"attn_mask": case.mask}
    fourth = names[3:4]
    return {fourth[0]: case.mask} if fourth and "mask" in fourth[0].lower() else None


def _outcome(function: Callable[..., Any], case: Case, keywords: Json, path: str) -> Json:
    arguments = [_copy(value) for value in case.arguments]
    by_name = {name: _copy(value) for name, value in keywords.items()}
    try:
        result = function(*arguments, **by_name)
        values, problem = _values(result)
    except (Exception, SystemExit) as error:
        return {"problem": _json(_words(error)), "line": _line(error, path)}
    if problem:
        return {"problem": _json(problem)}
    before = [*case.arguments, *keywords.values()]
    changes = [
        position
        for position, (old, new) in enumerate(
            zip(before, [*arguments, *by_name.values()], strict=True)
        )
        if isinstance(old, np.ndarray) and not np.array_equal(old, new)
    ]
    return {"values": values, "changes": changes}


def _copy(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value


def _values(result: Any) -> tuple[list[Json], Text]:
    """Return arrays as shape, dtype and numbers; or why there are none."""
    if result is None:
        return [], text(
            "it returns nothing: is there a `return` at its end?",
            "ela não devolve nada: há um `return` no fim?",
        )
    parts = result if isinstance(result, tuple | list) and len(result) == 2 else [result]
    if isinstance(result, list) and not all(isinstance(part, np.ndarray) for part in result):
        parts = [result]  # rows, and not a result with something beside it
    values = []
    for part in parts:
        part = part.detach().cpu().numpy() if hasattr(part, "detach") else part
        try:
            array = np.asarray(part)
        except ValueError:
            return [], text(
                "it returns lists of different lengths, which are no table",
                "ela devolve listas de comprimentos diferentes, que não são uma tabela",
            )
        if array.dtype.kind not in "biuf":
            return [], text(
                "it returns a {type}, and not an array of numbers",
                "ela devolve um {type}, e não um array de números",
                type=type(result).__name__,
            )
        if array.size > MOST_NUMBERS:
            return [], text(
                "it returns an array of shape {shape}",
                "ela devolve um array de formato {shape}",
                shape=array.shape,
            )
        numbers = np.asarray(array, float).reshape(-1).tolist()
        values.append({"shape": list(array.shape), "dtype": array.dtype.name, "numbers": numbers})
    return values, NOTHING


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
