"""A sentence on its way: cut out of a text, read, asked for in several ways, translated."""
