"""The program around the commands: the list of commands, what is imported when, and how it exits."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from places import ROOT
from processes import invoke, netspec, python

from netspec.cli import _first_line, _without_traceback, main

COMMANDS = ROOT / "netspec" / "cli"
HEAVY = ("torch", "numpy", "rich", "lark", "jinja2", "PIL")


def commands() -> list[str]:
    """Return the commands' names, independently of how the program finds them."""
    files = [path for path in COMMANDS.glob("*.py") if path.stem not in ("__init__", "common")]
    with_command = [path for path in files if "\ndef command(" in path.read_text("utf-8")]
    return sorted(path.stem.rstrip("_").replace("_", "-") for path in with_command)


def listed(text: str) -> list[str]:
    """Return the names in the list of commands of a help text."""
    rows = text.partition("Commands:\n")[2].splitlines()
    return [row.split()[0] for row in rows if row.startswith("  ") and not row.startswith("   ")]


def test_help_lists_all_commands_without_importing_them() -> None:
    done = netspec("--help", blocked=HEAVY)
    assert (done.returncode, done.stderr) == (0, "")
    assert listed(done.stdout) == commands()
    assert {"check", "summary"} <= set(commands())


def test_command_imports_no_other_command() -> None:
    names = [name.replace("-", "_") for name in commands() if name != "check"]
    ask = (
        "import sys; from netspec.cli import main; main(['check', 'specs/alexnet.net'], standalone_mode=False);"
        f"print([name for name in {names} if f'netspec.cli.{{name}}' in sys.modules])"
    )
    assert python("-c", ask).stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = netspec(name, "--help")
    assert done.returncode == 0
    assert f"netspec {name}" in done.stdout.partition("Example")[2]


@pytest.mark.parametrize("name", commands())
def test_every_option_has_help(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
    assert [option.opts[0] for option in options if not option.help] == []


@pytest.mark.parametrize("name", commands())
def test_every_command_has_a_quiet_option(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert any({"-q", "--quiet"} <= {*option.opts} for option in command.params)


@pytest.mark.parametrize("name", sorted({*commands()} - {"explain", "fmt", "import", "lsp", "pack"}))
def test_commands_that_load_a_network_have_common_options(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = {opt for each in command.params if isinstance(each, click.Option) for opt in each.opts}
    assert {"--input", "--set", "--params", "--dialect", "--history"} <= options


def test_short_help_is_the_first_line_of_the_docstring() -> None:
    text = '"""The module."""\n@decorated\ndef command():\n    """Draw the network.\n\n    More.\n    """\n'
    assert _first_line(ast.parse(text)) == "Draw the network"
    assert _first_line(ast.parse('"""Draw it."""\ncommand = made()\n')) == "Draw it"
    assert _first_line(ast.parse('"""Helpers."""\ndef commands():\n    pass\n')) is None


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("chekc", "check"),
        ("sumary", "summary"),
        ("CHECK", "check"),
        ("compare", "diff"),
        ("resume", "train --resume"),
        ("fix", "check --fix"),
    ],
)
def test_misspelt_command_gets_a_suggestion(typed: str, near: str) -> None:
    done = netspec(typed, "specs/alexnet.net")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"there is no command '{typed}'; did you mean '{near}'?" in done.stderr


@pytest.mark.parametrize(
    ("command", "typed", "hint"),
    [
        ("train", "--epoch", "Did you mean '--epochs'?"),
        ("train", "--lr", "A spec says it: --set 'train.optimizer=sgd(lr=..., ...)'"),
        ("summary", "--weight-decay", "A spec says it: --set 'train.optimizer=sgd(weight_decay=..., ...)'"),
        ("train", "--schedule", "A spec says it: --set train.schedule=..."),
        ("plan", "--crop", "A spec says it: --set augment.crop=..."),
        ("train", "--output", "Did you mean '--out'?"),
        ("export", "--out", "Did you mean '--output'?"),
        ("compile", "--format", "Did you mean '--to'?"),
        ("summary", "--to", "Did you mean '--format'?"),
        ("import", "--solver", "Did you mean '--params'?"),
        ("eval", "-o", "The result goes to standard output: > FILE"),
        ("fmt", "--output", "Specs are laid out in place; - is standard input, laid out on standard output"),
        ("check-data", "--data", "It is an argument here: netspec check-data SOURCE"),
        ("predict", "--images", "It is an argument here: netspec predict RUN IMAGE..."),
        ("predict", "--data", "It is an option of eval, train"),
        ("summary", "--gpus", "It is an option of plan, train, verify"),
        ("explain", "--format", None),
        ("explain", "--momentum", None),
        ("lsp", "-o", None),
        ("fmt", "--lr", "A spec says it: --set 'train.optimizer=sgd(lr=..., ...)'"),
        ("train", "--zzz", None),
        ("train", "-z", None),
    ],
)
def test_unknown_option_gets_a_suggestion(command: str, typed: str, hint: str | None) -> None:
    done = netspec(command, typed, "1")
    assert done.returncode == 2
    message = f"Error: No such option '{typed}'."
    assert done.stderr.splitlines()[-1] == (f"{message} {hint}" if hint else message)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("train a.net photos", "--data photos"),
        ("check-data digits a.net", "--net a.net"),
        ("check-data a.net digits", "digits --net a.net"),
        ("export runs/a a.safetensors", "-o a.safetensors"),
        ("filters runs/a a.png", "-o a.png"),
        ("pack photos packed", "-o packed"),
        ("import a.cfg a.net", "-o a.net"),
        ("import a.cfg params.cfg", "--params params.cfg"),
        ("compile a.net a.py", "-o a.py"),
        ("compile a.net onnx", "--to onnx"),
        ("compile a.net b.net", None),
        ("draw a.net conv1.stride=2", "--set conv1.stride=2"),
        ("draw a.net 3x8x8", "--input 3x8x8"),
        ("draw a.net b.net", None),
        ("plan a.net 2", "--gpus 2"),
        ("plan a.net --gpus 2 4", None),
        ("train a.net --data photos runs/a", "-o runs/a"),
        ("train a.net b.net", None),
        ("diff a.net b.net c.net", "netspec summary A B C"),
    ],
)
def test_superfluous_argument_suggests_an_option(words: str, meant: str | None) -> None:
    done = netspec(*words.split())
    assert done.returncode == 2
    message = done.stderr.splitlines()[-1]
    assert message.startswith(("Error: Got unexpected extra argument (", "Error: Missing option '-o'"))
    assert message.partition("Did you mean ")[2] == (f"'{meant}'?" if meant else "")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("check a.net conv1.stride=2", "--set conv1.stride=2"),
        ("summary a.net 3x8x8", "--input 3x8x8"),
        ("summary a.net markdown", "--format markdown"),
        ("fmt 3x8x8 a.net", "--input 3x8x8"),
    ],
)
def test_value_of_an_option_among_files_suggests_the_option(words: str, meant: str) -> None:
    done = netspec(*words.split())
    (value,) = {*words.split()} & {*meant.split()}
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == f"Error: '{value}' is not a file. Did you mean '{meant}'?"


def test_file_with_the_name_of_a_value_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("3x8x8").write_text("[image] input 3x8x8\n[f] fc outputs=2\n")
    done = invoke("check", "3x8x8")
    assert (done.exit_code, done.stdout) == (0, "3x8x8: correct\n")


@pytest.mark.parametrize("typed", ["zzzzz", "common", "__init__", "../check", "cli.check", ""])
def test_unknown_command_is_refused(typed: str) -> None:
    done = netspec(typed)
    assert done.returncode == 2
    assert f"there is no command '{typed}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_command_lists_the_commands() -> None:
    done = netspec()
    assert done.returncode == 2
    assert listed(done.stderr) == commands()


def test_version_is_that_of_the_distribution() -> None:
    assert netspec("--version").stdout == f"netspec, version {version('netspec-compiler')}\n"


def test_installed_command_equals_the_module() -> None:
    installed = Path(sys.executable).with_name("netspec")
    done = subprocess.run([installed, "--help"], capture_output=True, text=True)
    assert done.stdout == netspec("--help", own=True).stdout


@pytest.mark.many
@pytest.mark.parametrize("arguments", [("summary", "specs/alexnet.net", "--format", "json"), ("check", "--help")])
def test_closed_pipe_gives_no_traceback(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "netspec", *arguments], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.many
@pytest.mark.parametrize("command", ["summary", "check"])
def test_closed_standard_output_gives_no_traceback(command: str) -> None:
    run = ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "netspec", command, "specs/lenet.net"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
@pytest.mark.parametrize("arguments", [("--help",), ("check", "specs/lenet.net")])
def test_full_device_gives_no_traceback(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        run = [sys.executable, "-m", "netspec", *arguments]
        result = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert result.returncode == 2
    assert result.stderr == "Error: cannot write to standard output: No space left on device\n"


def test_closed_standard_input_is_read_as_empty() -> None:
    run = ["sh", "-c", '"$@" <&-', "sh", sys.executable, "-m", "netspec", "check", "-"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[empty-spec]: this file has no layers\n --> <stdin>:1:1\n")


def test_missing_library_is_named() -> None:
    gone = "import sys; sys.modules['lark'] = None; from netspec.cli import main; main(['check', 'specs/alexnet.net'])"
    done = python("-c", gone)
    assert (done.returncode, done.stderr) == (2, "Error: this command needs lark, which is not installed\n")


@pytest.mark.ci
@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "specs/digits.net"], ["train", "specs/digits.net", "--data", "digts"], ["train", "--resume", "nope"],
        ["eval", "nope"], ["predict", "nope", "cat.jpg"], ["export", "nope", "-o", "x.safetensors"],
    ],
)  # fmt: skip
def test_missing_name_is_reported_without_importing_torch(arguments: list[str]) -> None:
    done = netspec(*arguments, blocked=["torch"])
    assert done.returncode == 2
    assert done.stderr.startswith(("Error: there is no ", "Error: --data is missing"))


@pytest.mark.many
@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "LONG"], ["eval", "LONG"], ["predict", "LONG", "cat.jpg"], ["filters", "LONG", "-o", "x.png"],
        ["train", "--resume", "LONG"], ["train", "specs/digits.net", "--data", "digits", "--out", "LONG"],
        ["train", "specs/digits.net", "--data", "LONG"], ["pack", "LONG", "-o", "x"],
        ["compile", "specs/digits.net", "--to", "onnx", "--weights", "LONG"],
    ],
)  # fmt: skip
def test_too_long_file_name_gives_no_traceback(arguments: list[str]) -> None:
    long = "x" * 300
    done = netspec(*[long if argument == "LONG" else argument for argument in arguments])
    assert done.returncode == 2
    assert done.stderr.startswith((f"Error: {long}", f"Error: cannot open {long}"))
    assert done.stderr.endswith(": File name too long\n")


def test_os_error_is_reported_with_file_names_and_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.touch()
    folder.mkdir()
    with click.Context(main) as ctx:
        with pytest.raises(click.exceptions.Exit) as end, _without_traceback(ctx):
            (file / "below").mkdir()
        with pytest.raises(click.exceptions.Exit), _without_traceback(ctx):
            file.rename(folder)
    assert end.value.exit_code == 2
    assert capsys.readouterr().err == (
        f"Error: {file / 'below'}: Not a directory\nError: {file} -> {folder}: Is a directory\n"
    )


def test_characters_outside_the_encoding_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where output to a file or another program uses the locale's 8-bit encoding."""
    spec = tmp_path / "猫.net"
    spec.write_text("[image] input 4\n[fc1] fc outputs=3\n", "utf-8")
    monkeypatch.setenv("PYTHONIOENCODING", "cp1252")
    done = python("-c", f"from netspec.cli import main; main(['check', {str(spec)!r}])")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path}/\\u732b.net: correct\n"
