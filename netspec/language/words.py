"""The pattern of a name, and the longest names and numbers that are accepted."""

NAME = r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*"
"""The same pattern as in the grammar."""

MAX_NUMBER_LENGTH = 40
MAX_NAME_LENGTH = 100
