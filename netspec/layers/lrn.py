"""Local response normalisation across maps."""

from netspec.ir.ops import Lrn
from netspec.keys import Key, Whole
from netspec.layers._keys import READS, USUAL
from netspec.layers._response import RESPONSE, alpha, check_values, window_size
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    size = low["size"]
    low.emit(Lrn(size, low["k"], alpha(low, size), low["beta"], low.groups_for(0)))


TYPE = LayerType(
    "lrn",
    "Local response normalisation across maps: x (k + alpha sum x^2)^-beta, with the sum over neighbouring channels. "
    "The window stays within the channels of a GPU group unless reads=all.",
    lower,
    keys=(
        window_size("number of neighbouring channels in the window"),
        *RESPONSE,
        Key("groups", Whole(), "number of groups of channels; windows do not extend from one into another", default=1),
        READS,
        *USUAL,
    ),
    check_values=check_values,
    rule="The shape of the input.",
    example="[conv1] input 96x55x55\n[norm1] lrn size=5 k=2 alpha=1e-4 beta=0.75",
)
