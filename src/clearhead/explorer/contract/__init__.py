"""The questions of the page, the edits that it makes, and the answers that it gets.

They are declared here once, as typed models. The same models read the parameters of questions in
Python, over HTTP, from a notebook's messages and for a saved page; the OpenAPI document of the
server and the page's ``front/core/protocol.ts`` are made from them, the latter by

    python -m clearhead.explorer.contract
"""

from ...errors import require

require("pydantic", extra="explore", purpose="The explorer")
