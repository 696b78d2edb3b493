"""Build AlexNet as a careful PyTorch user writes it by hand, and print its summary.

The summary is torchinfo's or, if that is not installed, the shapes and sizes of the parameters.
"""

from __future__ import annotations

from netspec.timing.handwritten import AlexNet


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
