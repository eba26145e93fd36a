"""Review a learner's functions: `clearhead check my_attention.py`.

    subject    a function that can be reviewed: its cases, and the mistakes that it may make
    run        the learner's file, in a process of its own, on all cases
    diagnose   what is off: a mistake, made on purpose, that gives exactly the learner's numbers
    words      the report

A diagnosis is certain because it is tried: a named mistake is only reported when the function with
this mistake, and no other, reproduces every number that the learner's function returned.
"""
