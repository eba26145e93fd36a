"""Text in bulk, on the engines that people have: Ray, Spark, datasets, pandas, or plain processes.

`Translate` is one callable for all of them. `clearhead translate --shard` and ``--engine ray``
stand on the job of this room: a plan, parts that are written whole, and a manifest.
"""

from ._translate import Translate
from .threads import one_thread

__all__ = ["Translate", "one_thread"]
