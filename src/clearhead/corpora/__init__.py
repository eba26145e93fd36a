"""Text to train on, from what others have gathered: cleaned, filtered, varied and split.

A recipe (`recipe`) names corpora of English and French. `preparing` reads them pair by pair, cleans
each text (`cleaning`), leaves out pairs that are no translations (`filters`, `scores`), holds test
sentences out (`splits`), adds what people type (`variants`), and reports what it did (`report`).
`scoring` asks a model how likely each pair is.
"""
