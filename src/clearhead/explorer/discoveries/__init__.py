"""What can be found out about one sentence by trying, for the first screen of the page."""
