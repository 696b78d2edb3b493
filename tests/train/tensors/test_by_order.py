"""``netspec export --by-order``: weights of other programs get the names of a spec's tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from processes import invoke
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import netspec

SPEC = """\
net residual
[image] input 3x6x6 mean=0 std=1
[conv1] conv filters=4 kernel=3 pad=1 bias=none
[norm1] batchnorm neuron=relu
[conv2] conv filters=4 kernel=3 pad=1 bias=none
[norm2] batchnorm
[short] conv filters=4 kernel=1 inputs=norm1
[join] sum inputs=norm2,short neuron=relu
[fc3] fc outputs=5
"""


class Theirs(nn.Module):
    """The network of ``SPEC`` in plain PyTorch, with other names."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4))
        self.downsample = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(144, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        out: Tensor = self.head(torch.relu(self.body(x) + self.downsample(x)).flatten(1))
        return out


@pytest.fixture
def theirs(tmp_path: Path) -> Theirs:
    """The network in plain PyTorch, after one batch. Its weights are in ``theirs.pth``, the spec in ``mine.net``."""
    torch.manual_seed(0)
    model = Theirs()
    model(torch.randn(8, 3, 6, 6))
    torch.save(model.state_dict(), tmp_path / "theirs.pth")
    (tmp_path / "mine.net").write_text(SPEC, "utf-8")
    return model.eval()


def by_order(folder: Path, weights: str = "theirs.pth", *options: str) -> tuple[int, list[str], str]:
    words = (folder / "mine.net", "--weights", folder / weights, "-o", folder / "mine.safetensors")
    done = invoke("export", *words, "--by-order", *options)
    return done.exit_code, done.stdout.splitlines(), done.stderr


def test_renamed_weights_compute_the_same(theirs: Theirs, tmp_path: Path) -> None:
    code, lines, stderr = by_order(tmp_path)
    assert (code, stderr) == (0, "")
    assert lines[:-1] == [
        "conv1 = stem.0",
        "norm1 = stem.1",
        "conv2 = body.0",
        "norm2 = body.1",
        "short = downsample",
        "fc3 = head",
    ]
    model = netspec.torch_module(netspec.loads(SPEC)).eval()
    written = load_file(tmp_path / "mine.safetensors")
    model.load_state_dict(written)
    assert written["norm1.num_batches_tracked"] == 1
    x = torch.randn(2, 3, 6, 6)
    assert torch.allclose(model(x), theirs(x), atol=1e-6)


def test_files_without_counters_of_batches_are_read(theirs: Theirs, tmp_path: Path) -> None:
    """torch wrote such files before version 0.4.1; torchvision's vgg16_bn is one."""
    old = {key: tensor for key, tensor in theirs.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth")
    assert by_order(tmp_path, "old.pth", "--quiet") == (0, [], "")
    written = load_file(tmp_path / "mine.safetensors")
    assert torch.equal(written["norm1.running_var"], old["stem.1.running_var"])
    assert written["norm1.num_batches_tracked"] == 0


def test_first_tensor_of_another_network_is_named(theirs: Theirs, tmp_path: Path) -> None:
    (tmp_path / "mine.net").write_text(
        SPEC.replace("[conv2] conv filters=4 kernel=3 pad=1", "[conv2] conv filters=4 kernel=5 pad=2")
    )
    code, lines, stderr = by_order(tmp_path)
    assert (code, lines) == (1, [])
    assert "tensor 6: residual has conv2.weight (4x4x5x5) where the file has body.0.weight (4x4x3x3)" in stderr
    assert "5 tensors before it can be matched" in stderr
    (tmp_path / "mine.net").write_text(SPEC.replace("[fc3] fc outputs=5\n", ""))
    assert "has nothing more where the file has head.weight (5x144)" in by_order(tmp_path)[2]
    (tmp_path / "mine.net").write_text(SPEC + "[fc4] fc outputs=2\n")
    assert "has fc4.weight (2x5) where the file has nothing more" in by_order(tmp_path)[2]


def test_order_of_a_sorted_file_says_nothing(theirs: Theirs, tmp_path: Path) -> None:
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    code, lines, stderr = by_order(tmp_path, "theirs.safetensors")
    assert (code, lines) == (1, [])
    assert "sorted by name" in stderr


def test_order_needs_a_spec_and_weights(theirs: Theirs, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "a.safetensors", "--by-order")
    for words in ((tmp_path / "mine.net", *out), (tmp_path, "--weights", tmp_path / "theirs.pth", *out)):
        done = invoke("export", *words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "name a spec, and the file with --weights" in done.stderr
