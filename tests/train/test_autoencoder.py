"""Training an autoencoder, whose decoder has transposed convolutions, on a squared difference from the image."""

from __future__ import annotations

from pathlib import Path

import pytest
from processes import invoke

AUTOENCODER = """\
net autoencoder
default conv neuron=relu
default deconv neuron=relu
[image] input 1x8x8 range=1
[down1] conv filters=16 kernel=4 stride=2 pad=1
[down2] conv filters=32 kernel=4 stride=2 pad=1
[code] fc outputs=10
[cost] crossentropy loss_weight=0.01
[grid] reshape size=10x1x1 inputs=code
[up1] deconv filters=32 kernel=2
[up2] deconv filters=16 kernel=4 stride=2 pad=1
[up3] deconv filters=1 kernel=4 stride=2 pad=1 neuron=logistic -> 1x8x8
[minus] linear a=-1 inputs=image
[error] sum inputs=up3,minus
[loss] sumsquares
train epochs=3 batch=32 optimizer=adam(lr=0.01)
"""


@pytest.mark.ci  # a training
def test_autoencoder_learns_to_draw_digits(tmp_path: Path) -> None:
    """A constant image of the mean brightness is off by about 9 in the sum of squares, the mean of each pixel by 5."""
    spec, run = tmp_path / "a.net", tmp_path / "run"
    spec.write_text(AUTOENCODER, "utf-8")
    result = invoke("train", spec, "--data", "digits", "--out", run, "--device", "cpu")
    assert result.exit_code == 0, result.output
    loss = float(result.output.rpartition(", loss ")[2].split()[0])
    assert loss < 3.5
