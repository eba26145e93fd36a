"""Translates text in bulk, with Ray, Spark, datasets, pandas, or plain processes.

`Translate` is one callable for all of these engines. `clearhead translate --shard` and ``--engine
ray`` use the `job` package: a plan, parts that are written atomically, and a manifest.
"""

from ._translate import Translate
from .threads import one_thread

__all__ = ["Translate", "one_thread"]
