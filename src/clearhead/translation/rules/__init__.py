"""What is done to a sentence before and after the model, so that it reads what it knows.

A model is trained on plain sentences. `reading.Reader` gives it the plain sentence inside of what
people type, and the translation gets back what was taken away. Each rule is data and small
functions in a module of its own; none touches a sentence that needs none.
"""
