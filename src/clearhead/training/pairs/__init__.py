"""What becomes of pairs before a model learns from them: filters, a teacher's texts, subwords."""
