"""What is no network of Darknet, and what a spec cannot express of one: each with its place."""

from __future__ import annotations

import pytest
from checking import marked, position_of, refused
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics import SpecError
from netspec.net import import_darknet, load_source, loads
from netspec.source import Source

NET = "[net]\nheight=8\nwidth=8\nchannels=3\nbatch=64\n"
CONV = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"


def read(text: str) -> object:
    return import_darknet(Source("a.cfg", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{NET}«filters»\n{CONV}", "this line is neither a section, [convolutional], nor an option, filters=64"),
        (f"«batch=1»\n{NET}{CONV}", "this option stands before the first section"),
        (f"«{CONV[:15]}»{CONV[15:]}", "the first section of a network is [net]"),
        ("«[net]»\nheight=8\nwidth=8\nchannels=3\n", "the network has no layers"),
        (f"«[net]»\nbatch=64\n{CONV}", "it states neither height, width and channels nor inputs"),
        (f"{NET}«[convolution]»\n", "Darknet has no section [convolution]; did you mean [convolutional]?"),
        (f"{NET}{CONV}[deconvolutional]\nsize=2\n«padding=8»\n", "its output has -7x-7 pixels: the padding"),
        (f"{NET}{CONV.replace('size=3', '«size=three»')}", "size must be a whole number, and is 'three'"),
        (f"{NET}{CONV.replace('size=3', '«size=0»')}", "size must be at least 1, and is 0"),
        (f"{NET}{CONV.replace('size=3', '«size=12»').replace('pad=1', '')}",
         "its kernel is larger than its padded input"),
        (f"{NET}{CONV.replace('leaky', 'leeky').replace('activation=leeky', '«activation=leeky»')}",
         "Darknet has no activation 'leeky', and takes relu; did you mean leaky?"),
        (f"{NET}{CONV}«groups=3»\n", "it has 4 channels, which 3 groups do not divide"),
        (f"{NET}{CONV}size=5\n[route]\n«layers=1»\n",
         "layers names layer 1; it is layer 1 itself, and reads only those before it"),
        (f"{NET}{CONV}[route]\n«layers=a»\n", "layers must be whole numbers, and is 'a'"),
        (f"{NET}{CONV}{CONV}stride=2\n[route]\n«layers=0,1»\n", "its layers have different heights or widths"),
        (f"{NET}{CONV}[maxpool]\n«size=2»\nstride=2\npadding=9\n", "[maxpool]'s first window lies wholly outside"),
        (f"{NET}{CONV}[upsample]\n«stride=0»\n", "stride must be at least 1, and is 0"),
        (f"{NET}{CONV}[dropout]\n«probability=1»\n", "probability must be from 0 to below 1, and is 1"),
        (f"{NET}{CONV}[sam]\n«from=-1,0»\n", "from must name one layer"),
        (f"{NET}{CONV}[avgpool]\n[sam]\n«from=0»\n", "it multiplies 4x8x8 by 4x1x1"),
        (f"{NET}{CONV}{CONV}[scale_channels]\n«from=0»\n", "it multiplies 4x8x8 by 4x8x8"),
        (f"{NET}«momentum=1»\n{CONV}", "momentum must be from 0 to below 1, and is 1"),
        (f"{NET}«subdivisions=3»\n{CONV}", "subdivisions=3 does not divide batch=64"),
        (f"{NET}«policy=steps»\n{CONV}", "policy=steps needs steps= and scales="),
        (f"{NET}[crop]\n«crop_height=9»\ncrop_width=8\n", "it cuts 9x8 from 3x8x8"),
        (f"{NET}[convolutional]\n«activation=leaky # as always»\n",
         "Darknet has no activation 'leaky#asalways', and takes relu; did you mean leaky?"),
        (f"{NET}«policy=stps»\n{CONV}", "Darknet has no policy 'stps', and takes constant; did you mean steps?"),
        (f"{NET}«policy=poly;»\n{CONV}", "Darknet has no policy 'poly;', and takes constant; did you mean poly?"),
        (f"{NET}{CONV}{CONV}[route]\n«layers=-1,»\n", "layers must be whole numbers, and is '-1,'"),
        (f"{NET}{CONV}«[network]»\n{CONV}", "the first section of a network is [net], and no other is"),
        (f"{NET}«inputs=100»\n{CONV}", "inputs=100, and channels x height x width are 192"),
        ("[net]\ninputs=100\n«[convolutional]»\n", "it reads maps, and the input is a vector of 100"),
    ],
)  # fmt: skip
def test_no_network(text: str, message: str) -> None:
    plain, place = marked(text)
    found = refused(read, plain)
    assert found.code == "darknet-network" and message in found.message
    assert position_of(found)[::2] == place[::2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{NET}{CONV}«filter=4»\n", "[convolutional] has no option filter, and Darknet ignores it; did you mean "
         "filters?"),
        (f"{NET}«heigth=8»\n{CONV}", "[net] has no option heigth, and Darknet ignores it; did you mean height?"),
        (f"{NET}{CONV}[avgpool]\n«size=2»\n", "[avgpool] has no option size, and Darknet ignores it"),
    ],
)  # fmt: skip
def test_option_that_darknet_ignores(text: str, message: str) -> None:
    plain, place = marked(text)
    found = refused(read, plain)
    assert (found.code, found.message) == ("darknet-option", message)
    assert position_of(found)[::2] == place[::2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("«[rnn]»\noutput=9\n", "a spec has no recurrent layers"),
        ("[convolutional]\nsize=3\n«binary=1»\n", "binary=1 changes what the layer computes"),
        ("[convolutional]\n«padding=1»\n", "it pads a kernel of 1, which Darknet does only with cuDNN"),
        ("[convolutional]\n«share_index=0»\n", "it shares the weights of another layer"),
        ("[convolutional]\n«activation=gelu»\n", "it is the approximation by tanh"),
        ("[convolutional]\n«activation=plse»\n", "a spec has no layer that computes this"),
        ("[reorg]\n«stride=2»\n", "2 x 2 does not divide its input, 3x8x8"),
        ("[softmax]\n«groups=2»\n", "it is a softmax in each of several groups"),
        ("[softmax]\n«temperature=0»\n", "its temperature is not above 0"),
        ("[upsample]\n«stride=-2»\n", "with a stride below 0, it adds up pixels"),
        ("[lrn]\n", "Darknet's sums of squares leave out a channel"),
        ("[convolutional]\n[convolutional]\n[shortcut]\nfrom=0\n«weights_type=per_channel»\n", "its sum has weights"),
        ("[convolutional]\nstride=2\n[upsample]\nstride=3\n[shortcut]\n«from=0»\n", "it adds maps of 4x4 to maps of"),
        ("[yolo]\n«[convolutional]»\n", "it reads what [yolo] computes, which a spec cannot express"),
        ("[convolutional]\n«[crop]»\n", "it is not the first layer"),
        ("[cost]\n«[convolutional]»\n", "it reads a loss"),
        ("[convolutional]\n«batch_normalize=2»\n", "it normalises over several batches"),
    ],
)  # fmt: skip
def test_not_expressible(text: str, reason: str) -> None:
    plain, place = marked(NET + text)
    found = refused(read, plain)
    assert found.code == "darknet-not-expressible"
    assert any(reason in note for note in found.notes), found.notes
    if place[2]:
        assert position_of(found)[::2] == place[::2]


def test_numbers_are_read_up_to_a_comment() -> None:
    """As ``atoi`` and ``atof`` read them."""
    conv = "[convolutional]\nfilters = 4 # four\nsize=3;\npad=1\nbinary=0 # no\n"
    net = load_source(Source("a.cfg", f"{NET}hue=0 # none\n{conv}[route]\nlayers=-1 # the last\n"))
    assert net["conv0"].output == (4, 8, 8) and not net.warnings


def test_what_follows_from_a_mistake_is_not_reported() -> None:
    found = refused(read, f"{NET}[gru]\noutput=4\n{CONV}[route]\nlayers=-1,-2\n[softmax]\ngroups=2\n")
    assert found.message == "a spec cannot express 1 of the network's 4 layers"


def test_all_mistakes_of_both_kinds_are_reported() -> None:
    with pytest.raises(SpecError) as caught:
        read(f"{NET}{CONV}activation=a\nsize=7\n{CONV.replace('3', 'x')}[route]\nlayers=7\n[gru]\n")
    codes = [d.code for d in caught.value.diagnostics]
    assert codes == ["darknet-network", "darknet-network", "darknet-not-expressible"]


def test_unknown_options_and_functions_of_all_layers_are_reported() -> None:
    layer = CONV.replace("leaky", "leeky")
    with pytest.raises(SpecError) as caught:
        read(f"{NET}{layer}{layer.replace('filters', 'filter')}[maxpool]\nsise=2\n")
    found = [(d.code, position_of(d)[0]) for d in caught.value.diagnostics]
    assert found == [
        ("darknet-network", 10), ("darknet-option", 12), ("darknet-network", 15), ("darknet-option", 17),
    ]  # fmt: skip


def test_a_section_of_another_version_is_told_what_to_put_in_its_place() -> None:
    found = refused(read, f"{NET}{CONV}[prelu]\n")
    assert found.message == "Darknet has no section [prelu]"
    assert found.notes[0].startswith("netspec reads the sections of pjreddie's and AlexeyAB's Darknet")
    assert load_source(Source("a.cfg", f"{NET}{CONV}[empty]\n"))["conv0"].output == (4, 8, 8)


@pytest.mark.parametrize("name", ["a.cfg", "network", "<stdin>"])
def test_a_network_is_told_from_a_layer_file_by_its_first_section(name: str) -> None:
    text = f"# a comment\n\n; another\n [ network ] # the network\n{NET[6:]}\n{CONV}"
    assert load_source(Source(name, text))["conv0"].output == (4, 8, 8)
    layer_file = "[net]\ntype=data\ndataIdx=0\n\n[probs]\ntype=softmax\ninputs=net\n"
    assert all(not d.code.startswith("darknet") for d in _codes(name, layer_file))


def _codes(name: str, text: str) -> tuple[object, ...]:
    try:
        loads(text, name)
    except SpecError as error:
        return error.diagnostics
    return ()


FULL = (
    NET + "policy=steps\nsteps=10,20\nscales=.1,.1\nhue=.1\n" + CONV + "[shortcut]\nfrom=-1\nactivation=relu\n"
    "[route]\nlayers=-1,0\n[maxpool]\nsize=2\nstride=2\n[reorg]\nstride=2\n[local]\nfilters=2\nsize=1\n"
    "[dropout]\nprobability=.5\n[connected]\noutput=10\nactivation=linear\n[softmax]\n[cost]\ntype=sse\n"
)


@pytest.mark.ci
@given(st.data())
def test_mutated_files_give_diagnostics_and_no_traceback(data: st.DataObject) -> None:
    """Lines are cut, swapped, repeated and changed in single characters."""
    lines = FULL.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "repeat", "swap", "character", "number"]))
        if kind == "drop" and len(lines) > 1:
            del lines[place]
        elif kind == "repeat":
            lines.insert(data.draw(st.integers(0, len(lines))), lines[place])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[place], lines[other] = lines[other], lines[place]
        elif kind == "character" and lines[place]:
            at = data.draw(st.integers(0, len(lines[place]) - 1))
            lines[place] = lines[place][:at] + data.draw(st.characters(codec="latin-1")) + lines[place][at + 1 :]
        else:
            key, _, _ = lines[place].partition("=")
            number = data.draw(st.sampled_from(["0", "-1", "2147483647", "99999999999", "1e999", "nan", "1,2", ""]))
            lines[place] = f"{key}={number}"
    try:
        load_source(Source("a.cfg", "\n".join(lines)))
    except SpecError as error:
        assert error.diagnostics and all(d.message for d in error.diagnostics)
