"""The handwritten networks against the specs that they implement."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from places import SPECS

import netspec
from netspec.ir.rules import AdaDelta, AdaGrad, Adam, Lamb, Lars, RmsProp, Sgd
from netspec.net import load_source
from netspec.opening import read_source
from netspec.timing.comparison import handwritten_steps
from netspec.timing.handwritten import PEERS, Peer, optimiser, peer_of
from netspec.timing.settings import TimingSettings
from netspec.timing.step import batch_of


def test_peer_of_finds_each_network_for_its_own_spec_only() -> None:
    peers = {path.name: peer_of(netspec.load(path).graph) for path in SPECS.glob("*.net")}
    assert {name: peer.spec for name, peer in peers.items() if peer is not None} == {
        **{peer.spec: peer.spec for peer in PEERS},
        "alexnet-no-colour.net": "alexnet.net",  # the same network, another training
    }


@pytest.mark.ci
@pytest.mark.parametrize(
    ("spec", "changes"),
    [
        # PyTorch's normalisation runs across the groups; for this comparison the spec's does, too.
        ("alexnet.net", ["norm1.reads=all", "norm2.reads=all"]),
        ("alexnet-one-gpu.net", []),
        ("alexnet-torchvision.net", []),
    ],
)
def test_handwritten_network_has_the_same_parameters_and_output(spec: str, changes: list[str]) -> None:
    net = load_source(read_source(str(SPECS / spec)), None, changes, SPECS)
    (peer,) = [peer for peer in PEERS if peer.spec == spec]
    ours, theirs = netspec.torch_module(net).eval(), peer.make(1000).eval()
    assert [p.shape for p in theirs.parameters()] == [p.shape for p in ours.parameters()]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.state_dict().values(), strict=True)))
    images, maps = torch.randn(1, 3, 224, 224), dict[str, torch.Tensor]()
    ours.get_submodule("pool5").register_forward_hook(lambda module, inputs, value: maps.update(pool5=value))
    with torch.no_grad():
        ours(images)
        torch.testing.assert_close(theirs.get_submodule("features")(images), maps["pool5"], rtol=1e-4, atol=1e-4)


def test_handwritten_network_is_updated_by_the_specs_rule() -> None:
    layer = torch.nn.Linear(2, 2)
    rules = (
        Sgd(),
        Sgd(nesterov=True),
        Adam(),
        Adam(decoupled=True),
        RmsProp(momentum=0.9),
        AdaGrad(),
        AdaDelta(),
        Lars(),
        Lamb(),
    )
    found = [optimiser(layer, rule, "cpu") for rule in rules]
    assert [type(each).__name__ for each in found] == [
        *("SGD", "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "SGD", "AdamW"),
    ]
    assert [each.defaults.get("nesterov") for each in found] == [False, True, *[None] * 5, False, None]


@pytest.mark.parametrize("limit", ["none", "norm(0.01)", "value(0.01)"])
def test_step_of_a_handwritten_network_is_the_one_of_its_optimiser(limit: str) -> None:
    clipping = f" clip_gradients={limit}" if limit != "none" else ""
    graph = netspec.loads(f"[image] input 1x2x2\n[f] fc outputs=2\ntrain{clipping}\n").graph
    models = list[torch.nn.Module]()

    def make(classes: int) -> torch.nn.Module:
        models.append(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, classes)))
        return models[0]

    train, infer = handwritten_steps(Peer("pair.net", make, ()), graph, TimingSettings("cpu", 3, "fp32", 1), "eager")
    expected = deepcopy(models[0])
    images, labels = batch_of(graph, "cpu", 3)
    gradients = torch.autograd.grad(
        torch.nn.functional.cross_entropy(expected(images), labels), list(expected.parameters())
    )
    norm = float(torch.cat([g.flatten() for g in gradients]).norm())
    infer()
    assert not models[0].training
    train()
    assert models[0].training and norm > 0.01
    for before, after, gradient in zip(expected.parameters(), models[0].parameters(), gradients, strict=True):
        clipped = {"none": gradient, "norm(0.01)": gradient * 0.01 / norm, "value(0.01)": gradient.clamp(-0.01, 0.01)}
        torch.testing.assert_close(after, before - 0.01 * (clipped[limit] + 5e-4 * before))
