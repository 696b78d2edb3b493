"""Fixes for windows that do not fit: a file for each term of the window's arithmetic that a proposal solves.

Trials decide which of them work for the network as a whole.
"""
