"""Write ``front/core/protocol.ts``: python -m clearhead.explorer.contract"""

from __future__ import annotations

from pathlib import Path

from .documents.typescript import typescript

PROTOCOL = Path(__file__).parents[1] / "front" / "core" / "protocol.ts"

if __name__ == "__main__":
    PROTOCOL.write_text(typescript(), "utf-8")
    print(f"Written: {PROTOCOL}")
