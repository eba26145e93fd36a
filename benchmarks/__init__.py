"""Speed, measured beside other systems on the same machine in the same minutes.

    python -m benchmarks.training        python -m benchmarks.translation
    python -m benchmarks.startup         clearhead bench [training|translation|startup]

See docs/benchmarks.md for what is compared with what, and why.
"""
