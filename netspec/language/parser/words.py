"""What a name is, and how long a word may be."""

NAME = r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*"
"""A name, as the grammar has it."""

LONGEST_NUMBER = 40
LONGEST_NAME = 100
