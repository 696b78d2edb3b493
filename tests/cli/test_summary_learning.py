"""``netspec summary --learning``: how the weights and biases of each layer are initialised and updated."""

from __future__ import annotations

import csv
import io
import json

import pytest
from click.testing import CliRunner, Result

from netspec.cli import main


def run(*arguments: str, text: str) -> Result:
    result = CliRunner().invoke(main, arguments, input=text)
    assert (result.exit_code, result.stderr) == (0, "")
    return result


def test_learning_option_lists_weights_and_biases() -> None:
    text = (
        "[image] input 3x8x8\n"
        "[a] conv filters=4 kernel=3 init=he bias=0.5 lr=0.3 schedule=linear(factor=0) max_norm=2\n"
        "[b] conv filters=4 kernel=3 pad=1 init=gaussian(0.1) bias=none\n[c] conv filters=4 kernel=3 pad=1 weights=b\n"
        "[d] fc outputs=2 init=torch bias_lr_mult=2\n"
        "train epochs=3 batch=4 optimizer=sgd(lr=0.1, momentum=0.8, weight_decay=0.01) schedule=step(every=2)\n"
    )
    header, *rows = csv.reader(io.StringIO(run("summary", "-", "--learning", "--format", "csv", text=text).stdout))
    step = "step(every=2, factor=0.1)"
    assert header == ["parameter", "shape", "numbers", "begins as", "lr", "momentum", "decay", "schedule", "more"]
    assert rows == [  # he: sqrt(2 / 27); torch: 1 / sqrt(144)
        ["a.weight", "4x3x3x3", "108", "gaussian(0.272165527)", "0.3", "0.8", "0.01", "linear(factor=0)", "max_norm=2"],
        ["a.bias", "4", "4", "constant(0.5)", "0.3", "0.8", "0", "linear(factor=0)", ""],
        ["b.weight", "4x4x3x3", "144", "gaussian(0.1)", "0.1", "0.8", "0.01", step, ""],
        ["c.bias", "4", "4", "constant(0)", "0.1", "0.8", "0", step, ""],
        ["d.weight", "2x144", "288", "uniform(0.0833333333)", "0.1", "0.8", "0.01", step, ""],
        ["d.bias", "2", "2", "constant(0)", "0.2", "0.8", "0", step, ""],
    ]
    done = run("summary", "-", "--learning", text=text)
    assert "3 epochs in batches of 4 images" in done.stdout and "the weights of b are also those of c" in done.stdout
    limited = run("summary", "-", "--learning", text=text.replace("epochs=3", "clip_gradients=norm(2)")).stdout
    assert "10 epochs in batches of 4 images, gradients limited to norm(2)" in limited
    by_steps = text.replace("epochs=3", "steps=60")
    assert "60 steps in batches of 4 images" in run("summary", "-", "--learning", text=by_steps).stdout
    summary = json.loads(run("summary", "-", "--learning", "--format", "json", text=text).stdout)
    assert [[p["parameter"] for p in layer["learning"]] for layer in summary["layers"]] == [
        [], ["a.weight", "a.bias"], ["b.weight"], ["c.bias"], ["d.weight", "d.bias"],
    ]  # fmt: skip
    assert summary["layers"][1]["learning"][0] == {
        "parameter": "a.weight", "shape": [4, 3, 3, 3], "init": "gaussian(0.272165527)", "lr": 0.3, "momentum": 0.8,
        "decay": 0.01, "schedule": "linear(factor=0)", "max_norm": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "rule"),
    [
        ("sgd(nesterov=yes)", "an update is v <- momentum v - decay lr w - lr g, then w <- w + momentum v -"),
        ("adam(beta1=0.8)", "adam(beta1=0.8, beta2=0.999, eps=1e-08): update t, from 1, is g <- g + decay w, m <-"),
        ("adamw", "adamw(beta1=0.9, beta2=0.999, eps=1e-08): update t, from 1, is m <- beta1 m + (1 -"),
        (
            "rmsprop(eps_in_root=1, start=1)",
            "rmsprop(rho=0.9, momentum=0, eps_in_root=1, start=1): an update is g <- g + decay w, s <- rho s + (1 - "
            "rho) g^2 from s = start, v <- momentum v - lr g / sqrt(s + eps_in_root), then w <- w + v; the schedule "
            "changes lr",
        ),
        (
            "rmsprop(momentum=0.9, centered=yes)",
            "rmsprop(rho=0.9, momentum=0.9, eps=1e-08, start=0, centered=yes): an update is g <- g + decay w, s <- rho "
            "s + (1 - rho) g^2 from s = start, m <- rho m + (1 - rho) g, v <- momentum v - lr g / (sqrt(s - m^2) + "
            "eps), then w <- w + v; the schedule changes lr",
        ),
        (
            "adagrad(start=0.1)",
            "adagrad(eps=1e-08, start=0.1): an update is g <- g + decay w, s <- s + g^2 from s = start, then w <- w - "
            "lr g / (sqrt(s) + eps)",
        ),
        ("adadelta", "adadelta(rho=0.95, eps=1e-06): an update is g <- g + decay w, s <- rho s + (1 - rho) g^2, d <-"),
        (
            "lars(trust=0.02)",
            "lars(momentum=0.9, trust=0.02, eps=1e-08, adapt=weights): an update is r = trust |w| / (|g| + decay |w| +"
            " eps), v <- momentum v - lr r (g + decay w), then w <- w + v; the schedule changes lr",
        ),
        ("lamb(adapt=all)", "lamb(beta1=0.9, beta2=0.999, eps=1e-06, adapt=all): update t, from 1, is m <- beta1 m"),
    ],
)  # fmt: skip
def test_learning_option_states_the_update_rule(optimizer: str, rule: str) -> None:
    text = f"[image] input 8\n[a] fc outputs=4 lr=0.5\ntrain optimizer={optimizer}"
    done = run("summary", "-", "--learning", text=text).stdout
    assert any(line.startswith(rule) for line in done.splitlines()) or rule in " ".join(done.split()), done
    (_, a) = json.loads(run("summary", "-", "--learning", "--format", "json", text=text).stdout)["layers"]
    has_momentum = optimizer.startswith(("sgd", "rmsprop", "lars"))
    assert ("momentum" in done.splitlines()[1]) == ("momentum" in a["learning"][0]) == has_momentum
    assert a["learning"][0]["lr"] == 0.5
