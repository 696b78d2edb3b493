"""``optimizer=``: the update rules, their arguments, keys that belong to another rule, and the words of other tools."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic, valid_net

from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd, UpdateRule
from netspec.ir.settings import Train
from netspec.language.variants import apply

START = "[i] input 3x8x8\n[f] fc outputs=2\n"


def train(optimizer: str) -> Train:
    return valid_net(f"{START}train optimizer={optimizer}").graph.train


@pytest.mark.parametrize(
    ("optimizer", "rule", "rates"),
    [
        ("sgd", Sgd(0.9), (0.01, 0.0, 0.0)),
        ("sgd(0.1, 0.8, 0.01, 0.02, yes)", Sgd(0.8, nesterov=True), (0.1, 0.01, 0.02)),
        ("sgd(nesterov=no)", Sgd(0.9), (0.01, 0.0, 0.0)),
        ("adam", Adam(0.9, 0.999, 1e-8), (0.001, 0.0, 0.0)),
        ("adam(0.1, 0.8, 0.99, 1e-6, 0.01, 0.02)", Adam(0.8, 0.99, 1e-6), (0.1, 0.01, 0.02)),
        ("adam(beta1=0, beta2=0)", Adam(0.0, 0.0), (0.001, 0.0, 0.0)),
        ("adamw", Adam(0.9, 0.999, 1e-8, decoupled=True), (0.001, 0.01, 0.0)),
        ("adamw(lr=4e-3, weight_decay=0.05)", Adam(decoupled=True), (0.004, 0.05, 0.0)),
        ("rmsprop", RmsProp(0.9, 0.0, 1e-8, 0.0, 0.0, False), (0.001, 0.0, 0.0)),
        ("rmsprop(0.1, 0.8, 0.7, 1e-6)", RmsProp(0.8, 0.7, 1e-6), (0.1, 0.0, 0.0)),
        (
            "rmsprop(lr=0.045, momentum=0.9, eps_in_root=1, start=1, weight_decay=4e-5)",
            RmsProp(0.9, 0.9, 0.0, 1.0, 1.0),
            (0.045, 4e-5, 0.0),
        ),
        ("rmsprop(centered=yes, bias_decay=0.1)", RmsProp(centered=True), (0.001, 0.0, 0.1)),
        ("adagrad", AdaGrad(1e-8), (0.01, 0.0, 0.0)),
        ("adagrad(0.1, eps_in_root=1e-7, start=0.1)", AdaGrad(0.0, 1e-7, 0.1), (0.1, 0.0, 0.0)),
        ("adadelta", AdaDelta(0.95, 1e-6), (1.0, 0.0, 0.0)),
        ("adadelta(0.1, 0.9, 1e-8)", AdaDelta(0.9, 1e-8), (0.1, 0.0, 0.0)),
        ("lars", Lars(0.9, 0.001, 1e-8, "weights"), (1.0, 0.0, 0.0)),
        ("lars(eps=0)", Lars(eps=0.0), (1.0, 0.0, 0.0)),  # as in the paper and in TensorFlow
        ("lars(10, 0.8, 5e-4, 1e-5, 0.02, adapt=all)", Lars(0.8, 0.02, 1e-8, "all"), (10.0, 5e-4, 1e-5)),
        ("lamb", Lamb(0.9, 0.999, 1e-6, "weights"), (0.001, 0.01, 0.0)),
        ("lamb(0.01, eps=1e-8, weight_decay=0.1, adapt=all)", Lamb(eps=1e-8, adapt="all"), (0.01, 0.1, 0.0)),
    ],
)
def test_rules_and_their_defaults(optimizer: str, rule: UpdateRule, rates: tuple[float, ...]) -> None:
    found = train(optimizer)
    assert (found.rule, (found.lr, found.weight_decay, found.bias_decay)) == (rule, rates)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("adam(momentum=0.9)", "'adam' has no momentum"),
        ("adam(amsgrad=yes)", "'adam' has no amsgrad"),
        ("sgd(beta1=0.9)", "'sgd' has no beta1"),
        ("adam(beta1=1)", "beta1 needs a number from 0 below 1, not 1"),
        ("adamw(eps=0)", "eps needs a number above 0, not 0"),
        ("sgd(nesterov=1)", "nesterov needs yes or no, not '1'"),
        ("rmsprop(rho=1)", "rho needs a number from 0 below 1, not 1"),
        ("rmsprop(start=-1)", "start needs a number from 0, not -1"),
        ("adagrad(eps_in_root=0)", "eps_in_root needs a number above 0, not 0"),
        ("adagrad(momentum=0.9)", "'adagrad' has no momentum"),
        ("lars(trust=0)", "trust needs a number above 0, not 0"),
        ("lamb(adapt=biases)", "adapt needs weights or all, not 'biases'"),
        (
            "rmsprop(eps=1e-8, eps_in_root=1)",
            "'rmsprop' has either eps, which is added to the root, or eps_in_root, and both are given",
        ),
    ],
)
def test_wrong_arguments_are_errors(optimizer: str, message: str) -> None:
    found = only_diagnostic(f"{START}train optimizer={optimizer}")
    assert (found.code, found.message) == ("bad-value", f"optimizer: {message}")


def test_unknown_argument_gets_the_list_of_arguments() -> None:
    found = only_diagnostic(f"{START}train optimizer=adam(momentum=0.9)")
    assert found.notes == ("it has lr, beta1, beta2, eps, weight_decay, bias_decay",)


@pytest.mark.parametrize("word", ["larc", "nadam", "RAdam", "adamax"])
def test_other_rules_are_not_taken_for_one_of_these(word: str) -> None:
    for optimizer in (word, f"{word}(lr=0.1)"):
        found = only_diagnostic(f"{START}train optimizer={optimizer}")
        assert found.message == f"optimizer: '{word}' is unknown"
        assert found.notes == (
            "it may be sgd(lr, momentum, weight_decay, bias_decay, nesterov), adam(lr, beta1, beta2, eps, "
            "weight_decay, bias_decay), adamw(lr, beta1, beta2, eps, weight_decay, bias_decay), rmsprop(lr, rho, "
            "momentum, eps, eps_in_root, start, centered, weight_decay, bias_decay), adagrad(lr, eps, eps_in_root, "
            "start, weight_decay, bias_decay), adadelta(lr, rho, eps, weight_decay, bias_decay), lars(lr, momentum, "
            "weight_decay, bias_decay, trust, eps, adapt) or lamb(lr, beta1, beta2, eps, weight_decay, bias_decay, "
            "adapt)",
        )
        assert found.fixes == ()
    beside = diagnostics_of(f"{START}train optimizer={word} lr=0.1")
    assert [d.code for d in beside] == ["bad-value", "unknown-key"] and not any(d.fixes for d in beside)


@pytest.mark.parametrize(
    ("written", "fixed"),
    [
        ("Adam(lr=1e-3, betas=(0.9, 0.98))", "adam(lr=1e-3, beta1=0.9, beta2=0.98)"),
        ("torch.optim.AdamW(lr=1e-3, betas=[0.9, 0.98])", "adamw(lr=1e-3, beta1=0.9, beta2=0.98)"),
        ("optim.SGD(lr=0.1, momentum=0.9, nesterov=True)", "sgd(lr=0.1, momentum=0.9, nesterov=yes)"),
        ("SGD(lr=0.1, momentum=0.9, nesterov=True)", "sgd(lr=0.1, momentum=0.9, nesterov=yes)"),
        ("sgd(lr=0.1, nesterov=False)", "sgd(lr=0.1, nesterov=no)"),
        ("SGD(lr=0.1)", "sgd(lr=0.1)"),
        ('"Adam"', "adam"),
        ("Adam(learning_rate=0.1, beta_1=0.8, epsilon=1e-7)", "adam(lr=0.1, beta1=0.8, eps=1e-7)"),
        ("AdamW(1e-3, wd=0.05)", "adamw(1e-3, weight_decay=0.05)"),
        ("adam_w", "adamw"),
        (
            "torch.optim.RMSprop(lr=0.01, alpha=0.99, eps=1e-8, momentum=0.9, centered=True)",
            "rmsprop(lr=0.01, rho=0.99, eps=1e-8, momentum=0.9, centered=yes)",
        ),
        (
            "tf.train.RMSPropOptimizer(0.045, decay=0.9, momentum=0.9, epsilon=1.0)",
            "rmsprop(0.045, rho=0.9, momentum=0.9, eps_in_root=1.0, start=1)",
        ),
        ("RMSpropTF(0.1, alpha=0.9, eps=0.001)", "rmsprop(0.1, rho=0.9, eps_in_root=0.001, start=1)"),
        ("RMSprop(learning_rate=0.1, rho=0.9, epsilon=1e-7)", "rmsprop(lr=0.1, rho=0.9, eps_in_root=1e-7)"),
        ("rmsprop(decay=0.9)", "rmsprop(rho=0.9)"),
        ("rmsprop(decay=4e-5)", "rmsprop(weight_decay=4e-5)"),
        ("rmsprop(beta2=0.9)", "rmsprop(rho=0.9)"),
        ("Adagrad(lr=0.1, initial_accumulator_value=0.1)", "adagrad(lr=0.1, start=0.1)"),
        ("AdagradOptimizer(0.1)", "adagrad(0.1)"),
        ("rmsprop lr=0.1 alpha=0.9 epsilon=1", "rmsprop(lr=0.1, rho=0.9, eps_in_root=1)"),
        ("torch.optim.Adadelta(lr=1.0, rho=0.9, eps=1e-6)", "adadelta(lr=1.0, rho=0.9, eps=1e-6)"),
        ("Adadelta(learning_rate=0.1, epsilon=1e-7)", "adadelta(lr=0.1, eps=1e-7)"),
        ("LARS(lr=2, momentum=0.9, weight_decay=1e-4, trust_coefficient=0.001)",
         "lars(lr=2, momentum=0.9, weight_decay=1e-4, trust=0.001)"),
        ("LARSOptimizer(2, eeta=0.001, epsilon=1e-9)", "lars(2, trust=0.001, eps=1e-9)"),
        ("timm.optim.Lars(lr=2, trust_coeff=0.02, eps=1e-8)", "lars(lr=2, trust=0.02, eps=1e-8)"),
        ("Lamb(lr=0.01, betas=(0.9, 0.99), wd=0.1)", "lamb(lr=0.01, beta1=0.9, beta2=0.99, weight_decay=0.1)"),
        ("FusedLAMB(lr=0.01)", "lamb(lr=0.01)"),
        ("adagrad lr=0.1 decay=4e-5", "adagrad(lr=0.1, weight_decay=4e-5)"),
        ("Nesterov", "sgd(nesterov=yes)"),
        ("nag(lr=0.1)", "sgd(lr=0.1, nesterov=yes)"),
        ("adam lr=0.1", "adam(lr=0.1)"),
        ("Adam(0.1) weight_decay=1e-4", "adam(lr=0.1, weight_decay=1e-4)"),
        ("nesterov lr=0.1", "sgd(nesterov=yes, lr=0.1)"),
        ("sgd lr=0.1 nesterov=True", "sgd(lr=0.1, nesterov=yes)"),
    ],
)  # fmt: skip
def test_notation_of_other_tools_is_corrected(written: str, fixed: str) -> None:
    text = f"{START}train optimizer={written}"
    (fix,) = only_diagnostic(text).fixes
    assert (apply(fix.edits, text), fix.checks) == (f"{START}train optimizer={fixed}", True)


@pytest.mark.parametrize(
    ("keys", "fixed"),
    [
        ("lr=0.1 beta1=0.8", "adam(lr=0.1, beta1=0.8)"),
        ("lr=0.1 nesterov=yes", "sgd(lr=0.1, nesterov=yes)"),
        ("lr=0.1 rho=0.8", "rmsprop(lr=0.1, rho=0.8)"),
        ("lr=0.1 decay=0.001", "sgd(lr=0.1, weight_decay=0.001)"),
    ],
)
def test_arguments_alone_stand_for_the_first_rule_that_has_them(keys: str, fixed: str) -> None:
    (fix,) = only_diagnostic(f"{START}train {keys}").fixes
    assert apply(fix.edits, f"{START}train {keys}") == f"{START}train optimizer={fixed}" and fix.checks


def test_misplaced_argument_of_another_rule_is_not_moved() -> None:
    found = only_diagnostic(f"{START}train optimizer=adam momentum=0.9")
    assert found.message == "momentum is an argument of optimizer, not a key of train"
    assert found.notes == ("adam has no momentum; it has lr, beta1, beta2, eps, weight_decay, bias_decay",)
    assert found.fixes == ()
    assert only_diagnostic(f"{START}train optimizer=adam betas=0.9,0.98").fixes == ()


@pytest.mark.parametrize("key", ["loops=1000", "reps=3", "dampening=0.1", "start_epoch=3", "restart=yes", "root=3"])
def test_other_keys_are_not_taken_for_arguments(key: str) -> None:
    (found,) = diagnostics_of(f"{START}train {key}")
    assert (found.code, found.message) == ("unknown-key", f"train has no key '{key.partition('=')[0]}'")
    assert found.fixes == ()


def test_epsilon_is_eps() -> None:
    (fix,) = only_diagnostic(f"{START}train optimizer=adam epsilon=1e-7").fixes
    assert fix.title == "write optimizer=adam(eps=1e-7)" and fix.checks


@pytest.mark.parametrize("key", ["momentum=0.5", "bias_momentum=0.5", "super_eps=1"])
@pytest.mark.parametrize("rule", ["adam", "adagrad", "lamb"])
def test_keys_of_sgd_have_no_effect_with_adam(key: str, rule: str) -> None:
    for text in (f"[i] input 8\n[f] fc outputs=2 {key}\n", f"default fc {key}\n[i] input 8\n[f] fc outputs=2\n"):
        net = valid_net(f"{text}train optimizer={rule}")
        (found,) = net.warnings
        assert (found.code, found.span.text) == ("no-effect", key)
        owner = "sgd" if key == "super_eps=1" else "sgd, rmsprop or lars"
        assert found.notes == (f"it belongs to {owner}, and the train line has optimizer={rule}",)
        assert all((p.momentum, p.super_eps) == (0.0, None) for p in net.graph.parameters.values())
        assert valid_net(text).warnings == ()
    assert valid_net(f"[i] input 8\n[f] fc outputs=2 super_eps=none\ntrain optimizer={rule}").warnings == ()


def test_momentum_of_a_layer_is_also_rmsprops_and_super_eps_is_not() -> None:
    text = "[i] input 8\n[f] fc outputs=2 momentum=0.5 bias_momentum=0 super_eps=1 neuron=relu\n[g] fc outputs=2\n"
    net = valid_net(f"{text}train optimizer=rmsprop(momentum=0.9)")
    (found,) = net.warnings
    assert (found.code, found.span.text) == ("no-effect", "super_eps=1")
    assert found.notes == ("it belongs to sgd, and the train line has optimizer=rmsprop",)
    assert [p.momentum for p in net.graph.parameters.values()] == [0.5, 0.0, 0.9, 0.9]


def test_key_without_effect_for_two_reasons_is_reported_once() -> None:
    net = valid_net("[i] input 8\n[f] fc outputs=2 bias=none bias_momentum=0.5\ntrain optimizer=adam")
    assert [w.span.text for w in net.warnings] == ["bias_momentum=0.5"]


def test_keys_that_all_rules_have_have_an_effect_with_adam() -> None:
    keys = "lr=0.5 lr_mult=2 decay=0.25 bias_lr=0.125 bias_decay=0.5 schedule=cosine update_every=1 max_norm=1"
    net = valid_net(f"[i] input 8\n[f] fc outputs=2 {keys}\ntrain optimizer=adam accumulate=2 batch=8")
    assert net.warnings == ()
    assert [(p.lr, p.decay) for p in net.graph.parameters.values()] == [(1.0, 0.25), (0.125, 0.5)]


def test_momentum_of_a_batch_normalisation_is_reported_once() -> None:
    (found,) = valid_net("[i] input 8x8x8\n[b] batchnorm momentum=0.9\ntrain optimizer=adam").warnings
    assert found.code == "batchnorm-momentum"
    assert found.message == "momentum=0.9 of b is the momentum of its weights in training, and adam has none"


def test_nesterov_needs_a_momentum() -> None:
    text = "[i] input 8\n[f] fc outputs=2{}\ntrain optimizer=sgd(momentum={}, nesterov=yes)"
    (found,) = valid_net(text.format("", 0)).warnings
    assert (found.code, found.message) == ("no-effect", "nesterov=yes has no effect")
    for own, momentum in (("", 0.9), (" momentum=0.5", 0), (" bias_momentum=0.5", 0)):
        assert valid_net(text.format(own, momentum)).warnings == ()


@pytest.mark.parametrize(
    ("optimizer", "usual"),
    [
        ("adam(lr=0.1)", "for adam: usual are 0.0001 to 0.01"),
        ("adamw(0.5)", "for adamw: usual are 0.0001 to 0.01"),
        ("rmsprop(lr=0.1, eps_in_root=1e-7)", "for rmsprop: usual are 0.0001 to 0.01"),
        ("lamb(lr=1)", "for lamb: usual are 0.001 to 0.02"),
        ("lars(lr=100, trust=0.02)", "for lars: usual are 1 to 30, with trust=0.001"),
        ("adam(lr=0.099)", None),
        ("rmsprop(lr=0.256, eps_in_root=0.001, start=1)", None),  # EfficientNet's
        ("lars(lr=37)", None),
        ("lamb(lr=0.5)", None),
        ("sgd(lr=1)", None),
        ("adadelta", None),
    ],
)
def test_rates_of_sgd_are_too_large_for_rules_that_divide_by_the_gradient(optimizer: str, usual: str | None) -> None:
    found = [w for w in valid_net(f"{START}train optimizer={optimizer}").warnings if w.code == "rate-too-large"]
    assert [w.message.partition("far too large ")[2] for w in found] == ([usual] if usual else [])
