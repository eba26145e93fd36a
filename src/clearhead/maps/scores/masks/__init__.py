"""Masks in their smallest exact form: ranges of keys, or tables where ranges do not suffice."""
