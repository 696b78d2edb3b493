"""AlexNet as a careful PyTorch user writes it by hand: what the compiled network is measured against.

Both groups of the paper are merged: grouped convolutions where a layer reads its own half, and 224 pixels padded by
three at the right and at the bottom, so that conv1 gives 55 x 55. The library's local response normalisation runs over
all maps and not inside each group: another function at the seam, but the same amount of work.

Run as a program, it builds the network and prints its summary: torchinfo's, or, where torchinfo is not installed, the
shapes and sizes of its parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AlexNet(nn.Module):
    """Krizhevsky, Sutskever & Hinton (2012). Takes images N x 3 x 224 x 224, returns N x classes scores."""

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.ZeroPad2d((0, 3, 0, 3)),
            nn.Conv2d(3, 96, 11, stride=4),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, classes),
        )
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(images))
        return scores


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.zeros_(module.bias)


def optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """The paper's numbers in the library's own rule."""
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)


def main() -> None:
    """Build the network and print its summary."""
    model = AlexNet()
    try:
        from torchinfo import summary
    except ModuleNotFoundError:
        for name, parameter in model.named_parameters():
            print(f"{name:<24} {tuple(parameter.shape)!s:<20} {parameter.numel():>12,}")
        print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    else:
        summary(model, input_size=(1, 3, 224, 224))


if __name__ == "__main__":
    main()
