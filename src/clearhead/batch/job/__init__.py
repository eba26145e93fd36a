"""A corpus worked through in parts, by any number of processes, which may end at any time.

`plan` says what the job is, `lines` reads it, a `line_work` does something with some of its lines
(`line_translator` translates them; surveys measure heads), `part` writes one part with the help of
a `journal`, and `folder` holds them together: on this machine one part after the other, or `on_ray`
many at a time.
"""
