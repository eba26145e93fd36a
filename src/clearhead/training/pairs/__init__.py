"""Processing of training pairs: filters, texts written by a teacher, BPE dropout."""
