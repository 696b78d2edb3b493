"""Files that are not UTF-8 text: the location of the first wrong byte, and the likely encoding."""

from __future__ import annotations

import pytest
from checking import refused

from netspec.diagnostics import SpecError
from netspec.diagnostics.text import render
from netspec.opening import decode


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"\x89PNG\r\n\x1a\n", "not-text", "byte 1 is 0x89, which is not UTF-8"),
        (b"net a\0", "not-text", "zero bytes"),
        (b"#" * (4 * 2**20 + 1), "too-large-file", "larger than 4,194,304 bytes"),
    ],
)
def test_binary_or_too_large_file_is_an_error(data: bytes, code: str, message: str) -> None:
    found = refused(decode, data, "a.net")
    assert (found.code, message in found.message) == (code, True)
    assert render(found).splitlines()[1].strip() == "--> a.net:1:1"


@pytest.mark.parametrize(
    ("data", "byte", "place"),
    [
        (b"net a\n[i] input 3x3x3\xff", 22, (2, 16)),
        (b"# caf\xe9\r\n[i] input 3x3x3\n", 6, (1, 6)),
        (b"\xef\xbb\xbfnet a\n# \xfc\n", 12, (2, 3)),
    ],
)
def test_byte_in_another_encoding_is_located(data: bytes, byte: int, place: tuple[int, int]) -> None:
    found = refused(decode, data, "a.net")
    assert f"byte {byte} is 0x{data[byte - 1]:02x}" in found.message
    assert (found.span.line, found.span.column) == place
    assert found.notes == ("text in another encoding must be converted: iconv -f LATIN1 -t UTF-8 does it for Latin-1",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_byte_order_mark_names_the_encoding(encoding: str) -> None:
    found = refused(decode, "net a\n".encode(encoding), "a.net")
    word = encoding.upper()
    assert found.notes == (f"it begins as {word} does: iconv -f {word} -t UTF-8 converts it",)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "a zip archive, as torch.save writes"),
        (b"\x89HDF\r\n\x1a\n", "HDF5, as Keras writes"),
        (b"\x40\0\0\0\0\0\0\0" + b'{"fc.weight":', "a file of safetensors"),
    ],
)
@pytest.mark.parametrize("size", [100, 4 * 2**20 + 1])
def test_files_of_weights_are_recognised(start: bytes, kind: str, size: int) -> None:
    with pytest.raises(SpecError) as caught:
        decode(start + bytes(size), "a.pth")
    assert caught.value.diagnostics[0].notes == (f"it is {kind}: weights, not a spec of a network",)
