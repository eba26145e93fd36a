"""Processes a corpus in parts, with any number of processes, which may be killed at any time.

`plan` describes the job, `lines` reads its input, and a `line_work` processes some lines
(`line_translator` translates them; surveys measure heads). `part` writes one part with the help of
a `journal`. `folder` combines them: on this machine one part after the other, or with `on_ray` many
parts at a time.
"""
