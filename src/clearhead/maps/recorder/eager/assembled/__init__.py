"""Attention whose scores are several products, or parts of one, put together under one softmax."""

from ._tracker import AssembledTracker
from ._waiting import WaitingListener

__all__ = ["AssembledTracker", "WaitingListener"]
