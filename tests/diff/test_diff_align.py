"""Alignment of the layers of two networks."""

from __future__ import annotations

from comparing_nets import diff, difference_lines
from hypothesis import given
from hypothesis import strategies as st

from netspec.diff.align import MAX_CELLS, Alignment, Item, align

TYPES = st.sampled_from(["conv", "maxpool", "dropout"])
ITEMS = st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(TYPES, st.sampled_from("xy")), max_size=8).flatmap(
    lambda found: st.permutations([Item(name, t, k, t == "conv") for name, (t, k) in found.items()])
)


def parse_items(text: str) -> list[Item]:
    """Parse ``conv1:conv pool1:maxpool`` into layers; a word after a second colon stands for their keys."""
    parts = [word.split(":") for word in text.split()]
    return [Item(name, kind, "".join(keys), kind in ("conv", "fc")) for name, kind, *keys in parts]


def match_names(a: str, b: str) -> tuple[list[str], list[str]]:
    """Align two lists of layers; return the pairs, and the pairs that moved, as ``a=b``."""
    left, right = parse_items(a), parse_items(b)
    alignment = align(left, right)
    names = {pair: f"{left[pair[0]].name}={right[pair[1]].name}" for pair in alignment.pairs}
    return list(names.values()), [names[pair] for pair in alignment.pairs if pair in alignment.moved]


def test_layers_with_equal_name_and_type_match() -> None:
    assert match_names("a:conv b:conv c:fc", "a:conv c:fc") == (["a=a", "c=c"], [])


def test_insertion_is_found_although_numbers_shift() -> None:
    """l2 was inserted, and the numbers of the following layers increased by one."""
    a, b = "l1:conv l2:maxpool l3:conv", "l1:conv l2:lrn l3:maxpool l4:conv"
    assert match_names(a, b) == (["l1=l1", "l2=l3", "l3=l4"], [])


def test_renamed_layers_match_by_type_and_preferably_keys() -> None:
    assert match_names("a:conv x:lrn b:fc", "a:conv y:lrn b:fc") == (["a=a", "x=y", "b=b"], [])
    assert match_names("a:fc x:conv:5 b:fc", "a:fc y:conv:3 z:conv:5 b:fc") == (["a=a", "x=z", "b=b"], [])
    assert match_names("a:fc x:conv b:fc", "a:fc b:fc y:conv") == (["a=a", "b=b"], [])


def test_equal_name_with_another_type_is_a_replacement() -> None:
    assert match_names("a:conv n:lrn b:fc", "a:conv n:batchnorm b:fc") == (["a=a", "n=n", "b=b"], [])


def test_layers_without_weights_move_rather_than_those_with() -> None:
    assert match_names("fc6:fc drop6:dropout fc7:fc", "drop6:dropout fc6:fc fc7:fc")[1] == ["drop6=drop6"]
    assert match_names("drop6:dropout fc6:fc fc7:fc", "fc6:fc drop6:dropout fc7:fc")[1] == ["drop6=drop6"]


def test_as_few_layers_as_possible_move() -> None:
    assert match_names("a:conv b:conv c:conv d:conv", "d:conv a:conv b:conv c:conv")[1] == ["d=d"]


def test_long_renamed_net_matches_while_layers_are_equal() -> None:
    length = int(MAX_CELLS**0.5) + 11
    a = [Item(f"a{i}", "conv", str(i), True) for i in range(length)]
    b = [Item(f"b{i}", "conv", str(i) if i < 10 else "", True) for i in range(length)]
    assert align(a, b).pairs == tuple((i, i) for i in range(10))


@given(ITEMS, ITEMS)
def test_match_is_one_to_one_complete_and_symmetric(a: list[Item], b: list[Item]) -> None:
    alignment = align(a, b)
    assert align(b, a) == alignment.mirrored()
    assert len({i for i, _ in alignment.pairs}) == len({j for _, j in alignment.pairs}) == len(alignment.pairs)
    paired = {(a[i].name, b[j].name) for i, j in alignment.pairs}
    for item in a:
        for other in b:
            if (item.name, item.type) == (other.name, other.type):
                assert (item.name, other.name) in paired
    left = {x.name for x in a} - {x for x, _ in paired}
    right = {y.name for y in b} - {y for _, y in paired}
    assert not left & right
    stayed = sorted(set(alignment.pairs) - alignment.moved)
    assert [j for _, j in stayed] == sorted(j for _, j in stayed)


@given(ITEMS)
def test_network_matches_itself(a: list[Item]) -> None:
    assert align(a, a) == Alignment(tuple((i, i) for i in range(len(a))), frozenset())


CHAIN = "[image] input 3x9x9\n[a] conv filters=4 kernel=3\n[b] lrn size=3 alpha=1\n[c] maxpool kernel=3 stride=2\n"


def test_layers_that_move_together_are_reported_once() -> None:
    a = CHAIN + "[d] relu\n[e] tanh\n[f] conv filters=4 kernel=1\n"
    b = CHAIN.replace("[b]", "[d] relu\n[e] tanh\n[b]") + "[f] conv filters=4 kernel=1\n"
    assert difference_lines(diff(a, b)) == ["b moved: a -> e, function"]


def test_changed_input_is_reported_by_name() -> None:
    a = CHAIN + "[d] avgpool kernel=3 inputs=a stride=2\n[e] sum inputs=c,d\n"
    b = a.replace("inputs=a", "inputs=b")
    assert difference_lines(diff(a, b)) == ["d inputs: a -> b, function"]


def test_renamed_replaced_and_added_layers_are_reported() -> None:
    comparison = diff(
        CHAIN + "[d] fc outputs=4\n", CHAIN.replace("[b] lrn", "[b] rnorm") + "[x] fc outputs=4\n[p] softmax\n"
    )
    assert difference_lines(comparison) == [
        "b replaced: lrn size=3 k=1 alpha=1 beta=0.75 -> rnorm size=3 k=1 alpha=1 beta=0.75, function",
        "d = x renamed: d -> x, nothing",
        "p added:  -> softmax, after x, output",
    ]
    assert difference_lines(diff("[image] input 4\n[x] relu\n", "[image] input 4\n[x] tanh\n")) == [
        "x replaced: relu -> tanh a=1 b=1, function"
    ]
