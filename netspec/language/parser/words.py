"""The pattern of a name, and the longest names and numbers that are accepted."""

NAME = r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*"
"""The same pattern as in the grammar."""

LONGEST_NUMBER = 40
LONGEST_NAME = 100
