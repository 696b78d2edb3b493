"""``netspec check --fix``: what is corrected, what is not, and what stays unchanged in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from processes import invoke

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.solve.fixing import apply_fixes
from netspec.source import Source, Span

MISSPELT = (
    b"[image] input 3x227x227\r\n[conv1] conv filters=96 kernal=11 stride=4  # as printed\r\n[p] maxpol kernel=3\r\n"
)


def check(*args: str) -> Result:
    return invoke("check", *args)


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.net"
    path.write_bytes(MISSPELT)
    return path


def test_fix_corrects_misspelt_words_only(draft: Path) -> None:
    result = check("--fix", str(draft))
    assert draft.read_bytes() == MISSPELT.replace(b"kernal", b"kernel").replace(b"maxpol", b"maxpool")
    assert "write kernel" in result.output and "write maxpool" in result.output


def test_remaining_errors_are_reported(draft: Path) -> None:
    result = check("--fix", str(draft))
    assert result.exit_code == 1  # 55 does not tile by 3
    assert "error[window-does-not-tile]" in result.output and "error[unknown" not in result.output


def test_fix_without_a_code_makes_no_choices(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[image] input 3x224x224\n[c] conv filters=96 kernel=11 stride=4\n")
    before = path.read_bytes()
    assert check("--fix", str(path)).exit_code == 1
    assert path.read_bytes() == before


def test_option_that_would_apply_other_fixes_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[image] input 3x8x8\n[c] conv filters=2 kernel_size=3\n")
    result = check("--fix", str(path))
    way = "to apply the first fix of each mistake above: --fix=unknown-key"
    assert result.exit_code == 1 and way in result.output and "kernel_size" in path.read_text()
    applied = check("--fix=unknown-key", str(path))
    assert applied.exit_code == 0 and " kernel=3" in path.read_text() and "changes nothing" not in applied.output
    assert way not in check("--fix", str(path)).output


def test_fix_with_a_code_applies_its_first_fix(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[image] input 3x224x224\n[c] conv filters=96 kernel=11 stride=4 -> 96x55x55\n")
    assert check("--fix=window-does-not-tile", str(path)).exit_code == 0
    assert path.read_text().startswith("[image] input 3x227x227\n")


def test_several_codes_are_fixed_by_one_command(tmp_path: Path) -> None:
    """The codes that ``--fix`` names can be given together, as it prints them."""
    path = tmp_path / "a.net"
    path.write_text("[image] input 3x227x227\n[c] conv 96 11 stride=4\n[f] dense outputs=2\n[d] dropuot\n")
    result = check("--fix", str(path))
    ways = result.output.rpartition("above: ")[2].split()
    assert ways == ["--fix=stray-value", "--fix=unknown-type"]
    assert "[f] dense" in path.read_text() and "[d] dropout" in path.read_text()
    result = check(*ways, str(path))
    assert result.exit_code == 0, result.output
    assert path.read_text().splitlines()[1:3] == ["[c] conv filters=96 kernel=11 stride=4", "[f] fc outputs=2"]


def test_added_line_has_the_files_line_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    lines = ("[image] input 3x8x8", "[f] fc outputs=2", "[prob] softmax", "[s] sumsquares inputs=f", "")
    path.write_bytes("\r\n".join(lines).encode())
    result = check("--fix=no-class-loss", str(path))
    assert result.exit_code == 0, result.output
    added = ("[loss] crossentropy inputs=f", "[prob] softmax inputs=f")
    assert path.read_bytes() == "\r\n".join([*lines[:2], *added, *lines[3:]]).encode()


def test_correct_file_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[image] input 3x8x8\n[r] relu\n")
    path.chmod(0o444)
    stamp = path.stat().st_mtime_ns
    assert check("--fix", str(path)).exit_code == 0
    assert path.stat().st_mtime_ns == stamp


def test_fix_of_a_variant_leaves_its_base(tmp_path: Path) -> None:
    base, variant = tmp_path / "base.net", tmp_path / "v.net"
    base.write_text("net base\n[image] input 3x8x8\n[c] conv filters=4 kernel=3\n")
    variant.write_text("net v from=base.net\n[c] strid=1\n")
    before = base.read_bytes()
    assert check("--fix", str(variant)).exit_code == 0
    assert "stride=1" in variant.read_text()
    assert base.read_bytes() == before


def test_standard_input_cannot_be_fixed() -> None:
    for option in ("--fix", "--fix=cycle"):
        result = check(option, "-")
        assert (result.exit_code, result.stderr) == (
            2,
            "Error: --fix changes files, so it cannot read standard input\n",
        )


def test_unknown_code_is_a_usage_error(draft: Path) -> None:
    result = check("--fix=unkown-key", str(draft))
    assert (result.exit_code, draft.read_bytes()) == (2, MISSPELT)
    assert "there is no diagnostic called 'unkown-key'; did you mean 'unknown-key'?" in result.output


def test_reason_is_given_if_a_code_fixes_nothing(tmp_path: Path) -> None:
    base, variant = tmp_path / "base.net", tmp_path / "v.net"
    base.write_text("net base\n[image] input 3x8x8\n[c] conv filters=4 kernel=3 strid=1\n")
    variant.write_text("net v from=base.net\n")
    before = base.read_bytes()
    result = check("--fix=unknown-key", str(variant))
    assert (result.exit_code, base.read_bytes()) == (1, before)
    assert f"'write stride' changes {base}, and only {variant} may be changed here" in result.output
    assert result.output.count("changes nothing") == 1
    result = check("--fix=cycle", str(variant))
    assert f"{variant}: --fix=cycle changes nothing: there is no cycle in it\n" in result.stderr
    assert "changes nothing" not in check("--fix=cycle", "--quiet", str(variant)).output


def test_first_fix_that_changes_this_file_is_applied() -> None:
    base, root = Source("base.net", "abc"), Source("v.net", "xyz")
    fixes = (Fix("other", (Edit(Span(base, 0, 1), "B"),)), Fix("own", (Edit(Span(root, 0, 1), "V"),)))

    def found(source: Source) -> tuple[Diagnostic, ...]:
        return (Diagnostic("cycle", "wrong", (Span(root, 0, 1),), fixes=fixes),) if source is root else ()

    result = apply_fixes(root, found, "cycle")
    assert (result.source.text, [fix.title for _, fix in result.applied], result.unfixed) == ("Vyz", ["own"], ())


def test_word_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    """Which of the two values is meant, only the user knows. Other misspelt words are corrected all the same."""
    path = tmp_path / "a.net"
    path.write_text("[i] input 3x8x8\n[c] conv filters=2 kernel=3 kernal=5\n[d] conv filtres=2 kernl=3 kernal=3\n")
    result = check("--fix", str(path))
    assert path.read_text().splitlines()[1:] == [
        "[c] conv filters=2 kernel=3 kernal=5",
        "[d] conv filters=2 kernel=3 kernal=3",
    ]
    assert (result.exit_code, result.output.count("error[unknown-key]")) == (1, 2)


@pytest.mark.parametrize(
    ("text", "code", "checked"),
    [
        ("x y", None, ["x y", "X Y", "X Y"]),  # all spellings at once: the mistakes, the fixed text, and what remains
        ("x y", "cycle", ["x y", "X y", "X y", "X Y", "X Y"]),  # the first mistake of the chosen code, then the next
        ("xy", None, ["xy", "Xy", "Xy", "XY", "XY"]),  # edits that touch are not made at once
    ],
)
def test_which_fixes_are_applied_at_once(text: str, code: str | None, checked: list[str]) -> None:
    found = []

    def mistakes(source: Source) -> list[Diagnostic]:
        found.append(source.text)
        places = [(i, letter) for i, letter in enumerate(source.text) if letter.islower()]
        return [
            Diagnostic("cycle", letter, (at,), fixes=(Fix(letter, (Edit(at, letter.upper()),), spelling=True),))
            for i, letter in places
            for at in (Span(source, i, i + 1),)
        ]

    assert apply_fixes(Source("a.net", text), mistakes, code).source.text == text.upper()
    assert found == checked


def test_several_codes_are_separated_by_commas(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text("[i] input 3x8x8\n[c] conv filters=2 kernel=3 padding=1\n[p] maxpool 2\n")
    result = check("--fix=unknown-key,stray-value", str(path))
    assert (result.exit_code, path.read_text().splitlines()[1:]) == (
        0,
        ["[c] conv filters=2 kernel=3 pad=1", "[p] maxpool kernel=2"],
    )
    assert "there is no diagnostic called 'stray'" in check("--fix=unknown-key,stray", str(path)).output
