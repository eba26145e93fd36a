"""Attention whose scores are several products, or parts of one, put together under one softmax."""

from ._origins import check_order
from ._tracker import AssembledTracker
from ._waiting import WaitingListener

__all__ = ["AssembledTracker", "WaitingListener", "check_order"]
