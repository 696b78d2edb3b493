"""The model class of the program: its layers with parameters, and its methods."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import BatchNorm
from netspec.passes.label_grid import pixel_losses
from netspec.passes.phases import Phases, phases

from .body import Writer
from .devices import Devices
from .helpers import with_their_own
from .holders import Holders
from .names import Names, class_name
from .text import sum_of


@dataclass(frozen=True, slots=True)
class Method:
    """``def name(self, arguments):``, with its docstring and the lines of its body."""

    name: str
    arguments: str
    doc: str
    body: list[str]


@dataclass(frozen=True, slots=True)
class Model:
    """The template variables of the model class.

    ``layers`` are the lines of ``__init__``, ``helpers`` the helpers that the program must define.
    ``scores`` and ``loss`` are the bodies of functions of ``model``, ``images`` and ``labels``: of the class scores,
    and of the training loss. If that is ``by_shares``, its function also takes the labels of the whole ``batch``, and
    returns what the images contribute to the loss of that. ``random_state`` is the attribute that random numbers depend
    on, if the model draws any, and ``random_in_evaluation`` whether it also draws in evaluation. ``world`` is the
    attribute for the processes, if needed. ``batch_norms``: it has batch normalisations.
    """

    name: str
    layers: list[str]
    methods: list[Method]
    helpers: tuple[str, ...]
    scores: list[str]
    loss: list[str]
    by_shares: bool
    random_state: str | None
    random_in_evaluation: bool
    world: str | None
    batch_norms: bool

    @property
    def lines(self) -> list[str]:
        """The lines of the class."""
        return [*self.layers, *(line for method in self.methods for line in method.body)]


def write_model(graph: Graph, devices: Devices) -> Model:
    """Return the model class of a graph, divided over processes as ``devices`` says."""
    parts, holders = phases(graph), Holders(graph, devices)
    members = Names(holders.names)
    random_state, world = members.new("random_state"), members.new("world")
    writer = Writer(graph, devices, holders, random_state, world)
    trunk = _trunk(writer, parts, members, devices)
    methods, call = [trunk], "model(images)"
    if trunk.name != "forward":
        methods, call = [trunk, _forward(writer, parts, trunk)], f"model.{trunk.name}(images)"
    scores, by_shares = _scores(writer, parts, call, f"model.{world}", devices), bool(pixel_losses(graph))
    if parts.losses:
        methods.append(_training_loss(writer, parts, trunk, members.new("training_loss"), devices))
        loss = [f"return model.{methods[-1].name}(images, labels{', batch' if by_shares else ''})"]
    else:
        loss = _cross_entropy(writer, scores, devices)
    helpers = writer.helpers
    is_random = not helpers.keys().isdisjoint({"dropout", "noisy_relu", "random_scale"})
    needs_world = devices.placed is not None
    tables = ["table_conv"] if any(p.table for p in graph.parameters.values()) else []
    return Model(
        name=class_name(graph.name),
        layers=_layers(holders, random_state if is_random else None, world if needs_world else None),
        methods=methods,
        helpers=with_their_own([*(["Tensors"] if holders.has_tensors else []), *tables, *helpers]),
        scores=[f"return {scores}"],
        loss=loss,
        by_shares=by_shares,
        random_state=random_state if is_random else None,
        random_in_evaluation="noisy_relu" in helpers,
        world=world if needs_world else None,
        batch_norms=any(isinstance(node.op, BatchNorm) for node in graph.nodes.values()),
    )


def _layers(holders: Holders, random_state: str | None, world: str | None) -> list[str]:
    """Return the lines of ``__init__``. ``random_state`` and ``world`` are the names of these attributes, if needed."""
    constructors = holders.lines()
    lines = [f"self.{world} = world"] if world else []
    lines += ["parts = world.parts"] if any("// parts" in line for line in constructors) else []
    comment = "random draws depend on this: (seed, step, index of the first image)"
    return [*lines, *constructors, *([f"self.{random_state} = None  # {comment}"] if random_state else [])]


def _scores(writer: Writer, parts: Phases, call: str, world: str, devices: Devices) -> str:
    """Return the expression for the class scores of ``images``, (N,C), or maps of a dense network. ``call`` is the call
    that runs the trunk."""
    scores, graph = call + ("[0]" if len(parts.carried) > 1 else ""), writer.graph
    if parts.losses and devices.split(parts.carried[0]):
        writer.helpers["all_of"] = None
        scores = f"all_of({scores}, {world})"
    scores += ".flatten(1)" if graph.scores.output.is_image and not graph.is_dense else ""
    return scores + (".float()" if graph.train.precision == "bf16" else "")


def _cross_entropy(writer: Writer, scores: str, devices: Devices) -> list[str]:
    """Return the lines of the training loss of a spec without a loss layer."""
    train, dense = writer.graph.train, writer.graph.is_dense
    loss, options = "pixel_loss" if dense else "F.cross_entropy", ""
    if train.class_weights is not None:
        options = ", model.training"
        if not dense:
            loss = "weighted_cross_entropy"
            writer.helpers[loss] = None
    elif train.label_smoothing:
        options = ", label_smoothing=LABEL_SMOOTHING * model.training"
    if not devices.end_on_first:
        return [f"return {loss}({scores}, labels{options})"]
    entropy = f"{loss}(scores, labels{options})"
    return [f"scores = {scores}", f"return {entropy} if len(scores) else scores.sum()  # 0 except in the first group"]


def _trunk(writer: Writer, parts: Phases, members: Names, devices: Devices) -> Method:
    """Return the method that computes the trunk: ``forward`` if it is the whole network, else one that others call."""
    body, variables = writer.lines(parts.trunk, {}, parts.carried)
    if devices.scores is not None:
        name = devices.scores.value
        body += writer.transfer_lines(devices.scores, variables[name], variables[name])
    body = _returning(body, [variables[name] for name in parts.carried])
    if not parts.tail and len(parts.carried) == 1:
        doc = "The network's output." if writer.graph.scores.output.is_image else "The class scores."
        return Method("forward", "image", doc, body)
    if len(parts.carried) == 1:
        return Method(members.new("scores"), "image", "The class scores.", body)
    doc = "The class scores, then other values that the other methods read."
    return Method(members.new("heads"), "image", doc, body)


def _forward(writer: Writer, parts: Phases, trunk: Method) -> Method:
    if not parts.tail:
        return Method("forward", "image", "The class scores.", [f"return self.{trunk.name}(image)[0]"])
    start, variables = _run_trunk(writer, parts, trunk, parts.tail)
    output = writer.graph.output.layer
    body, results = writer.lines(parts.tail, variables, (output,))
    body = _returning(body, [results[output]])
    if not parts.labelled:
        return Method("forward", "image", "The network's output.", [start, *body])
    unlabelled = ["if labels is None:", f"    return {variables[parts.carried[0]]}"]
    doc = "The network's output, a loss; without labels, the class scores."
    return Method("forward", "image, labels=None", doc, [start, *unlabelled, *body])


def _training_loss(writer: Writer, parts: Phases, trunk: Method, name: str, devices: Devices) -> Method:
    start, variables = _run_trunk(writer, parts, trunk, parts.losses)
    lines = [start]
    if devices.end_on_first:
        (scores,) = variables.values()
        lines += [f"if not len({scores}):", f"    return {scores}.sum()  # 0: only the first group has scores"]
    weights = writer.graph.loss_weights
    body, results = writer.lines(parts.losses, variables, [layer.name for layer in parts.losses])
    terms = [(weights[layer.name], results[layer.name]) for layer in parts.losses]
    values = [value if weight == 1 else f"{weight!r} * {value}" for weight, value in terms]
    arguments, doc = "image, labels", "The loss that training minimises."
    if of_pixels := {node.layer for node in pixel_losses(writer.graph)}:
        arguments, doc = "image, labels, batch", "What an image contributes to the loss of a batch with these labels."
        for layer, value in zip(parts.losses, values, strict=True):
            own, whole = (writer.labels(layer.name, of) for of in ("labels", "batch"))
            share = f"share_of_labels({own}, {whole})" if layer.name in of_pixels else "(len(labels) / len(batch))"
            body.append(f"{results[layer.name]} = {value} * {share}")
        values = [results[layer.name] for layer in parts.losses]
    return Method(name, arguments, doc, _returning([*lines, *body], [sum_of(values)]))


def _returning(body: list[str], values: list[str]) -> list[str]:
    """Append a return statement. A last line that assigns the returned value becomes the return statement."""
    if len(values) == 1 and body and body[-1].startswith(f"{values[0]} = "):
        return [*body[:-1], f"return {body[-1].removeprefix(f'{values[0]} = ')}"]
    return [*body, f"return {', '.join(values)}"]


def _run_trunk(writer: Writer, parts: Phases, trunk: Method, layers: tuple[Layer, ...]) -> tuple[str, dict[str, str]]:
    """Return the first line of a method, which runs the trunk, and the variables that it assigns."""
    variables = {name: writer.own_variable(name) for name in parts.carried}
    if len(variables) == 1:
        (scores,) = variables
        variables = {scores: writer.variable(scores, [layer for layer in layers if scores in layer.inputs], layers[0])}
    return f"{', '.join(variables.values())} = self.{trunk.name}(image)", variables
