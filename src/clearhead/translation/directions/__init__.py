"""Directions and registers: which ones models state, and which model to use for a request."""
