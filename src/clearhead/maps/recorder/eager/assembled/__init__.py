"""Reads attention whose scores are assembled from several products, or parts of one."""

from ._origins import check_order
from ._tracker import AssembledTracker
from ._waiting import WaitingListener

__all__ = ["AssembledTracker", "WaitingListener", "check_order"]
