"""``netspec import``, and other commands that read layer files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from processes import netspec

from netspec import load

DATA = "# an example\n[data]\ntype=data\ndataIdx=0\n\n[labels]\ntype=data\ndataIdx=1\n\n"
CONV = (
    "[conv{0}]\ntype=conv\ninputs=data\nchannels=3\nfilters=16\nfilterSize=5\nstride=2\ninitW=0.01\npartialSum=0\n"
    "neuron=relu\ngpu={1}\n\n"
)
OUT = (
    "[fc10]\ntype=fc\ninputs=conva,convb\noutputs=10\ninitW=0.1,0.1\ngpu=0\n\n[probs]\ntype=softmax\ninputs=fc10\n\n"
    "[logprob]\ntype=cost.logreg\ninputs=labels,probs\ngpu=0\n"
)
RATES = "epsW={0}\nepsB=0.02\nmomW={1}\nmomB=0.9\nwc={2}\n"
PARAMS = (
    f"[conva]\n{RATES.format(0.01, 0.9, 0.1)}[convb]\n{RATES.format(0.01, 0.9, 0.1)}"
    f"[fc10]\n{RATES.format('0.01,0.01', '0.9,0.9', '0.1,0.1')}[logprob]\ncoeff=1\n# error 0.1234\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "net.cfg").write_text(DATA + CONV.format("a", 0) + CONV.format("b", 1) + OUT)
    (tmp_path / "params.cfg").write_text(PARAMS)
    return tmp_path


SHAPED = ("--input", "3x32x32")


def test_layer_file_becomes_a_spec(files: Path) -> None:
    done = netspec("import", files / "net.cfg", "--params", files / "params.cfg", *SHAPED, "-o", files / "net.net")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wrote {files / 'net.net'}\n", "")
    text = (files / "net.net").read_text()
    assert text.startswith("# Imported from net.cfg and params.cfg.\n# an example\n")
    assert "# error 0.1234" in text and "filters=32" in text
    assert netspec("check", "--strict", files / "net.net").returncode == 0
    same = netspec("diff", "-q", files / "net.cfg", files / "net.net", "--params", files / "params.cfg", *SHAPED)
    assert (same.returncode, same.stderr) == (0, "")


def test_name_of_a_file_stays_on_the_line_of_its_comment(files: Path) -> None:
    for name in ("net", "params"):
        (files / f"{name}.cfg").rename(files / f"{name}\nfc.cfg")
    done = netspec("import", files / "net\nfc.cfg", "--params", files / "params\nfc.cfg", *SHAPED, "-q", "-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert "# Imported from net fc.cfg and params fc.cfg.\n" in done.stdout and "# In params fc.cfg:\n" in done.stdout


def test_quiet_option_keeps_warnings(files: Path) -> None:
    done = netspec("import", files / "net.cfg", "-q", "-o", files / "net.net")
    assert (done.returncode, done.stdout) == (0, "") and "warning[cfg-input-shape]" in done.stderr


def test_changes_of_keys_are_written_into_the_spec(files: Path) -> None:
    changes = ("--set", "conv.stride=1", "--set", "train.batch=64")
    done = netspec("import", files / "net.cfg", "-q", *SHAPED, *changes, "-o", files / "net.net")
    assert (done.returncode, done.stdout) == (0, "")
    text = (files / "net.net").read_text()
    assert text.startswith("# Imported from net.cfg.\n# an example\n")
    assert "stride=1" in text and "batch=64" in text
    assert load(files / "net.net")["conv"].output == (32, 28, 28)  # 32 - 5 + 1
    wrong = netspec("import", files / "net.cfg", "-q", *SHAPED, "--set", "conv.strid=1", "-o", files / "other.net")
    assert wrong.returncode == 1 and "unknown-key" in wrong.stderr and not (files / "other.net").exists()


def test_layer_file_from_standard_input_is_named_net(files: Path) -> None:
    done = netspec("import", "-", "-q", "-o", "-", *SHAPED, text=(files / "net.cfg").read_text())
    assert done.returncode == 0 and re.search(r"^net +net +rounding=up$", done.stdout, re.MULTILINE)


def test_load_reads_a_layer_file_with_parameters_and_changes(files: Path) -> None:
    noted = files / "noted.cfg"
    noted.write_text(PARAMS.replace("0.01", "0.001") + "# epoch 9: set epsw to 0.001 from 0.01\n# epoch 12: killed\n")
    shape = (3, 32, 32)
    net = load(files / "net.cfg", params=noted, input=shape, set=["conva.stride=1", "train.batch=64"])
    assert net["conva"].output == (16, 28, 28) and net.graph.train.batch == 64
    assert net.graph.parameters["conva.weight"].lr == 0.001
    initial = load(files / "net.cfg", params=noted, input=shape, history=True)
    assert (initial.graph.parameters["conva.weight"].lr, initial.graph.train.epochs) == (0.01, 12)
    with pytest.raises(TypeError, match="several"):
        load(files / "net.cfg", set="conva.stride=1")
    with pytest.raises(ValueError, match="'stride=1' is not a change"):
        load(files / "net.cfg", set=["stride=1"])
    with pytest.raises(ValueError, match="3 is not a change"):
        load(files / "net.cfg", set=[3])  # type: ignore[list-item]
    assert load(files / "net.cfg", set=(change for change in ("conva.stride=1",)), input=shape)["conva"].output[1] == 28


def test_load_refuses_params_and_history_where_they_do_not_apply(files: Path) -> None:
    spec = files / "a.net"
    spec.write_text("[image] input 3x8x8\n[f] fc outputs=2\n")
    with pytest.raises(
        ValueError, match=r"params='p.cfg' needs a layer file \(.cfg\) or a network of Caffe .*, and .*a.net is not one"
    ):
        load(spec, params="p.cfg")
    for file in (spec, files / "net.cfg"):
        with pytest.raises(ValueError, match="history=True needs params=: it reads the notes of the parameter file"):
            load(file, history=True)


def test_file_not_written_by_import_is_kept(files: Path) -> None:
    target = files / "net.net"
    target.write_text("net mine\n")
    done = netspec("import", files / "net.cfg", *SHAPED, "-o", target)
    assert done.returncode == 2 and target.read_text() == "net mine\n"
    target.unlink()
    for _ in range(2):
        assert netspec("import", "-q", files / "net.cfg", *SHAPED, "-o", target).returncode == 0


def test_summary_lists_all_layers_with_their_gpus(files: Path) -> None:
    done = netspec("summary", files / "net.cfg", "--format", "json", *SHAPED)
    layers = json.loads(done.stdout)["layers"]
    assert [(layer["name"], layer["gpu"], layer["output"], layer["parameters"]) for layer in layers] == [
        ("data", "all", [3, 32, 32], 0),
        ("conva", 0, [16, 15, 15], 1216),
        ("convb", 1, [16, 15, 15], 1216),
        ("fc10", 0, [10], 72010),
        ("probs", 0, [10], 0),
    ]


@pytest.mark.parametrize(
    "command",
    [("check",), ("summary", "-q"), ("plan", "-q"), ("draw", "-o", "-"), ("compile", "-o", "-")],
    ids=lambda command: command[0],
)
def test_commands_accept_layer_files_with_their_options(files: Path, command: tuple[str, ...]) -> None:
    change = ("--input", "3x28x28", "--set", "fc10.outputs=4")
    done = netspec(command[0], files / "net.cfg", *command[1:], "--params", files / "params.cfg", *change)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout


def test_layer_file_on_standard_input_is_recognised(files: Path) -> None:
    done = netspec("check", "-", *SHAPED, "--params", files / "params.cfg", text=(files / "net.cfg").read_text())
    assert (done.returncode, done.stdout) == (0, "<stdin>: correct\n")


def test_comments_in_old_encodings_are_read(files: Path) -> None:
    """Latin-1 and GBK, which cuda-convnet accepts; the spec is written as UTF-8."""
    layers = (files / "net.cfg").read_bytes()
    for comment in ("# für später".encode("latin-1"), "# 网络".encode("gbk")):
        (files / "net.cfg").write_bytes(comment + b"\n" + layers)
        done = netspec("import", files / "net.cfg", "--params", files / "params.cfg", *SHAPED, "-o", "-")
        assert done.returncode == 0, done.stderr
        assert comment.decode("latin-1").strip() in done.stdout


def test_set_option_changes_a_layer_file(files: Path) -> None:
    done = netspec("summary", files / "net.cfg", "--format", "json", *SHAPED, "--set", "conva.stride=1")
    assert json.loads(done.stdout)["layers"][1]["output"] == [16, 28, 28]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("net.cfg", b"\x89PNG\r\n\x1a\n\x00\xff", "not-text"),
        ("net.cfg", b"[a]\ntype=fc\n" * 900_000, "too-large-file"),
        ("net.cfg", DATA[:60].encode(), "missing-key"),
        ("params.cfg", b"[conv1]\nepsW=1\n", "cfg-unmatched-section"),
        ("params.cfg", b"\x00\xff", "not-text"),
    ],
)
def test_invalid_layer_or_parameter_file_is_an_error(files: Path, name: str, text: bytes, code: str) -> None:
    (files / name).write_bytes(text)
    done = netspec("check", files / "net.cfg", "--params", files / "params.cfg", *SHAPED)
    assert done.returncode == 1
    assert code in done.stderr and "Traceback" not in done.stderr


def test_missing_parameter_file_is_an_error(files: Path) -> None:
    done = netspec("summary", files / "net.cfg", "--params", files / "none.cfg", *SHAPED)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.cfg" in done.stderr


def test_parameter_files_match_layer_files_in_order(files: Path) -> None:
    (files / "fast.cfg").write_text(PARAMS.replace("epsB=0.02", "epsB=0.04"))
    params = ("--params", files / "params.cfg", "--params", files / "fast.cfg")
    found = netspec("diff", files / "net.cfg", files / "net.cfg", *params, *SHAPED)
    assert (found.returncode, found.stderr) == (0, "")
    assert "conv, fc10  bias_lr: 0.02 -> 0.04  training" in found.stdout
    (files / "other.net").write_text("[image] input 3x32x32\n[fc10] fc outputs=10\n[probs] softmax\n")
    checked = netspec("check", files / "other.net", files / "net.cfg", "--params", files / "params.cfg", *SHAPED)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_layer_file_is_recognised_by_its_content(files: Path) -> None:
    other = files / "layers_def"
    other.write_text("\n" * 100 + (files / "net.cfg").read_text())
    found = netspec("diff", files / "net.cfg", other, "--params", files / "params.cfg", *SHAPED)
    assert (found.returncode, found.stderr) == (0, "") and "the same network" in found.stdout
    (files / "draft").write_text("[image] input 3x32x32\n[fc10] fc outputs=10\n[probs] softmax\n")
    refused = netspec("check", files / "draft", "--params", files / "params.cfg")
    assert refused.returncode == 2 and "no layer file" in refused.stderr


@pytest.mark.parametrize(
    ("layer_files", "params", "message"),
    [
        (1, 2, "Error: there is no layer file (.cfg) or network of Caffe (.prototxt) that --params 1.cfg belongs to"),
        (0, 1, "Error: there is no layer file (.cfg) or network of Caffe (.prototxt) that --params 0.cfg belongs to"),
        (3, 2, "Error: 3 files take one --params each, or one for all; there are 2"),
    ],
)
def test_superfluous_parameter_files_are_refused(layer_files: int, params: int, message: str) -> None:
    names = [f"{number}.cfg" for number in range(max(layer_files, params))]
    options = [word for name in names[:params] for word in ("--params", name)]
    done = netspec("check", "net.net", *names[:layer_files], *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == message


def test_fmt_refuses_a_layer_file(files: Path) -> None:
    before = (files / "net.cfg").read_text()
    done = netspec("fmt", files / "net.cfg")
    assert (done.returncode, done.stdout) == (2, "")
    assert "it is a layer file of cuda-convnet, which netspec import writes as a spec" in done.stderr
    assert (files / "net.cfg").read_text() == before


NOTES = "# epoch 20: set epsw to 0.01 from 0.1\n# epoch 30: killed\n"


def test_history_option_restores_initial_rates(files: Path) -> None:
    (files / "params.cfg").write_text(PARAMS + NOTES)
    arguments = (files / "net.cfg", "--params", files / "params.cfg", *SHAPED)
    last = netspec("check", *arguments)
    assert last.returncode == 0 and "warning[cfg-last-state]: the file has the rates at the end of a run" in last.stderr
    done = netspec("import", *arguments, "--history", "-o", "-")
    assert done.returncode == 0 and "cfg-last-state" not in done.stderr
    assert "train    epochs=30  batch=128  optimizer=sgd(lr=0.1, momentum=0.9, weight_decay=0.1)" in done.stdout
    assert "schedule=steps(20, factor=0.1)" in done.stdout
    assert netspec("check", *arguments, "--history").stderr == done.stderr


def test_history_option_needs_notes_of_a_parameter_file(files: Path) -> None:
    done = netspec("import", files / "net.cfg", *SHAPED, "--history", "-o", "-")
    assert done.returncode == 2 and "--history reads the notes of a parameter file, and there is none" in done.stderr
    done = netspec("import", files / "net.cfg", "--params", files / "params.cfg", *SHAPED, "--history", "-o", "-")
    assert done.returncode == 1 and "error[cfg-no-history]" in done.stderr


def test_importing_a_spec_is_an_error(files: Path) -> None:
    (files / "own.net").write_text("[image] input 3x8x8\n[fc] fc outputs=2\n")
    done = netspec("import", files / "own.net")
    message = "is a spec already; compile --to cuda-convnet writes it as a layer file"
    assert (done.returncode, done.stderr) == (2, f"Error: {files / 'own.net'} {message}\n")
    done = netspec("import", files / "none.net")
    assert (done.returncode, done.stderr) == (
        2,
        f"Error: cannot open {files / 'none.net'}: No such file or directory\n",
    )
    (files / "net.cfg").rename(files / "layers.net")  # recognised by its content, not only by its name
    done = netspec("import", files / "layers.net", *SHAPED, "-o", "-")
    assert done.returncode == 0 and "conv" in done.stdout
