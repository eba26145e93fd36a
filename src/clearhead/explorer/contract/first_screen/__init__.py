"""Questions of the page's first screen, each in a file of its own with its answer."""
