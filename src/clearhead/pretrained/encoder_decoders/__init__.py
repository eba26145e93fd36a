"""Families of models with encoder and decoder, one file for each."""
