"""After random edits, every feature answers, with spans inside the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS

from netspec.diagnostics import apply
from netspec.lsp.completion import complete
from netspec.lsp.documents import Documents
from netspec.lsp.hints import hints
from netspec.lsp.hover import hover
from netspec.lsp.layout import layout
from netspec.lsp.names import RenameError, definition, references, rename
from netspec.lsp.problems import fixes, message, shown_at
from netspec.lsp.symbols import symbols
from netspec.source import Span

FILES = [path.read_text("utf-8") for path in sorted(SPECS.rglob("*.net"))]
PIECES = st.one_of(
    st.sampled_from(["->", "[", "]", "=", ",", "(", ")", "#", "\n", " ", "\n  ", "[a] conv ", "inputs=", "weights=a"]),
    st.sampled_from(["net a from=alexnet.net\n", "drop conv1\n", "3x3", "1e9", "99999999999", "default fc ", "é🙂"]),
    st.text(max_size=5),
)


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, int]:
    """A spec after some random edits, and an offset in it, often that of the last edit."""
    text = draw(st.sampled_from(FILES) | st.just(""))
    offset = 0
    for _ in range(draw(st.integers(1, 4))):
        offset = draw(st.integers(0, len(text)))
        end = min(len(text), offset + draw(st.sampled_from([0, 0, 1, 5, 100])))
        piece = draw(PIECES)
        text = text[:offset] + piece + text[end:]
        offset += len(piece)
    return text, draw(st.just(offset) | st.integers(0, len(text)))


@examples(150)
@given(edited(), st.sampled_from(["relu1", "conv1", "1", "a b"]))
def test_all_features_answer_after_random_edits(case: tuple[str, int], new_name: str) -> None:
    text, offset = case
    documents = Documents()
    uri = (SPECS / "being-written.net").as_uri()
    (document, *_) = documents.put(uri, 1, text)

    spans = [shown_at(document, d) for d in document.diagnostics]
    assert all(message(d) for d in document.diagnostics)
    spans += [s for symbol in symbols(document) for s in (symbol.span, symbol.name_span)]
    spans += [Span(document.source, h.offset, h.offset) for h in hints(document, 0, len(text))]
    spans += [Span(document.source, c.start, c.end) for c in complete(document, offset)]
    shown = hover(document, offset)
    spans += [shown.span] if shown else []
    assert all(s.source is document.source and 0 <= s.start <= s.end <= len(text) for s in spans)

    definition(document, offset)
    references(documents, document, offset, definitions=True)
    try:
        rename(documents, document, offset, new_name)
    except RenameError as problem:
        assert str(problem)
    for edit in layout(document):
        assert layout(documents.put(uri, 2, apply([edit], text))[0]) == []
    for _, fix in fixes(document, document.diagnostics, 0, len(text)):
        if fix.checks and all(edit.span.source is document.source for edit in fix.edits):
            assert documents.put(uri, 3, apply(fix.edits, text))[0].checked.graph is not None
