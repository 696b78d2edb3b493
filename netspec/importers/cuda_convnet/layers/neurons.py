"""Read ``neuron=``, the activation function of a layer."""

from __future__ import annotations

import re

from netspec.importers.cuda_convnet.layers.forks import notes_on_neuron
from netspec.importers.cuda_convnet.layers.model import Dialect, Neuron
from netspec.importers.cuda_convnet.options import Options, shortened

_PLAIN = ("ident", "logistic", "relu", "nrelu", "softrelu", "abs", "square", "sqrt")
_NUMBERS = {"tanh": 2, "brelu": 1, "linear": 2, "drelu": 1, "log": 1}
_CALL = re.compile(r"([a-z]+)\s*\[([0-9., -]*)\]")
_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


def read_neuron(options: Options, dialect: Dialect) -> Neuron | None:
    """Return the neuron of a layer, or ``None`` if it has none. Raises ``SectionError`` if it is invalid."""
    text = options.text("neuron", "").strip()
    if not text:
        return None
    if text in _PLAIN:
        return Neuron(text)
    call = _CALL.fullmatch(text)
    if call and _NUMBERS.get(call[1]) and (call[1] != "log" or dialect == "v2"):
        words = [word.strip() for word in call[2].split(",")]
        if len(words) == _NUMBERS[call[1]] and all(_NUMBER.fullmatch(word) and len(word) < 40 for word in words):
            return Neuron(call[1], tuple(map(float, words)))
    if call and call[1] == "dropout" and _NUMBER.fullmatch(call[2].strip()) and 0 < float(call[2]) < 1:
        message = "dropout, a neuron of a fork, drops values and scales them in tests"
        options.warn("cfg-old-habit", message, "neuron")
        return Neuron("dropout", (float(call[2]),))
    numbers = {word: n for word, n in _NUMBERS.items() if word != "log" or dialect == "v2"}
    neurons = [*_PLAIN, *(f"{word}[{','.join('ab'[:n])}]" for word, n in numbers.items())]
    advice = notes_on_neuron(text.partition("[")[0].strip(), dialect)
    raise options.report_key_error(
        "bad-value",
        f"there is no neuron '{shortened(text)}'",
        "neuron",
        notes=(*advice, f"it is one of {', '.join(neurons)}; numbers without exponents"),
    )
