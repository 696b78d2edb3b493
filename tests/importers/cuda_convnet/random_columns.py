"""Random small layer files of 2012 for several GPUs: the same layers on each GPU, and layers that join them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from layerfiles import DATA, ending

READS = ("own", "own", "all", "first", "others", "joined")
"""What a layer on a GPU reads from the level below: the layer on its own GPU, the layers on all GPUs, the one on GPU 0,
the one on another GPU, or a concatenation of all of them."""


@dataclass
class Columns:
    """A file under construction: the current layer on each GPU, and its number of maps (of 8 x 8) or values."""

    draw: st.DrawFn
    gpus: int
    text: str = DATA
    current: list[str] = field(default_factory=list)
    maps: bool = True
    channels: int = 3
    unread: list[str] = field(default_factory=list)

    def one_of(self, *options: str) -> str:
        return self.draw(st.sampled_from(options))

    def add(self, name: str, type_: str, reads: list[str], gpu: int, keys: str = "") -> str:
        self.text += f"[{name}]\ntype={type_}\ninputs={','.join(reads)}\ngpu={gpu}\n{keys}"
        self.unread = [layer for layer in self.unread if layer not in reads] + [name]
        return name

    def join(self, name: str) -> None:
        """Concatenate the current layers of all GPUs, once on each GPU or once on a single one."""
        if self.draw(st.integers(0, 3)) == 0:
            on = self.draw(st.integers(0, self.gpus - 1))
            self.current = [self.add(f"{name}j", "concat", self.current, on)] * self.gpus
        else:
            every = list(self.current)
            self.current = [self.add(f"{name}j{'abc'[g]}", "concat", every, g) for g in range(self.gpus)]
        self.channels *= self.gpus

    def level(self, number: int) -> None:
        """Add a layer on each GPU."""
        name, source = f"l{number}", self.one_of(*READS)
        kinds = ("conv", "pool", "cmrnorm", "fc", "neuron") if self.maps else ("fc", "fc", "neuron", "concat", "eltsum")
        type_ = self.one_of(*(kinds if self.current else ("conv", "fc")))
        if source == "joined" and self.current:
            self.join(name)
        if source == "all" and type_ in ("pool", "cmrnorm", "neuron"):
            source = "own"
        below = self.current or ["data"] * self.gpus
        choices = {"all": below if self.current else ["data"]}
        for gpu in range(self.gpus):
            choices |= {f"own{gpu}": [below[gpu]], f"joined{gpu}": [below[gpu]], f"first{gpu}": [below[0]]}
            choices |= {f"others{gpu}": [below[(gpu + 1) % self.gpus]]}
        inputs = [choices.get(f"{source}{gpu}", choices["all"]) for gpu in range(self.gpus)]
        keys = self.keys(type_, len(inputs[0]))
        self.current = [self.add(f"{name}{'abc'[g]}", type_, inputs[g], g, keys) for g in range(self.gpus)]
        if type_ == "concat":
            self.channels *= len(inputs[0])
        self.channels = {"conv": 16, "fc": 4}.get(type_, self.channels)
        self.maps = self.maps and type_ != "fc"

    def keys(self, type_: str, inputs: int) -> str:
        """The keys of a layer that keeps the size of its maps."""

        def repeat(value: object) -> str:
            return ",".join([str(value)] * inputs)

        return {
            "conv": f"channels={repeat(self.channels)}\nfilters={repeat(16)}\nfilterSize={repeat(3)}\n"
            f"padding={repeat(1)}\nstride={repeat(1)}\ninitW={repeat(0.1)}\npartialSum=0\n",
            "fc": f"outputs=4\ninitW={repeat(0.1)}\n{self.one_of('', 'neuron=relu')}\n",
            "pool": f"channels={self.channels}\npool=max\nsizeX=2\nstride=1\noutputsX=8\n",
            "cmrnorm": f"channels={self.channels}\nsize=3\n",
            "neuron": "neuron=tanh[1,2]\n",
        }.get(type_, "")


@st.composite
def columns(draw: st.DrawFn) -> str:
    """The text of a whole layer file."""
    file = Columns(draw, draw(st.sampled_from((2, 2, 3))))
    for number in range(draw(st.integers(2, 5))):
        file.level(number)
    return file.text + ending(",".join(file.unread))
