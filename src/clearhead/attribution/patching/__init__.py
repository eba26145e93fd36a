"""Attribution patching: estimates the effects of patching heads, nodes and edges.

Patching puts numbers of the clean run into the corrupted one and measures the change of a metric.
Attribution patching estimates all such patches at once, by a gradient:

    (x_clean - x_corrupted) . d metric / d x

The sign is the same everywhere: positive if the clean run's number raises the metric.
"""
