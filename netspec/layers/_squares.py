"""The key of the layers between channels and the pixels of squares."""

from netspec.ir.ops.scaling import MAX_FACTOR
from netspec.keys import Key, Whole

FACTOR = Key("factor", Whole(high=MAX_FACTOR), "the side of a square", unit="pixels")
