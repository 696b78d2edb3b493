"""Sum of squares of a layer's output, with a learnt gate for each image."""

from netspec.ir.ops import GatedSumSquares
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "gatedsumsquares",
    GatedSumSquares,
    "The sum of the squares of all units, multiplied by a gate (one number for each image) and averaged over the "
    "batch. The gate gets a gradient too. (With `sumsquares gate=class`, the class number of the image is the gate.)",
    reads="a gate, which is one number, and any value: `inputs=GATE,VALUE`",
    example=(
        "[image] input 3x32x32\n[fc1] fc outputs=64\n[gate] fc outputs=1 neuron=logistic\n"
        "[loss] gatedsumsquares inputs=gate,fc1\n[fc2] fc outputs=10 inputs=fc1\n[classes] crossentropy"
    ),
)
