"""The exercises, one file for each lesson; see ``clearhead.lessons``."""
