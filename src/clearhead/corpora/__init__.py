"""Prepares training text from existing corpora: cleaned, filtered, varied and split.

A recipe (`recipe`) names corpora of English and French. `preparing` reads them pair by pair, cleans
the texts (`cleaning`), drops pairs that are not translations (`filters`, `scores`), holds out test
sentences (`splits`), adds variants as people type them (`variants`), and writes a report
(`report`). `scoring` computes the likelihood of each pair by a model.
"""
