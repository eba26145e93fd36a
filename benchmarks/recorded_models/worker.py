"""Records one model after another, each told by a line of JSON; a line of JSON comes back.

    python -m benchmarks.recorded_models.worker

A process of its own, so that an abort is a row of the table and not the end of it.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch

from clearhead.maps.recorder.record import record

from . import catalogue
from .judging import Verdict, judge, row_errors, same_bits, tensors
from .libraries import Subject
from .oracle import watch

MODES = {
    "no_grad": torch.no_grad,
    "grad": torch.enable_grad,
    "inference": torch.inference_mode,
}


def rows_of(library: str, name: str, modes: list[str]) -> Iterator[dict[str, Any]]:
    """Yield one result for each implementation and mode of a model."""
    for setting, make in catalogue.settings(library, name):
        try:
            subject = make()
        except Exception as error:
            yield row(library, name, setting, Verdict(), f"not built: {short(error)}")
            continue
        modes_to_run = modes if setting == catalogue.DEFAULT else modes[:1]
        yield from results_of(subject, library, name, setting, modes_to_run)


def results_of(
    subject: Subject, library: str, name: str, setting: str, modes: list[str]
) -> Iterator[dict[str, Any]]:
    """Run one model plainly, then watched by the oracle, then recorded, and yield the results."""
    try:
        with torch.no_grad():
            plain = subject.call()
        with watch(subject.model) as oracle:
            subject.call()
    except Exception as error:
        yield row(library, name, setting, Verdict(), f"not run: {short(error)}")
        return
    for mode in modes:
        verdict = Verdict()
        try:
            with MODES[mode]():
                if mode != "no_grad":
                    plain = subject.call()
                with record(subject.model) as recording:
                    result = subject.call()
            str(recording)
            if not same_bits(plain, result):
                again = subject.call()
                word = "changed its output" if same_bits(plain, again) else "is not repeatable"
                verdict.wrong.append(f"the model {word}")
            judge(recording, oracle, subject.model, verdict)
            if mode == "no_grad" and subject.batch > 1:
                verdict.wrong.extend(of_rows(subject, recording, result))
        except Exception as error:
            verdict.crash = short(error)
        yield row(library, name, f"{setting} {mode}".strip(), verdict)


def of_rows(subject: Subject, recording: Any, whole: Any) -> list[str]:
    """Check whether the first axis of the maps is the batch; return what is wrong."""
    alone = []
    try:
        for number in range(subject.batch):
            one = subject.row(number)
            with torch.no_grad(), record(one.model) as single:
                result = one.call()
            if not is_row(whole, result, number, subject.batch):
                return []
            alone.append(single)
    except Exception:
        return []
    return row_errors(recording, alone)


def is_row(whole: Any, alone: Any, number: int, batch: int) -> bool:
    """Tell whether a row by itself has the results that it has in the batch.

    Many a model takes another mask for a text without padding.
    """
    for one, other in zip(tensors(whole), tensors(alone), strict=True):
        if one.ndim and len(one) == batch and one[number : number + 1].shape == other.shape:
            mine = one[number : number + 1].double()
            if not torch.allclose(mine, other.double(), rtol=1e-3, atol=1e-3, equal_nan=True):
                return False
    return True


def row(
    library: str, name: str, setting: str, verdict: Verdict, why_skipped: str = ""
) -> dict[str, Any]:
    """Return a result as JSON has it."""
    return {
        "library": library,
        "model": name,
        "setting": setting,
        "status": "skipped" if why_skipped else verdict.status,
        "skipped": why_skipped,
        **vars(verdict),
    }


def short(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def main() -> None:
    """Read jobs until there are no more."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        job = json.loads(line)
        start = time.perf_counter()
        try:
            for result in rows_of(job["library"], job["model"], job["modes"]):
                print(json.dumps(result), file=answers, flush=True)
        except BaseException as error:
            failure = row(job["library"], job["model"], "", Verdict(), f"not built: {short(error)}")
            print(json.dumps(failure), file=answers, flush=True)
        seconds = time.perf_counter() - start
        print(json.dumps({"done": job["model"], "seconds": seconds}), file=answers, flush=True)


if __name__ == "__main__":
    main()
