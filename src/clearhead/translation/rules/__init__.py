"""Rules before and after the model, so that it reads sentences of the kind that it knows.

A model is trained on plain sentences. `reading.Reader` extracts the plain sentence from what people
type, and the translation gets back what was removed. Each rule is data and small functions in a
module of its own; a sentence that needs no rule is not changed.
"""
