"""Which layer is which."""

from __future__ import annotations

from comparing_nets import diff, told
from hypothesis import given
from hypothesis import strategies as st

from netspec.diff.align import MAX_CELLS, Alignment, Item, align

TYPES = st.sampled_from(["conv", "maxpool", "dropout"])
ITEMS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(TYPES, st.sampled_from("xy")), max_size=8).flatmap(
    lambda found: st.permutations([Item(name, t, k, t == "conv") for name, (t, k) in found.items()])
)


def items(text: str) -> list[Item]:
    """``conv1:conv pool1:maxpool`` as layers; the word behind a second colon stands for their keys."""
    parts = [word.split(":") for word in text.split()]
    return [Item(name, kind, "".join(keys), kind in ("conv", "fc")) for name, kind, *keys in parts]


def matched(a: str, b: str) -> tuple[list[str], list[str]]:
    """The pairs, and those that have moved, by name."""
    left, right = items(a), items(b)
    found = align(left, right)
    shown = {pair: f"{left[pair[0]].name}={right[pair[1]].name}" for pair in found.pairs}
    return list(shown.values()), [shown[pair] for pair in found.pairs if pair in found.moved]


def test_layers_of_one_name_and_type_are_one() -> None:
    assert matched("a:conv b:conv c:fc", "a:conv c:fc") == (["a=a", "c=c"], [])


def test_a_number_that_has_shifted_does_not_hide_what_was_put_in() -> None:
    """layer2 was put in, and the names behind it have moved on by one."""
    a, b = "l1:conv l2:maxpool l3:conv", "l1:conv l2:lrn l3:maxpool l4:conv"
    assert matched(a, b) == (["l1=l1", "l2=l3", "l3=l4"], [])


def test_between_anchors_layers_of_other_names_are_matched_by_type_and_rather_by_keys() -> None:
    assert matched("a:conv x:lrn b:fc", "a:conv y:lrn b:fc") == (["a=a", "x=y", "b=b"], [])
    assert matched("a:fc x:conv:5 b:fc", "a:fc y:conv:3 z:conv:5 b:fc") == (["a=a", "x=z", "b=b"], [])
    assert matched("a:fc x:conv b:fc", "a:fc b:fc y:conv") == (["a=a", "b=b"], [])


def test_a_name_of_another_type_was_replaced() -> None:
    assert matched("a:conv n:lrn b:fc", "a:conv n:batchnorm b:fc") == (["a=a", "n=n", "b=b"], [])


def test_what_has_weights_stays_and_what_has_none_moves() -> None:
    assert matched("fc6:fc drop6:dropout fc7:fc", "drop6:dropout fc6:fc fc7:fc")[1] == ["drop6=drop6"]
    assert matched("drop6:dropout fc6:fc fc7:fc", "fc6:fc drop6:dropout fc7:fc")[1] == ["drop6=drop6"]


def test_as_few_as_can_be_have_moved() -> None:
    assert matched("a:conv b:conv c:conv d:conv", "d:conv a:conv b:conv c:conv")[1] == ["d=d"]


def test_a_long_net_of_other_names_is_matched_while_its_layers_are_alike() -> None:
    many = int(MAX_CELLS**0.5) + 11
    a = [Item(f"a{i}", "conv", str(i), True) for i in range(many)]
    b = [Item(f"b{i}", "conv", str(i) if i < 10 else "", True) for i in range(many)]
    assert align(a, b).pairs == tuple((i, i) for i in range(10))


@given(ITEMS, ITEMS)
def test_the_match_is_one_to_one_whole_and_does_not_depend_on_which_is_first(a: list[Item], b: list[Item]) -> None:
    found = align(a, b)
    assert align(b, a) == found.mirrored()
    assert len({i for i, _ in found.pairs}) == len({j for _, j in found.pairs}) == len(found.pairs)
    paired = {(a[i].name, b[j].name) for i, j in found.pairs}
    for item in a:
        for other in b:
            if (item.name, item.type) == (other.name, other.type):
                assert (item.name, other.name) in paired
    left = {x.name for x in a} - {x for x, _ in paired}
    right = {y.name for y in b} - {y for _, y in paired}
    assert not left & right
    stayed = sorted(set(found.pairs) - found.moved)
    assert [j for _, j in stayed] == sorted(j for _, j in stayed)


@given(ITEMS)
def test_a_network_is_matched_with_itself(a: list[Item]) -> None:
    assert align(a, a) == Alignment(tuple((i, i) for i in range(len(a))), frozenset())


CHAIN = "[image] input 3x9x9\n[a] conv filters=4 kernel=3\n[b] lrn size=3 alpha=1\n[c] maxpool kernel=3 stride=2\n"


def test_a_layer_that_moves_with_the_one_before_it_is_told_once() -> None:
    a = CHAIN + "[d] relu\n[e] tanh\n[f] conv filters=4 kernel=1\n"
    b = CHAIN.replace("[b]", "[d] relu\n[e] tanh\n[b]") + "[f] conv filters=4 kernel=1\n"
    assert told(diff(a, b)) == ["b moved: a -> e, function"]


def test_a_layer_that_reads_another_one_is_told_by_names() -> None:
    a = CHAIN + "[d] avgpool kernel=3 inputs=a stride=2\n[e] sum inputs=c,d\n"
    b = a.replace("inputs=a", "inputs=b")
    assert told(diff(a, b)) == ["d inputs: a -> b, function"]


def test_renamed_replaced_added_and_removed() -> None:
    found = diff(
        CHAIN + "[d] fc outputs=4\n", CHAIN.replace("[b] lrn", "[b] rnorm") + "[x] fc outputs=4\n[p] softmax\n"
    )
    assert told(found) == [
        "b replaced: lrn size=3 k=1 alpha=1 beta=0.75 -> rnorm size=3 k=1 alpha=1 beta=0.75, function",
        "d = x renamed: d -> x, nothing",
        "p added:  -> softmax, after x, output",
    ]
    assert told(diff("[image] input 4\n[x] relu\n", "[image] input 4\n[x] tanh\n")) == [
        "x replaced: relu -> tanh a=1 b=1, function"
    ]
