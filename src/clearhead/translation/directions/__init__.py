"""From which language to which, and how "you" is said: what a model states, and which is asked."""
