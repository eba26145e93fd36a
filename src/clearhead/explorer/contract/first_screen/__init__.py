"""The answers of the page's first screen."""
