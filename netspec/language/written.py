"""Write syntax as text. Comments are lost."""

from __future__ import annotations

from netspec.language.syntax import Call, Claim, File, Pair, Value, Values, Word


def written_out(file: File) -> str:
    """Return a merged file as the text of a spec that starts from no other."""
    lines = []
    for setting in file.settings:
        parts = [setting.word.text, *map(written, (*setting.values, *setting.pairs)), *_claimed(setting.claim)]
        lines.append((setting.word.text in ("train", "augment", "test"), "  ".join(parts)))
    layers = []
    for section in file.sections:
        parts = [f"[{section.name.text}]", *map(written, (*section.values, *section.pairs))]
        layers.append("  ".join([*parts, *_claimed(section.claim)]))
    before = [line for late, line in lines if not late]
    after = [line for late, line in lines if late]
    return "\n".join([*before, "", *layers, "", *after]).strip() + "\n"


def _claimed(claim: Claim | None) -> list[str]:
    return ["->", *map(written, (*claim.values, *claim.pairs))] if claim else []


def written(item: Value | Pair) -> str:
    """Return the text of a value, or of a key with its value. Words and numbers are spelled as in their file."""
    match item:
        case Pair():
            return f"{item.key.text}={written(item.value)}"
        case Call():
            return f"{item.name.text}({', '.join(map(written, (*item.args, *item.named)))})"
        case Values():
            return ",".join(map(written, item.items))
    return item.span.text


def without_brackets(call: Call) -> str:
    """Return a call as a type with its size and keys: ``input 3x32x32`` for ``input(3, 32, 32)``.

    Words are taken for layers to read: ``sum inputs=a,b`` for ``sum(a, b)``.
    """
    names = [arg.text for arg in call.args if isinstance(arg, Word)]
    if names and len(names) == len(call.args):
        return " ".join([call.name.text, f"inputs={','.join(names)}", *map(written, call.named)])
    size = "x".join(map(written, call.args))
    return " ".join([call.name.text, *([size] if size else []), *map(written, call.named)])
