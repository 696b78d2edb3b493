"""What transposed convolutions of PyTorch and Keras cut off their output, as the key ``pad`` of a deconv."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.window import Pad, TransposedWindow
from netspec.keys import texts
from netspec.keys.kind import shown
from netspec.language.syntax import Pair


def cut_off(name: str, given: Mapping[str, str], added: Pair | None) -> dict[str, str]:
    """Return the keys that a line needs in place of what is cut off in the notation of PyTorch or Keras.

    Parameters
    ----------
    name:
        ``ConvTranspose2d``, or ``Conv2DTranspose``, whose output is a multiple of the stride with ``padding="same"``,
        and at least that without.
    given:
        The texts of the line's keys, as a spec has them.
    added:
        PyTorch's ``output_padding``, which a spec has no key for. It stays if its value is not a size.
    """
    kernel, stride, dilation = (_numbers(given.get(key, "1"), 2) for key in ("kernel", "stride", "dilation"))
    fewer = _numbers(shown(added.value) if added is not None else "0", 2)
    if not (kernel and stride and dilation and fewer):
        return {added.key.text: shown(added.value)} if added is not None else {}
    window = TransposedWindow((kernel[0], kernel[1]), (stride[0], stride[1]), dilation=(dilation[0], dilation[1]))
    if name == "Conv2DTranspose":
        same = given.get("pad", "valid").lower() == "same"
        pad = window.with_same_pad().pad
        pad = pad if same else Pad(0, min(0, pad.right), 0, min(0, pad.bottom))
    else:
        sides = _numbers(given.get("pad", "0"), 4)
        if not sides:
            return {}
        pad = Pad(sides[0], sides[1] - fewer[1], sides[2], sides[3] - fewer[0])
    if not any(pad) and "pad" not in given:
        return {}
    return {"pad": texts.pad(pad)}


def _numbers(text: str, count: int) -> tuple[int, ...]:
    """Read one number for all of ``count``, or so many of them: ``3``, ``3x5``, ``(3, 5)``. Empty for another text."""
    words = text.strip("()").replace("x", ",").split(",")
    numbers = tuple(int(word) for word in words if word.strip().isdecimal())
    if len(numbers) != len(words) or len(numbers) not in (1, count):
        return ()
    return numbers * count if len(numbers) == 1 else numbers
