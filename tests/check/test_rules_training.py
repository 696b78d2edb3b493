"""Training settings: schedules that need the run's length, warm-up, the options of the train line, and learning values
of layers with several inputs."""

from __future__ import annotations

import pytest
from checking import codes, diagnostics_of, only_diagnostic, valid_net

from netspec.ir.schedules import (
    Cosine,
    DiscreteExponential,
    Exponential,
    Fixed,
    Inverse,
    JumpingExponential,
    Linear,
    OneCycle,
    Plateau,
    Polynomial,
    Restarts,
    Schedule,
    Sigmoid,
    Step,
    Steps,
    Warmup,
)
from netspec.ir.settings import Train
from netspec.keys import texts
from netspec.language.variants import apply
from netspec.net import loads

IMAGE = "[image] input 3x8x8\n"
TWO = "[image] input 8\n[a] fc outputs=4\n[b] fc outputs=4 inputs=image,a {}\n"
TRAIN = "train optimizer=sgd(lr=0.1, momentum=0.8, weight_decay=0.01)\n"


def train(keys: str) -> Train:
    return valid_net(f"train {keys}\n{IMAGE}").graph.train


def warnings(text: str) -> list[str]:
    return [d.code for d in loads(text).warnings]


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("dexp(0.004, 4)", DiscreteExponential(0.004, 4)),
        ("dexp(levels=1, factor=0.5)", DiscreteExponential(0.5, 1)),
        ("dexp(0.004, 4, noise=0.5)", DiscreteExponential(0.004, 4, 0.5)),
        ("dexp(250, 4)", DiscreteExponential(250, 4)),
        ("jdexp(2, 3, noise=1)", JumpingExponential(2, 3, 1.0)),
        ("jdexp(0.002, 5)", JumpingExponential(0.002, 5)),
        ("jdexp(factor=0.002, levels=5, noise=1)", JumpingExponential(0.002, 5, 1.0)),
        ("exponential(0.01, noise=2)", Exponential(0.01, 2.0)),
        ("linear(1, noise=1)", Linear(1.0, 1.0)),
        ("steps(25, 51, freeze=72)", Steps((25, 51), 0.1, 72)),
        ("steps(freeze=1)", Steps((), 0.1, 1)),
        ("linear(0)", Linear(0.0)),
        ("linear(factor=100)", Linear(100.0)),
        ("cosine", Cosine(0.0)),
        ("cosine(0.01)", Cosine(0.01)),
        ("step(every=2.4, factor=0.97)", Step(0.97, 2.4)),
        ("step(2.0)", Step(0.1, 2)),
        ("restarts(10)", Restarts(10, 1, 0.0)),
        ("restarts(2000, mult=2, factor=0.01, unit=steps)", Restarts(2000, 2, 0.01, "steps")),
        ("sigmoid(gamma=-0.001, center=5000)", Sigmoid(-0.001, 5000)),
        ("onecycle", OneCycle(0.3, 0.04, 4e-6, 2, "cosine")),
        ("onecycle(0.45, 0.1, 0.001, 3, linear)", OneCycle(0.45, 0.1, 0.001, 3, "linear")),
        ("exponential(1000)", Exponential(1000.0)),
    ],
)
def test_schedules_over_the_whole_run_are_read(written: str, schedule: Schedule) -> None:
    assert train(f"schedule={written}").schedule == schedule


@pytest.mark.parametrize(
    "written",
    [
        "dexp(0.004)",
        "dexp(0.004, 0)",
        "dexp(1e39, 4)",
        "dexp(0, 4)",
        "linear",
        "linear(-1)",
        "cosine(2)",
        "step(30, factor=10)",
        "steps(30, factor=10)",
        "plateau(factor=10)",
        "exponential(1e39)",
        "linear(1, noise=-1)",
        "cosine(0, noise=1)",
        "jdexp(4e38, 4)",
        "jdexp(0.004)",
        "steps(25, 51, freeze=51)",
        "steps(freeze=0)",
        "steps(25, factor=0)",
        "linear(1e39)",
    ],
)
def test_too_large_factors_are_errors(written: str) -> None:
    """Factors of a step are at most 1; only schedules over the whole run may raise the rate."""
    assert codes(f"train schedule={written}\n{IMAGE}") == ["bad-value"]


def schedules(keys: str, train: str, kind: str = "fc outputs=4") -> tuple[Schedule, Schedule]:
    """Return the schedules of the weights and the biases of a layer with these keys."""
    graph = valid_net(f"[image] input 8\n[a] {kind} {keys}\ntrain {train}\n").graph
    weight, bias = graph.parameters.values()
    return graph.schedule_of(weight), graph.schedule_of(bias)


def test_update_every_must_divide_the_parts_of_a_batch() -> None:
    """Otherwise there is one message for each line, with the numbers."""
    text = "[image] input 8\ndefault fc update_every=3\n[a] fc outputs=4\n[b] fc outputs=4\n[c] fc outputs=4 {}\n"
    assert [d.message for d in diagnostics_of(text.format("update_every=4") + "train batch=126 accumulate=6")] == [
        "c cannot be updated after every 4 parts of a batch in 6 parts"
    ]
    assert [d.message for d in diagnostics_of(text.format("update_every=2"))] == [
        "a cannot be updated after every 3 parts of a batch in 1 part",
        "c cannot be updated after every 2 parts of a batch in 1 part",
    ]
    found = valid_net(text.format("update_every=6") + "train batch=126 accumulate=6").graph.parameters
    assert [p.update_every for p in found.values()] == [3, 3, 3, 3, None, None]


COSINE, LINE = "schedule=cosine", "schedule=cosine bias_schedule=linear(0.5)"


@pytest.mark.parametrize(
    ("keys", "line", "expected"),
    [
        ("", "", (Fixed(), Fixed())),
        ("", COSINE, (Cosine(0.0), Cosine(0.0))),
        ("", LINE, (Cosine(0.0), Linear(0.5))),
        ("", "schedule=plateau bias_schedule=constant", (Plateau(0.1, 3, 5, 1e-3), Fixed())),
        ("schedule=constant", COSINE, (Fixed(), Fixed())),  # by default the biases follow the weights
        ("schedule=constant", LINE, (Fixed(), Linear(0.5))),  # but not if the train line has a schedule for biases
        ("bias_schedule=constant", COSINE, (Cosine(0.0), Fixed())),
        ("bias_schedule=constant", LINE, (Cosine(0.0), Fixed())),
        ("schedule=steps(2) bias_schedule=steps(3)", LINE, (Steps((2,), 0.1), Steps((3,), 0.1))),
    ],
)
def test_layer_schedule_overrides_the_train_line(keys: str, line: str, expected: tuple[Schedule, Schedule]) -> None:
    assert schedules(keys, line) == expected
    assert schedules(keys, line, "batchnorm") == expected


def test_default_lines_and_inputs_can_have_schedules() -> None:
    found = valid_net(TWO.format("schedule=cosine,constant") + "default fc schedule=linear(0)\n").graph
    parameters = {key: found.schedule_of(p) for key, p in found.parameters.items()}
    assert parameters == {
        "a.weight": Linear(0.0), "a.bias": Linear(0.0),
        "b.weights.0": Cosine(0.0), "b.weights.1": Fixed(), "b.bias": Cosine(0.0),
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "[image] input 8\n[a] fc outputs=4 schedule=plateau(factor=0.1)\n",
        "[image] input 8\n[a] fc outputs=4 bias_schedule=plateau\n",
        "default fc schedule=plateau\n[image] input 8\n[a] fc outputs=4\n",
        "[image] input 8\n[a] fc outputs=4\ntrain bias_schedule=plateau\n",
    ],
)
def test_plateau_of_a_layer_is_an_error(text: str) -> None:
    found = only_diagnostic(text)
    assert found.code == "bad-value" and found.span.text.startswith("plateau")
    assert found.notes == (
        "plateau depends on the validation error of the whole net: schedule=plateau on the train line applies to all "
        "weights and biases that have no schedule of their own",
        "if the epochs are known beforehand, use steps(25, 51, 79, factor=0.1)",
    )


def test_misspelt_schedule_gets_a_suggestion() -> None:
    found = only_diagnostic("[image] input 8\n[a] fc outputs=4 schedule=jdxp(0.1, 4)\n")
    assert found.message == "schedule: 'jdxp' is unknown; did you mean jdexp?"


def test_schedule_without_weights_or_biases_has_no_effect() -> None:
    text = "[image] input 8\n[a] fc outputs=8\n[b] fc outputs=8 weights=a {}\n[c] fc outputs=8 bias=none {}\n"
    assert warnings(text.format("bias=none schedule=cosine", "bias_schedule=cosine")) == ["no-effect", "no-effect"]
    assert warnings(text.format("schedule=cosine", "schedule=cosine")) == []  # of b's biases
    assert warnings(text.format("bias_schedule=cosine", "schedule=cosine")) == []


def test_freeze_before_the_last_step_is_an_error() -> None:
    found = only_diagnostic(f"train schedule=steps(25, 51, freeze=40)\n{IMAGE}")
    assert found.message == "schedule: 'steps' lowers the rate at epoch 51, but it is already 0 from epoch 40"


@pytest.mark.parametrize(
    ("written", "warmup"),
    [
        ("5", Warmup(5)),
        ("0", Warmup()),
        ("none", Warmup()),
        ("epochs(5)", Warmup(5, "epochs")),
        ("steps(500)", Warmup(500, "steps")),
        ("epochs(5, start=0.1)", Warmup(5, "epochs", 0.1)),
        ("steps(500, 0.25)", Warmup(500, "steps", 0.25)),
    ],
)
def test_warmup_is_read(written: str, warmup: Warmup) -> None:
    assert train(f"epochs=90 warmup={written}").warmup == warmup


@pytest.mark.parametrize(
    "written", ["-1", "1.5", "steps", "epochs(0)", "steps(0)", "none(1)", "minutes(5)", "step(5)", "steps(5, 1)"]
)
def test_invalid_warmup_is_an_error(written: str) -> None:
    assert codes(f"train warmup={written}\n{IMAGE}") == ["bad-value"]


def test_warmup_as_long_as_the_training_gives_a_warning() -> None:
    assert warnings(f"{IMAGE}train epochs=5 warmup=5") == ["warmup-too-long"]
    assert warnings(f"{IMAGE}train epochs=5 warmup=5  # allow: warmup-too-long") == []
    assert warnings(f"{IMAGE}train epochs=5 warmup=4") == []
    assert warnings(f"{IMAGE}train epochs=5 warmup=steps(1000)") == []  # how many steps an epoch has is not in the file
    assert codes(f"{IMAGE}train epochs=x warmup=90") == ["bad-value"]
    assert warnings(f"{IMAGE}train steps=500 warmup=steps(500)") == ["warmup-too-long"]
    assert warnings(f"{IMAGE}train steps=500 warmup=steps(499)") == warnings(f"{IMAGE}train steps=5 warmup=9") == []


def test_training_ends_after_steps_in_place_of_epochs() -> None:
    assert (train("steps=450000").epochs, train("steps=450000").steps) == (None, 450000)
    assert (train("epochs=90").epochs, train("epochs=90").steps) == (90, None)
    assert codes(f"{IMAGE}train steps=1000 epochs=3") == ["bad-value"]
    assert codes(f"{IMAGE}train steps=0") == ["bad-value"]


@pytest.mark.parametrize(
    ("written", "schedule"),
    [
        ("step(every=100000, factor=0.1, unit=steps)", Step(0.1, 100000, "steps")),
        ("step(every=20)", Step(0.1, 20, "epochs")),
        ("steps(60000, 65000, factor=0.5, unit=steps)", Steps((60000, 65000), 0.5, None, "steps")),
        ("poly(0.5)", Polynomial(0.5)),
        ("inverse(gamma=1e-4, power=0.75)", Inverse(1e-4, 0.75)),
    ],
)
def test_schedules_that_count_steps_are_read_and_written(written: str, schedule: Schedule) -> None:
    assert train(f"schedule={written}").schedule == schedule
    assert train(f"schedule={texts.schedule(schedule)}").schedule == schedule


@pytest.mark.parametrize(
    "written", ["step(5, unit=images)", "poly", "poly(0)", "inverse(1e-4)", "steps(9, freeze=9, unit=steps)"]
)
def test_invalid_schedule_that_counts_steps_is_an_error(written: str) -> None:
    assert codes(f"train schedule={written}\n{IMAGE}") == ["bad-value"]


def test_options_of_the_train_line_are_read() -> None:
    found = train("batch=64 accumulate=8 precision=bf16 channels_last=yes ema=0.999 label_smoothing=0.1")
    assert found == Train(batch=64, accumulate=8, precision="bf16", channels_last=True, ema=0.999, label_smoothing=0.1)
    assert train("") == Train()


@pytest.mark.parametrize(
    "written",
    ["accumulate=0", "accumulate=1.5", "precision=fp16", "channels_last=1", "ema=1", "ema=-0.1", "label_smoothing=1"],
)
def test_invalid_train_option_is_an_error(written: str) -> None:
    assert codes(f"train {written}\n{IMAGE}") == ["bad-value"]


def test_accumulate_must_divide_the_batch() -> None:
    assert codes(f"{IMAGE}train accumulate=3") == ["batch-not-divided"]  # of the default, 128
    assert train("batch=9 accumulate=3").accumulate == 3
    assert codes(f"{IMAGE}train batch=x accumulate=3") == ["bad-value"]


@pytest.mark.parametrize(
    ("keys", "first", "second", "bias"),
    [
        ("", (0.1, 0.8, 0.01), (0.1, 0.8, 0.01), (0.1, 0.8, 0.0)),
        ("lr=0.5,0.25", (0.5, 0.8, 0.01), (0.25, 0.8, 0.01), (0.5, 0.8, 0.0)),
        ("lr=0.5,0.25 bias_lr=2", (0.5, 0.8, 0.01), (0.25, 0.8, 0.01), (2.0, 0.8, 0.0)),
        ("lr=0.5 lr_mult=2,4", (1.0, 0.8, 0.01), (2.0, 0.8, 0.01), (0.5, 0.8, 0.0)),
        ("momentum=0.5,0.25", (0.1, 0.5, 0.01), (0.1, 0.25, 0.01), (0.1, 0.5, 0.0)),
        ("decay=0.5,0", (0.1, 0.8, 0.5), (0.1, 0.8, 0.0), (0.1, 0.8, 0.0)),
        ("decay=0.5 decay_mult=2,0", (0.1, 0.8, 1.0), (0.1, 0.8, 0.0), (0.1, 0.8, 0.0)),
        ("bias_decay=0.5 bias_decay_mult=3", (0.1, 0.8, 0.01), (0.1, 0.8, 0.01), (0.1, 0.8, 1.5)),
    ],
)
def test_each_input_can_have_its_own_learning_values(
    keys: str, first: tuple[float, ...], second: tuple[float, ...], bias: tuple[float, ...]
) -> None:
    parameters = valid_net(TRAIN + TWO.format(keys)).graph.parameters
    found = [parameters[f"b.{key}"] for key in ("weights.0", "weights.1", "bias")]
    assert [(p.lr, p.momentum, p.decay) for p in found] == [first, second, bias]


@pytest.mark.parametrize("keys", ["lr=1,2,3", "bias_lr=1,2", "decay_mult=-1", "bias_decay_mult=-1"])
def test_invalid_learning_values_of_two_inputs_are_errors(keys: str) -> None:
    assert codes(TWO.format(keys)) == ["bad-value"]


def test_decay_mult_multiplies_the_train_lines_decay() -> None:
    parameters = valid_net(TRAIN + IMAGE + "[x] batchnorm decay_mult=0\n[y] fc outputs=2 decay_mult=3").graph.parameters
    assert (parameters["x.weight"].decay, parameters["y.weight"].decay) == (0.0, pytest.approx(0.03))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("step(every=2.4, unit=steps)", "every needs a whole number of steps, not 2.4"),
        ("step(every=0)", "every needs a number above 0, not 0"),
        ("step(every=3, factor=2)", "factor needs a number above 0 up to 1, not 2"),
        ("restarts(every=2.5)", "every needs a whole number from 1, not '2.5'"),
        ("restarts", "'restarts' needs every, a whole number from 1"),
        ("onecycle(peak=1)", "peak needs a number above 0 below 1, not 1"),
        ("onecycle(start=0)", "start needs a number above 0 up to 1, not 0"),
        (
            "onecycle(peak=0.5, phases=3)",
            "with phases=3, the second phase ends at twice peak, and 2 * 0.5 is not below 1",
        ),
    ],
)
def test_numbers_that_a_schedule_cannot_have(schedule: str, message: str) -> None:
    found = only_diagnostic(f"{IMAGE}train schedule={schedule}")
    assert (found.code, found.message) == ("bad-value", f"schedule: {message}")


@pytest.mark.parametrize(
    ("schedule", "note"),
    [
        ("cosine(warmup=1)", "a warm-up is a key of the train line"),
        ("linear(0.1, warmup_steps=100)", "a warm-up is a key of the train line"),
        ("cosine(T_max=90)", "the schedule takes the whole run, whose length is epochs= or steps="),
        ("cosine(eta_min=1e-5)", "factor= is the last rate divided by the highest"),
        ("onecycle(max_lr=0.1)", "the highest rate is that of the optimizer"),
        ("onecycle(div_factor=25)", "start= is 1 / div_factor"),
        ("onecycle(three_phase=True)", "phases=3 has the three phases"),
        ("onecycle(cycle_momentum=False)", "low_momentum=0.85 is cycle_momentum=True"),
        ("onecycle(base_momentum=0.8)", "low_momentum= is base_momentum"),
        ("onecycle(max_momentum=0.95)", "the highest momentum is that of the optimizer"),
        ("CosineAnnealingLR(90, eta_min=1e-5)", "cosine(factor): factor= is the last rate divided by the highest"),
        ("ExponentialLR", "its gamma is the factor of an epoch"),
        ("LinearLR(start_factor=0.1)", "its rate rises at the beginning: warmup="),
    ],
)
def test_arguments_that_other_tools_schedules_have(schedule: str, note: str) -> None:
    found = only_diagnostic(f"{IMAGE}train schedule={schedule}")
    assert found.code == "bad-value" and found.notes[0].startswith(note) and found.fixes == ()


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("CosineAnnealingWarmRestarts(T_0=10)", "restarts(every=10)"),
        ("sgdr(10)", "restarts(10)"),
        ("OneCycleLR(pct_start=0.2)", "onecycle(peak=0.2)"),
        ("ExponentialLR(gamma=0.97)", "step(every=1, factor=0.97)"),
        ("ExponentialLR(0.97)", "step(every=1, factor=0.97)"),
        ("CosineAnnealingLR(T_max=90)", "cosine"),
        ("CosineAnnealingLR(90)", "cosine"),
    ],
)
def test_schedules_of_other_tools(written: str, fixed: str) -> None:
    text = f"{IMAGE}[fc] fc outputs=2\ntrain schedule={written}"
    (fix,) = only_diagnostic(text).fixes
    assert (apply(fix.edits, text), fix.checks) == (text.replace(written, fixed), True)


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("warmup_epochs=5", "warmup=5"),
        ("warmup_steps=500", "warmup=steps(500)"),
        ("num_warmup_steps=500", "warmup=steps(500)"),
        ("warmup_iters=steps(20)", "warmup=steps(20)"),
    ],
)
def test_words_of_other_tools_for_a_warm_up(written: str, fixed: str) -> None:
    text = f"{IMAGE}[fc] fc outputs=2\ntrain {written} epochs=90"
    (fix,) = only_diagnostic(text).fixes
    assert (apply(fix.edits, text), fix.checks) == (text.replace(written, fixed), True)
