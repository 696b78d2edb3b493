"""The sections of Darknet's files and their options.

They are those that the functions ``parse_*`` of src/parser.c read in pjreddie/darknet and in AlexeyAB/darknet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netspec.check.report import Findings
from netspec.diagnostics.model import first_line_span
from netspec.diagnostics.nearest import did_you_mean
from netspec.importers.darknet.functions import ABSENT_FUNCTIONS, FUNCTIONS
from netspec.importers.darknet.sections import Section, number_of, unknown_word
from netspec.importers.spec.problem import NO_LAYER, NO_RECURRENCE

NET = "net"

ALIASES: Mapping[str, str] = {
    "network": NET, "conv": "convolutional", "conn": "connected", "max": "maxpool", "avg": "avgpool",
    "local_avg": "local_avgpool", "soft": "softmax", "lrn": "normalization", "deconv": "deconvolutional",
    "silence": "empty",
}  # fmt: skip
"""Other words for sections (``string_to_layer_type``)."""

DETECTION = ("yolo", "region", "detection", "Gaussian_yolo", "iseg", "contrastive")
"""The sections that find boxes in the maps before them. They are left out, with all their options."""

ABSENT: Mapping[str, str] = {
    **dict.fromkeys(("rnn", "crnn", "gru", "lstm", "conv_lstm", "history"), NO_RECURRENCE),
    **dict.fromkeys(("reorg3d", "l2norm", "implicit"), NO_LAYER),
    "normalization": "Darknet's sums of squares leave out a channel, which a spec's lrn does not",
}
"""The sections that a spec cannot express, with the reason."""

_CHANGES = "changes what the layer computes, and a spec has no such layer"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a section: those that are translated, those that a spec cannot express unless they are 0, and
    those that concern the training alone and are left out, with a note unless they are 0 or what is given here."""

    read: str = ""
    zero: str = ""
    left_out: str = ""

    @property
    def names(self) -> list[str]:
        """All options."""
        return [item.partition("=")[0] for item in f"{self.read} {self.zero} {self.left_out}".split()]


def _layer(read: str = "", zero: str = "", left_out: str = "") -> Options:
    """Return the options of a layer, with those of all layers (``parse_network_cfg``)."""
    common = "truth onlyforward stopbackward dontsave learning_rate=1 smooth clip dont_update burnin_update"
    return Options(read, f"{zero} dontload dontloadscales numload", f"{left_out} {common} train_only_bn")


_POOL = "size stride stride_x stride_y padding"

OPTIONS: Mapping[str, Options] = {
    NET: Options(
        "batch subdivisions height width channels inputs momentum decay learning_rate policy steps scales step scale "
        "gamma power burn_in max_batches adam B1 B2 eps min_crop max_crop flip",
        left_out="seen time_steps=1 notruth random max_ratio min_ratio center clip angle aspect=1 saturation=1 "
        "exposure=1 hue learning_rate_min sgdr_cycle sgdr_mult seq_scales track augment_speed try_fix_nan "
        "sequential_subdivisions weights_reject_freq equidistant_point badlabels_rejection_percentage "
        "num_sigmas_reject_badlabels ema_alpha use_cuda_graph loss_scale=1 dynamic_minibatch optimized_memory "
        "workspace_size_limit_MB blur gaussian_noise mixup cutmix mosaic letter_box mosaic_bound contrastive "
        "contrastive_jit_flip contrastive_color unsupervised label_smooth_eps resize_step attention adversarial_lr "
        "max_chart_loss show_receptive_field",
    ),
    "convolutional": _layer(
        "filters size stride stride_x stride_y pad padding dilation groups batch_normalize activation share_index",
        "binary xnor bin_output cbn flipped dot antialiasing assisted_excitation sway rotate stretch stretch_sway "
        "reverse coordconv",
        "angle=15 grad_centr stream=-1 wait_stream=-1",
    ),
    "deconvolutional": _layer("filters size stride pad padding batch_normalize activation"),
    "local": _layer("filters size stride pad activation"),
    "connected": _layer("output activation batch_normalize"),
    "batchnorm": _layer(),
    "maxpool": _layer(_POOL, "maxpool_depth antialiasing maxpool_zero_nonmax", "out_channels=1"),
    "local_avgpool": _layer(_POOL),
    "avgpool": _layer(),
    "upsample": _layer("stride scale"),
    "reorg": _layer("stride reverse", "flatten extra"),
    "crop": _layer("crop_height crop_width flip noadjust", "", "angle saturation=1 exposure=1 shift"),
    "route": _layer("layers groups group_id", "", "stream=-1 wait_stream=-1"),
    "shortcut": _layer("from activation alpha beta weights_type weights_normalization"),
    "scale_channels": _layer("from activation", "scale_wh"),
    "sam": _layer("from activation"),
    "activation": _layer("activation"),
    "logistic": _layer(),
    "dropout": _layer("probability", "dropblock", "dropblock_size_rel dropblock_size_abs"),
    "softmax": _layer("groups temperature tree spatial", "", "noloss"),
    "cost": _layer("type", "", "scale=1 ratio noobj=1 thresh"),
    "empty": _layer(),
}
"""The sections that are translated."""

_OTHER_VERSION = (
    "netspec reads the sections of pjreddie's and AlexeyAB's Darknet; if this is one of another version, put [empty] "
    "in its place, which passes on what it reads, and add to the converted spec the layer that computes the same: "
    "`netspec explain` lists them"
)

WORDS = (*OPTIONS, *ABSENT, *DETECTION)


def check_sections(sections: Sequence[Section], findings: Findings) -> None:
    """Give the sections their usual words, and report those that are unknown or in a wrong place, options that are
    unknown, which Darknet ignores, and unknown activation functions."""
    for section in sections:
        section.word = ALIASES.get(section.word, section.word)
        if section.word not in WORDS:
            near = findings.nearest(section.word, (*WORDS, *ALIASES))
            message = f"Darknet has no section [{section.word}]" + did_you_mean(near and f"[{near}]")
            findings.add("darknet-network", message, section.span, notes=() if near else (_OTHER_VERSION,))
        elif (section.word == NET) != (section.number < 0):
            findings.add("darknet-network", "the first section of a network is [net], and no other is", section.span)
        elif section.word in OPTIONS:
            known = OPTIONS[section.word].names
            for name, option in section.options.items():
                if name not in known:
                    message = f"[{section.word}] has no option {name}, and Darknet ignores it"
                    findings.add("darknet-option", message + did_you_mean(findings.nearest(name, known)), option.span)
            if "activation" in known and "activation" in section.options:
                _check_activation(section, findings)
    if len(sections) < 2 and not findings.has_errors():
        place = sections[0].span if sections else first_line_span(findings.root)
        findings.add("darknet-network", "the network has no layers", place)


def _check_activation(section: Section, findings: Findings) -> None:
    """Report an unknown activation function, for which Darknet takes relu."""
    word, functions = section.text("activation"), (*FUNCTIONS, *ABSENT_FUNCTIONS)
    if word not in functions:
        mistake = unknown_word("activation", word, functions, "relu", section.place("activation"))
        message = f"layer {section.number}, [{section.word}]: {mistake}"
        findings.add("darknet-network", message, mistake.span, notes=mistake.notes)


def check_zero(section: Section) -> None:
    """Raise ``Inexpressible`` for an option of a layer that must be 0."""
    for name in OPTIONS[section.word].zero.split():
        section.need(name, "0", f"{name}={section.text(name)} {_CHANGES}")


def left_out(section: Section) -> list[str]:
    """Return the options of a section that are left out and say something: ``hue=.1``."""
    stated = []
    for item in OPTIONS[section.word].left_out.split():
        name, _, usual = item.partition("=")
        value = section.text(name, usual or "0")
        if number_of(value) != number_of(usual or "0"):
            stated.append(f"{name}={value}")
    return stated
