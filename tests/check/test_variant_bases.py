"""The base file of a variant: where it is searched, and the diagnostics if it is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import refused
from processes import invoke
from variants import BASE, diagnostics, message, names

import netspec


def test_error_in_the_base_is_shown_in_the_base(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(BASE.replace("kernel=2", "kernal=2"))
    path = tmp_path / "variant.net"
    path.write_text("net variant from=base.net\n")
    assert diagnostics(path) == [("unknown-key", "base.net", 5, 17)]


def test_variants_based_on_each_other_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.net").write_text("net a from=b.net\n")
    (tmp_path / "b.net").write_text("net b from=a.net\n")
    assert diagnostics(tmp_path / "a.net") == [("variant-cycle", "b.net", 1, 12)]


@pytest.mark.parametrize("name", ["../base.net", "/etc/base.net", "sub/base.net", "..\\base.net",
                                  "/etc/passwd", "../base", "~/base.net", "http://a.b/c", "C:\\base.net"])  # fmt: skip
def test_base_outside_the_folder_is_an_error(variant, tmp_path: Path, name: str) -> None:
    path = tmp_path / "variant.net"
    path.write_text(f"net variant from={name} rounding=up\n[conv1] stride=2\n")
    assert diagnostics(path) == [("outside-folder", "variant.net", 1, 18)]


def test_missing_base_is_reported_at_its_name(tmp_path: Path) -> None:
    path = tmp_path / "variant.net"
    path.write_text("net variant from=gone.net\n")
    assert diagnostics(path) == [("no-such-file", "variant.net", 1, 18)]


def test_misspelt_base_suggests_an_existing_spec(variant, tmp_path: Path) -> None:
    path = variant("[conv1] stride=2\n")
    text = path.read_text().replace("base.net", "bsae.net")
    path.write_text(text)
    found = refused(netspec.load, path)
    assert found.message.endswith("bsae.net: No such file or directory; did you mean base.net?")
    (fix,) = found.fixes
    assert (fix.title, fix.checks) == ("write base.net", True)
    assert invoke("check", "--fix", path).exit_code == 0
    assert path.read_text() == text.replace("bsae.net", "base.net")


def test_common_suffix_does_not_make_names_similar(variant, tmp_path: Path) -> None:
    path = variant("").with_name("other.net")
    (tmp_path / "g.net").write_text("net g\n")
    path.write_text("net other from=missing.net\n")
    found = refused(netspec.load, path)
    assert found.message.endswith("missing.net: No such file or directory") and not found.fixes


@pytest.mark.parametrize(
    ("line", "place", "note"),
    [
        ("net v from=\n", (1, 7), "from= takes the name of a spec of this folder: from=alexnet.net"),
        ("net v from=base.txt\n", (1, 12), "from= takes the name of a spec of this folder: from=alexnet.net"),
        ('net v from="base.net"\n', (1, 12), "values are written without quotes"),
    ],
)
def test_unreadable_base_is_the_only_error(tmp_path: Path, line: str, place: tuple[int, int], note: str) -> None:
    (tmp_path / "v.net").write_text(f"{line}[conv1] stride=2\ndrop pool1\n")
    found = refused(netspec.load, tmp_path / "v.net")
    assert (found.code, (found.span.line, found.span.column), found.notes) == ("syntax", place, (note,))


def test_syntax_errors_are_reported_along_with_a_missing_base(tmp_path: Path) -> None:
    (tmp_path / "v.net").write_text("net v from=gone.net\n[conv1] stride=2\n[conv2] stride=(\n")
    found = [(code, line) for code, _, line, _ in diagnostics(tmp_path / "v.net")]
    assert found == [("no-such-file", 1), ("syntax", 3)]


def test_second_base_is_an_error(variant, tmp_path: Path) -> None:
    path = variant("")
    path.write_text("net v from=base.net from=base.net\n")
    assert diagnostics(path) == [("duplicate-key", "variant.net", 1, 21)]


def test_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.net").write_text(BASE)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link.net").symlink_to(tmp_path / "secret.net")
    path = folder / "variant.net"
    path.write_text("net variant from=link.net\n")
    assert message(path) == ("link.net is outside its folder", ("a variant starts from a spec of its own folder",))
    assert diagnostics(path) == [("outside-folder", "variant.net", 1, 18)]


def test_links_inside_and_to_the_folder_are_followed(variant, tmp_path: Path) -> None:
    variant("")
    (tmp_path / "link.net").symlink_to("base.net")
    (tmp_path / "second.net").write_text("net second from=link.net\n")
    (tmp_path / "folder").symlink_to(tmp_path)
    assert names(netspec.load(tmp_path / "folder" / "second.net")) == names(netspec.load(tmp_path / "base.net"))


def test_text_without_a_folder_has_no_base() -> None:
    with pytest.raises(netspec.SpecError, match="no-such-file"):
        netspec.loads("net variant from=alexnet.net\n")


@pytest.mark.parametrize(
    "text",
    [
        "net v from=base.net rounding=(\n[b] outputs=6\n",
        "net v from=base.net\ngpus 4 (\n[b] gpu=3\n",
        "net v from=base.net rounding=(down\n[a] stride=4\n",
        "net v from=base.net\ndefault conv stride=(4\n[a] kernel=5\n",
    ],
)
def test_line_with_a_syntax_error_causes_no_other_errors(text: str, tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(
        "net base\ngpus 2\ndefault conv stride=2\n[i] input 3x9x9\n[a] conv filters=4 kernel=3\n"
        "[b] fc outputs=4 gpu=1\n"
    )
    path = tmp_path / "v.net"
    path.write_text(text)
    assert [found[0] for found in diagnostics(path)] == ["syntax"]


def test_variant_of_itself_or_of_a_too_long_chain_is_an_error(tmp_path: Path) -> None:
    itself = tmp_path / "v.net"
    itself.write_text("net v from=v.net\n")
    assert message(itself) == ("starting from v.net leads back here", ("v.net starts from itself",))
    for number in range(20):
        (tmp_path / f"n{number}.net").write_text(f"net n from=n{number + 1}.net\n")
    assert message(tmp_path / "n0.net") == ("more than 16 files start from one another", ())
