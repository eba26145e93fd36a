"""Attribution patching: what a clean run's heads, nodes and edges would do in a corrupted one.

Patching puts a number of the clean run into the corrupted one and looks what becomes of a metric.
Attribution patching estimates all such patches at once, by a gradient:

    (x_clean - x_corrupted) . d metric / d x

So the sign is the same everywhere: positive where the clean run's number raises the metric.
"""
