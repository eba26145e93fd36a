"""How the site is built: `make site`, or sphinx-build -W -c docs . build/site.

The source folder is the repository's root, so that the lessons, the architecture and the pages in
docs/ are the same files that one reads there. Lessons are executed; a cell that fails stops the
build.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
# The kernels that run the lessons find the package, too.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
)

import clearhead  # noqa: E402

project = "clearhead"
author = "the clearhead authors"
copyright = "the clearhead authors; Apache 2.0"
version = release = clearhead.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
root_doc = "docs/index"
include_patterns = ["docs/**", "lessons/**", "ARCHITECTURE.md", "CHANGELOG.md"]
exclude_patterns = ["docs/next.md", "**/node_modules"]
# A class may be named by a short name that two rooms share (the reference's and PyTorch's
# Transformer): the link then goes to the first.
suppress_warnings = ["config.cache", "ref.python"]

# Lessons
nb_execution_mode = "force"
nb_execution_timeout = 1800
nb_execution_raise_on_error = True
# Pages that are shown without being run, as patterns: for a test that has no minutes to spare.
nb_execution_excludepatterns = os.environ.get("PAGES_NOT_RUN", "").split()
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

# The interface, from docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
add_module_names = False

html_theme = "furo"
html_title = "clearhead"
html_show_sphinx = False


def _as_plain_text(
    app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Docstrings are plain text: bars and asterisks are no markup, and what is indented stands as
    it is written."""
    markup: list[str] = []
    before, literal = "", False  # the last line that is not blank; within an indented block
    for line in lines:
        if line.strip():
            indented = line.startswith("    ")
            if not indented:
                literal = False
            elif not literal and markup and not markup[-1].strip() and not before.startswith(" "):
                literal = True
                if not before.endswith("::"):
                    markup += ["::", ""]
            before = line
        if not literal:
            line = re.sub(r"\|(?=[^ ])|(?<=\")\*(?=\w)", r"\\\g<0>", line)
        markup.append(line)
    lines[:] = markup


def setup(app: Any) -> None:
    """Prepare Sphinx, which calls this when it has read the file."""
    app.add_lexer("mermaid", TextLexer)  # the diagrams of ARCHITECTURE.md stand as text
    app.connect("autodoc-process-docstring", _as_plain_text, priority=100)
