"""How the steps of a generation become one attention."""
