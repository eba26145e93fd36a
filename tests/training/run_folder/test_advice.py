"""The advice after a step without usable numbers names the state to go on from."""

from __future__ import annotations

from pathlib import Path

from clearhead.training.run_folder.advice import advice_on_bad_numbers
from clearhead.training.settings import TrainingSettings


def test_before_the_first_state_any_setting_may_change(tmp_path: Path) -> None:
    advice = advice_on_bad_numbers(tmp_path, TrainingSettings(learning_rate=0.5))
    assert advice.startswith("No state was saved yet, so any setting may be changed: try a lower ")
    (tmp_path / "step-00000000").mkdir()  # from which nothing can be gone on with but all anew
    assert advice_on_bad_numbers(tmp_path, TrainingSettings(learning_rate=0.5)) == advice
    assert "training.learning_rate (now 0.5)" in advice


def test_later_the_newest_state_is_named(tmp_path: Path) -> None:
    for name in ("step-00000004", "step-00000008", "step-00000012.part"):
        (tmp_path / name).mkdir()
    advice = advice_on_bad_numbers(tmp_path, TrainingSettings())
    assert advice.startswith(
        f"The state before it is in {tmp_path / 'step-00000008'}. The run goes"
    )
