"""Random specs that can be expressed in cuda-convnet's files."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

FUNCTIONS = ("relu", "relu6", "logistic", "softrelu", "abs", "square", "tanh(1.5, 0.5)", "linear(2, -0.25)", "linear")
TRAIN = (
    "train optimizer=sgd(lr=0.02, momentum=0.5, weight_decay=0.001) schedule=dexp(factor=0.004, levels=4)",
    "train optimizer=sgd(lr=0.1) schedule=exponential(factor=0.01)",
    "train optimizer=sgd(lr=0.00001, weight_decay=5e-4) schedule=linear(factor=0.2)",
    "train optimizer=sgd(lr=1)",
    "train optimizer=sgd(lr=0.01) schedule=dexp(factor=0.004, levels=4) bias_schedule=dexp(factor=0.1, levels=2)",
    "train optimizer=sgd(lr=0.01) bias_schedule=exponential(factor=8)",
)
SCHEDULES = (
    "constant",
    "dexp(factor=0.1, levels=2)",
    "exponential(factor=0.01)",
    "linear(factor=3)",
    "dexp(factor=8, levels=3)",
)
SCHEDULES_2012 = (
    "jdexp(factor=0.002, levels=5)",
    "jdexp(factor=1000, levels=3)",
    "linear(factor=1, noise=1)",
    "dexp(factor=0.004, levels=4, noise=0.25)",
)


@dataclass
class PartialSpec:
    """A spec under construction: its lines, the channels and the side of the last maps, and whether they are split
    among GPUs."""

    draw: st.DrawFn
    dialect: str
    gpus: int
    side: int
    channels: int = 3
    split: bool = False
    lines: list[str] = field(default_factory=list)

    def one_of(self, *options: object) -> str:
        return str(self.draw(st.sampled_from(options)))

    def chance(self) -> bool:
        return self.draw(st.booleans())

    def add(self, text: str) -> str:
        name = f"l{len(self.lines)}"
        self.lines.append(f"[{name}] {text}")
        return name

    def text(self) -> str:
        """Return the spec, with a ``train`` line."""
        head = ["net drawn rounding=up", *([f"gpus {self.gpus}"] if self.gpus > 1 else [])]
        return "\n".join([*head, *self.lines, self.one_of(*TRAIN)]) + "\n"

    def learning(self, bounded: str = "") -> str:
        """Return initial values, rates and bounds of a layer with weights. ``bounded`` is the layer's type if it has a
        single weight matrix, whose bounds the files can express."""
        keys = [f"init=gaussian({self.one_of(0.01, 0.3, 1e-5)})", f"bias={self.one_of(0, 1, -0.5)}"]
        keys += [f"lr={self.one_of(0, 0.005, 0.25)}"] if self.chance() else []
        keys += [f"bias_lr={self.one_of(0, 0.002)} bias_momentum=0.25"] if self.chance() else []
        keys += ["momentum=0.75 decay=0.003"] if self.chance() else []
        keys += [f"schedule={self.schedule()}"] if self.one_of(*range(4)) == "0" else []
        keys += [f"bias_schedule={self.schedule()}"] if self.one_of(*range(4)) == "0" else []
        if bounded and self.chance():
            exact = self.dialect == "v2" and bounded != "local"
            keys += [f"{'fixed_norm' if exact else 'max_norm'}={self.one_of(0.7, 1.25, 3)}"]
            keys += ["min_std=0.01 max_std=0.1"] if bounded == "conv" and not exact else []
        return " ".join(keys)

    def schedule(self) -> str:
        return self.one_of(*SCHEDULES, *(SCHEDULES_2012 if self.dialect == "2012" else ()))

    def neuron(self) -> str:
        noisy = ("nrelu",) if self.dialect == "2012" else ()
        return f"neuron={self.one_of(*FUNCTIONS, *noisy)}" if self.chance() else ""

    def add_first_layer(self) -> None:
        """Add a fixed function of the image, or nothing."""
        size = int(self.one_of(4, 5))
        sides = {
            "blur size=3 stdev=0.75": self.side,
            "mirror": self.side,
            "nailbed stride=2": (self.side + 1) // 2,
            "resize step=1.25": int(self.side / 1.25),
            "colourspace to=yuv": self.side,
        }
        if self.dialect == "v2":
            sides[f"crop size={size} top=1 left=0"] = size
        if self.side <= size or not self.chance():
            return
        text = self.one_of(*sides)
        self.add(text)
        self.side = sides[text]

    def add_convolution(self) -> None:
        kernel, pad = int(self.one_of(1, 2, 3)), int(self.one_of(0, 1))
        stride = int(self.one_of(*range(1, kernel + 1)))
        if self.side + 2 * pad < kernel:
            return
        positions = 1 - (-(2 * pad + self.side - kernel) // stride)
        if (positions - 1) * stride - pad >= self.side or pad >= kernel:
            return  # a window that covers only padding
        filters = 16 * int(self.one_of(1, 2)) * self.gpus
        reads = "reads=all" if self.split and self.chance() else ""
        groups = 2 if self.channels % (8 * self.gpus) == 0 and not reads and (self.split or self.gpus == 1) else 1
        groups = groups if groups == 1 or self.chance() else 1
        filters *= groups
        type_ = "local" if self.side < 6 and self.chance() and groups == 1 else "conv"
        keys = f"filters={filters} kernel={kernel} stride={stride} pad={pad} groups={groups} {reads}"
        per = "bias_per=unit" if type_ == "conv" and self.one_of(*range(6)) == "0" else ""
        bounded = "" if reads else type_
        self.add(f"{type_} {keys} {per} {self.learning(bounded)} {self.neuron()}")
        self.channels, self.side, self.split = filters, positions, self.gpus > 1

    def add_two_joined(self) -> None:
        """Add two layers with the same input, perhaps with shared weights, and join them."""
        if self.channels == 3:
            return
        above, filters = f"l{len(self.lines) - 1}", 16 * self.gpus
        keys = f"filters={filters} kernel=1 inputs={above}"
        first = self.add(f"conv {keys} {self.learning()}")
        shared = self.chance()
        learning = f"weights={first}" if shared else self.learning()
        second = self.add(f"conv {keys} {learning} {self.neuron()}")
        join = self.one_of("sum", "max", "concat")
        self.add(f"{join} inputs={first},{second} {self.neuron()}")
        self.channels, self.split = filters * (2 if join == "concat" else 1), self.gpus > 1

    def add_several_inputs(self) -> None:
        """Add a layer that reads the two layers above, with a window for each."""
        if self.channels == 3:
            return
        above, filters = f"l{len(self.lines) - 1}", 16 * self.gpus
        first = self.add(f"conv filters={filters} kernel=1 inputs={above} {self.learning()}")
        init = f"init=gaussian({self.one_of(0.1, 0.2)}),gaussian(0.3)"
        if self.dialect == "v2" and self.chance():
            init += f" schedule={self.schedule()},{self.schedule()}"
        keys = f"filters={filters} kernel=1,3 pad=0,1 inputs={first},{above}"
        both = self.add(f"conv {keys} {init} bias=0.5")
        if self.chance():
            again = self.add(f"conv {keys} weights={both} bias=0.25")
            self.add(f"sum inputs={both},{again}")
        self.channels, self.split = filters, self.gpus > 1

    def add_vector_join(self) -> None:
        """Add a join of a vector and flattened maps."""
        if self.channels == 3 or self.gpus > 1:
            return
        above, units = f"l{len(self.lines) - 1}", self.channels * self.side**2
        vector = self.add(f"fc outputs={units} {self.learning()}")
        maps = self.add(f"linear a={self.one_of(-1, 0.5)} inputs={above}") if self.chance() else above
        flat = self.add(f"flatten inputs={maps}")
        self.add(f"{self.one_of('sum', 'max', 'concat')} inputs={vector},{flat}")

    def add_pooling(self) -> None:
        kernel = int(self.one_of(*range(1, min(3, self.side) + 1)))
        stride = int(self.one_of(*range(1, kernel + 1)))
        pad = int(self.one_of(*range(kernel))) if self.chance() else 0
        rounding = self.one_of("up", "down")
        spare = self.side + 2 * pad - kernel
        positions = 1 + (spare // stride if rounding == "down" else -(-spare // stride))
        if (positions - 1) * stride - pad >= self.side or self.channels == 3:
            return
        pools = ("maxpool", "avgpool", "maxabspool", *(("sumpool",) if self.dialect == "v2" else ()))
        keys = f"kernel={kernel} stride={stride} pad={pad} rounding={rounding}"
        self.add(f"{self.one_of(*pools)} {keys} {self.neuron()}")
        self.side = positions

    def add_padding(self) -> None:
        """Add zeros around the maps, the same on both axes, and at most as many in front as the maps have pixels."""
        before, after = int(self.one_of(*range(self.side + 1))), int(self.one_of(0, 1, 4))
        if self.channels == 3 or not before + after or self.side > 9:
            return
        self.add(f"zeropad pad={before},{after},{before},{after} {self.neuron()}")
        self.side += before + after

    def add_crop(self) -> None:
        """Crop to a square with equal offsets from the left and the top."""
        start, size = int(self.one_of(0, 1)), self.side - int(self.one_of(1, 2))
        if self.channels == 3 or size < 3:
            return
        self.add(f"crop size={size} top={start} left={start} {self.neuron()}")
        self.side = size

    def add_layer_on_maps(self) -> None:
        if self.channels == 3:
            return
        size = int(self.one_of(*range(1, min(5, self.side) + 1)))
        k = 1 if self.dialect == "2012" else self.one_of(1, 2)
        numbers = f"{self.one_of('alpha', 'scale')}={self.one_of('1e-4', 0.05)} beta={self.one_of(0.75, 0.5)}"
        odd = min(size, 3)
        self.add(
            self.one_of(
                f"lrn size={self.one_of(2, 4, 5)} k={self.one_of(1, 2)} {numbers}",
                f"rnorm size={size} k={k} {numbers}",
                f"contrast size={size} k={k} {numbers}",
                "blur size=3 stdev=1.5" if self.side >= 3 else f"rnorm size={odd} k={k} {numbers}",
                *FUNCTIONS[:5],
                "tanh a=1.5 b=0.25",
                "log a=2.5" if self.dialect == "v2" else "sqrt",
            )
        )

    def add_pooling_across_maps(self) -> None:
        """Add a pooling across maps, written as pooling of a single map whose rows are the maps.

        A window of one row would be read as a window of one pixel if the map is square, and version 2 cannot pool a
        single map, so windows have at least two rows.
        """
        if self.channels == 3 or self.dialect == "2012" or self.gpus > 1:
            return
        stride = int(self.one_of(1, 2)) if self.channels % 32 == 0 else 1
        kernel, pixels = int(self.one_of(2, 3)), self.side**2
        before = int(self.one_of(*range(kernel)))
        outputs = self.channels // stride
        after = stride * (outputs - 1) + kernel - self.channels - before
        if not 0 <= after < kernel:
            return
        self.add(f"reshape size=1x{self.channels}x{pixels}")
        self.add(f"maxpool kernel={kernel}x1 stride={stride}x1 pad=0,0,{before},{after}")
        self.add(f"reshape size={outputs}x{self.side}x{self.side}")
        self.channels = outputs

    def add_last_layers(self) -> None:
        """Add fully connected layers with dropout, a softmax, and perhaps losses."""
        if self.chance():
            self.add_vector_join()
        scaling = "test" if self.dialect == "2012" else self.one_of("test", "train")
        if self.dialect == "v2" and self.gpus == 1 and self.chance():
            parts = int(self.one_of(2, 4)) if self.channels % 4 == 0 else 1
            bound = "norm_over=parts fixed_norm=1.25" if parts > 1 and self.chance() else ""
            self.add(f"fc outputs=8 parts={parts} {bound} {self.learning()}")
        for _ in range(int(self.one_of(0, 1, 2))):
            reads = "reads=all" if self.split and self.chance() else ""
            learning = self.learning("" if reads or self.gpus > 1 else "fc")
            self.add(f"fc outputs={self.gpus * int(self.one_of(3, 8))} {reads} {learning} {self.neuron()}")
            self.split = self.gpus > 1
            if self.chance():
                self.add(f"dropout rate={self.one_of(0.5, 0.2, 0.7)} scaling={scaling}")
        gpu = f"gpu={self.one_of(*range(self.gpus))}" if self.gpus > 1 and self.chance() else ""
        above = f"l{len(self.lines) - 1}"
        scores = self.add(f"fc outputs={6 * self.gpus} reads=all {gpu} init=gaussian(0.1) lr=0.125")
        self.add("softmax")
        if not gpu and self.chance():
            self.add_losses(scores, above)

    def add_losses(self, scores: str, above: str) -> None:
        """Add a loss of the scores, and perhaps one of another output of the layer above them.

        A single loss never has weight 1, because that is the default loss of a spec without losses.
        """
        another = self.chance()
        self.add(f"crossentropy inputs={scores} loss_weight={self.one_of(1, 0.5) if another else 0.5}")
        if another:
            other = self.add(f"fc outputs={6 * self.gpus} reads=all inputs={above} init=gaussian(0.2)")
            words = ["crossentropy", "squarederror", "sumsquares", *(["cauchyerror"] if self.dialect == "2012" else [])]
            words += ["binarycrossentropy" if self.dialect == "2012" else "binarycrossentropy positive=3"]
            self.add(f"{self.one_of(*words)} inputs={other} loss_weight={self.one_of(1, 0.25)}")


@st.composite
def specs(draw: st.DrawFn, dialect: str) -> str:
    """Random specs for one to three GPUs that this version of cuda-convnet can express."""
    spec = _body(draw, dialect)
    spec.add_last_layers()
    return spec.text()


@st.composite
def inexpressible_specs(draw: st.DrawFn, dialect: str) -> tuple[str, str]:
    """Random specs that could be expressed except for one layer, each with this layer's name."""
    spec = _body(draw, dialect)
    filters = 16 * spec.gpus
    inexpressible = (
        f"conv filters={filters} kernel=3x2 pad=1 {spec.learning()}",
        f"conv filters={filters} kernel=3 stride=1x2 pad=1 {spec.learning()}",
        f"conv filters={filters} kernel=3 dilation=2 pad=2 {spec.learning()}",
        f"conv filters={filters + spec.gpus} kernel=1 {spec.learning()}",
        f"conv filters={filters} kernel=1 init=xavier",
        "maxpool kernel=3x2 stride=1 pad=1",
        "zeropad pad=1,0,0,1",
        "batchnorm",
        "layernorm",
        *(["dropout over=channels"] if spec.side > 1 else []),  # of single pixels it is dropout over units
    )
    name = spec.add(spec.one_of(*inexpressible))
    spec.add(f"fc outputs={spec.gpus} reads=all init=gaussian(0.1)")
    spec.add("softmax")
    return spec.text(), name


def _body(draw: st.DrawFn, dialect: str) -> PartialSpec:
    """Return a random spec without its last layers."""
    gpus = draw(st.sampled_from((1, 2, 2, 3)))
    spec = PartialSpec(draw, dialect, gpus, draw(st.integers(5, 9)))
    spec.add(f"input 3x{spec.side}x{spec.side} range=255 mean=image")
    spec.add_first_layer()
    spec.add(f"conv filters={16 * gpus} kernel=3 pad=1 {spec.learning()} {spec.neuron()}")
    spec.channels, spec.split = 16 * gpus, gpus > 1
    steps = (
        spec.add_convolution,
        spec.add_pooling,
        spec.add_padding,
        spec.add_crop,
        spec.add_layer_on_maps,
        spec.add_two_joined,
        spec.add_several_inputs,
        spec.add_pooling_across_maps,
    )
    for step in draw(st.lists(st.sampled_from(steps), max_size=5)):
        step()
    return spec
