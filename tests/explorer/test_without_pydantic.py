"""Without pydantic, which an extra brings, exploring says what is missing; the rest works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.explorer.served import environment


def without_pydantic(code: str) -> str:
    """Standard output of code in a process that has no pydantic."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nsys.modules['pydantic'] = None\n{code}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "from clearhead.explorer import explorer_of as ask",
        "from clearhead.explorer.offline.page import offline_html as ask",
        "from clearhead.explorer.recordings.explorer import RecordingExplorer as ask",
        "from clearhead import explore as ask",
    ],
)
def test_exploring_names_the_extra(code):
    printed = without_pydantic(
        f"from clearhead.errors import MissingExtraError\n"
        f"try:\n    {code}\n    ask('en-fr')\n"
        f"except MissingExtraError as error:\n    print(error)"
    )
    assert printed == (
        "The explorer needs the package 'pydantic', which is not installed. "
        'Install it with: pip install "clearhead[explore]"\n'
    )


def test_translating_and_tracing_do_without():
    code = (
        "import clearhead as ch\ntrace = ch.trace('The cat sleeps.')\nprint(len(trace.paths) > 0)"
    )
    assert without_pydantic(code) == "True\n"
