"""The questions and answers of the page's first screen."""
