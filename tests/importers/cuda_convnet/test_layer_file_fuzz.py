"""Random edits of layer files: the result is a network or diagnostics."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from layerfiles import NORMS, PARAMS, SHAPE, TWINS, conv, ending, net, params

from netspec.diagnostics import SpecError
from netspec.importers.cuda_convnet import Dialect
from netspec.net import ImportOptions, load_source
from netspec.source import Source

FILES = [NORMS, TWINS + ending("fca,fcb"), net(conv("c", "data", 3, more="groups=1\nweightSource="), "c")]
PIECES = st.one_of(
    st.sampled_from(["[", "]", "=", ",", ";", "#", "\n", " ", "%(x)s", "-1", "0", "99999999999999", "1e999", "nan"]),
    st.sampled_from(["type=fc\n", "inputs=data\n", "[data]\n", "gpu=0,1\n", "neuron=brelu[1]\n", "weightSource=c\n"]),
    st.sampled_from(["type=sum\n", "type=pass\n", "type=cost.sum2\n", "channels=16\n", "\x00", "é🙂", "[DEFAULT]\n"]),
    st.text(max_size=5),
)


@st.composite
def edited(draw: st.DrawFn, files: list[str]) -> str:
    """One of the files (or an empty one) after some random edits."""
    text = draw(st.sampled_from(files) | st.just(""))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 5, 100])))
        text = text[:start] + draw(PIECES) + text[end:]
    return text


@examples(150)
@given(
    edited(FILES),
    edited([params(), *PARAMS.values()]) | st.none(),
    st.sampled_from(["2012", "v2", None]),
    st.booleans(),
)
@example("[t]ype=fc\n", None, "2012", False)
def test_any_file_is_loaded_or_diagnosed(
    text: str, given_params: str | None, dialect: Dialect | None, merged: bool
) -> None:
    source = Source("net.cfg", text)
    params_source = Source("params.cfg", given_params) if given_params is not None else None
    try:
        diagnostics = load_source(source, SHAPE, options=ImportOptions(params_source, dialect, merged)).warnings
    except SpecError as error:
        diagnostics = error.diagnostics
        assert any(d.severity == "error" for d in diagnostics)
    assert all(d.span.source in (source, params_source) and d.span.line >= 1 for d in diagnostics)


@pytest.mark.many
@pytest.mark.parametrize(
    "text",
    [
        "[a]\ntype=fc\ninputs=a" + ",a" * 50_000,
        "".join(f"[a{i}]\ntype=neuron\nneuron=relu\ninputs=a{i - 1}\n" for i in range(5_000)),
        net("".join(conv(f"c{i}", "data", 3, 17) for i in range(2_000)), "data"),
        net("[x]\n" + "%(x)s=%(x)s\n" * 1_000, "data"),
    ],
)
def test_invalid_long_files_raise_spec_error(text: str) -> None:
    with pytest.raises(SpecError):
        load_source(Source("net.cfg", text), SHAPE)
