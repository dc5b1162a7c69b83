# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables files are edited, how, and which are refused."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import (
    FlowMapping,
    NotEditable,
    VaultBlock,
    edit,
    lookup,
)

CIPHER = "$ANSIBLE_VAULT;1.1;AES256\n6162\n6364\n"
NEW = VaultBlock(CIPHER)
RECORD = FlowMapping({"account": "octopus", "ids": ["a", "b"], "since": None, "n": 1})
RECORD_TEXT = '{"account": "octopus", "ids": ["a", "b"], "since": null, "n": 1}'
PAIR = ("tok", "rec")


def block(indent: int = 10, *, key: str = "tok: ", comment: str = "", newline: str = "\n") -> str:
    """The text that a new `tok` is expected to have."""
    lines = [f"{key}!vault |{comment}", *(" " * indent + line for line in CIPHER.splitlines())]
    return "".join(line + newline for line in lines)


def old(indent: int = 10, *, key: str = "tok: ", header: str = "!vault |", label: str = "dev") -> str:
    """A stored block, shorter than the new one and of another label."""
    return f"{key}{header}\n{' ' * indent}$ANSIBLE_VAULT;1.2;AES256;{label}\n{' ' * indent}3030\n"


EDITED = {
    "empty": ("", block()),
    "comment only": ("# mine\n", "# mine\n" + block()),
    "comment only, no final newline": ("# mine", "# mine\n" + block()),
    "blank lines only": ("\n\n", "\n\n" + block()),
    "document start": ("---\n", "---\n" + block()),
    "document start, no final newline": ("---", "---\n" + block()),
    "document start with a comment": ("--- # top\n", "--- # top\n" + block()),
    "start and end": ("---\n...\n", "---\n" + block() + "...\n"),
    "end with a comment": ("---\na: 1\n... # end\n", "---\na: 1\n" + block() + "... # end\n"),
    "end without a newline": ("---\na: 1\n...", "---\na: 1\n" + block() + "..."),
    "directive": ("%YAML 1.1\n---\na: 1\n", "%YAML 1.1\n---\na: 1\n" + block()),
    "CRLF, new": ("a: 1\r\n", "a: 1\r\n" + block(newline="\r\n")),
    "CRLF, replaced": (
        "a: 1\r\ntok: x # c\r\nb: 2\r\n",
        "a: 1\r\n" + block(comment=" # c", newline="\r\n") + "b: 2\r\n",
    ),
    "BOM, new": ("\ufeffa: 1\n", "\ufeffa: 1\n" + block()),
    "BOM, first key replaced": ("\ufefftok: 1x\n", "\ufeff" + block()),
    "BOM alone": ("\ufeff", "\ufeff" + block()),
    "no final newline, new": ("a: 1", "a: 1\n" + block()),
    "no final newline, replaced": ("a: 1\ntok: x", "a: 1\n" + block().removesuffix("\n")),
    "indented root, new": ("  a: 1\n  b: 2\n", "  a: 1\n  b: 2\n" + block(12, key="  tok: ")),
    "indented root, replaced": ("  a: 1\n  tok: x\n", "  a: 1\n" + block(12, key="  tok: ")),
    "double-quoted key": ('"tok": x\n', block(key='"tok": ')),
    "single-quoted key": ("'tok': x\n", block(key="'tok': ")),
    "blank before the colon": ("tok : x\n", block(key="tok : ")),
    "blanks behind the colon": ("tok:    x\n", block(key="tok:    ")),
    "block, then a comment": (old() + "# next\na: 1\n", block() + "# next\na: 1\n"),
    "block, then an indented comment": (old() + "  # next\na: 1\n", block() + "  # next\na: 1\n"),
    "block, then blank lines": (old() + "\n\na: 1\n", block() + "\n\na: 1\n"),
    "block, then blank lines, last": (old() + "\n\n", block() + "\n\n"),
    "block of another vault id": (old(label="prod"), block()),
    "block beside another block": (old(key="other: ") + old(), old(key="other: ") + block()),
    "block, indent 2": (old(2), block(2)),
    "block, indent 14": (old(14) + "a: 1\n", block(14) + "a: 1\n"),
    "block, stripped": (old(header="!vault |-"), block()),
    "block, kept": (old(header="!vault |+") + "\n", block() + "\n"),
    "block, explicit indentation": (old(2, header="!vault |2"), block(2)),
    "block, folded": (old(header="!vault >"), block()),
    "block, header comment": (old(header="!vault | # why"), block(comment=" # why")),
    "block, last, no final newline": (old().removesuffix("\n"), block().removesuffix("\n")),
    "block, older tag": (old(header="!vault-encrypted |"), block()),
    "block, empty": ("tok: !vault |\na: 1\n", block() + "a: 1\n"),
    "quoted vault value": ('tok: !vault "$ANSIBLE_VAULT;1.1;AES256\\n3030"\na: 1\n', block() + "a: 1\n"),
    "plain value with a comment": ("tok: abc  # why\na: 1\n", block(comment=" # why") + "a: 1\n"),
    "double-quoted value with a comment": ('tok: "a # b" # why\n', block(comment=" # why")),
    "single-quoted value": ("tok: 'it''s'\n", block()),
    "plain value over two lines": ("tok: a\n  b\nc: 1\n", block() + "c: 1\n"),
    "null with a comment": ("tok: null # why\n", block(comment=" # why")),
    "tilde": ("tok: ~\n", block()),
    "empty value": ("tok:\na: 1\n", block() + "a: 1\n"),
    "empty value with a comment": ("tok:   # why\na: 1\n", block(comment=" # why") + "a: 1\n"),
    "empty value, no final newline": ("tok:", block().removesuffix("\n")),
    "literal value with a comment": ("tok: | # why\n   abc\na: 1\n", block(3, comment=" # why") + "a: 1\n"),
    "last is an unterminated literal": ("a: 1\nb: |\n  x", "a: 1\n" + block() + "b: |\n  x"),
    "last is an unterminated nested literal": ("b:\n  c:\n    - |\n      x", block() + "b:\n  c:\n    - |\n      x"),
    "last is a terminated literal, then a bare comment": ("b: |\n  x\n# c", "b: |\n  x\n# c\n" + block()),
    "last is a kept literal": ("b: |+\n  x\n\n", "b: |+\n  x\n\n" + block()),
    "nested key of the same name": ("a:\n  tok: 1\n", "a:\n  tok: 1\n" + block()),
    "text that mentions it": ("a: |\n  tok: 1\n# tok: 2\n", "a: |\n  tok: 1\n# tok: 2\n" + block()),
    "foreign duplicate, anchor, alias, merge": (
        "a: &x {k: 1}\na: 2\nb: *x\nc:\n  <<: *x\n",
        "a: &x {k: 1}\na: 2\nb: *x\nc:\n  <<: *x\n" + block(),
    ),
    "merge at the top": ("a: &x {k: 1}\n<<: *x\n", "a: &x {k: 1}\n<<: *x\n" + block()),
    "foreign complex key and tags": ("? [a, b]\n: 1\nc: !unsafe x\n", "? [a, b]\n: 1\nc: !unsafe x\n" + block()),
    "list at the end": ("a:\n- 1\n- 2\n", "a:\n- 1\n- 2\n" + block()),
}

REFUSED = {
    "twice": ("tok: a\nb: 1\ntok: c\n", "the key is there twice (line 3)"),
    "several documents": ("a: 1\n---\nb: 2\n", "there is more than one YAML document (line 3)"),
    "flow root": ("{a: 1}\n", "the document is not a block mapping of variables (line 1)"),
    "empty flow root": ("{}\n", "the document is not a block mapping of variables (line 1)"),
    "JSON": ('{\n  "a": 1\n}\n', "the document is not a block mapping of variables (line 1)"),
    "list root": ("---\n- a\n", "the document is not a block mapping of variables (line 2)"),
    "text root": ("just text\n", "the document is not a block mapping of variables (line 1)"),
    "alias": ("a: &x y\ntok: *x\n", "the value is, or ends with, an alias of a value elsewhere (line 2)"),
    "anchor": ("tok: &x y\na: *x\n", "the value has an anchor (line 1)"),
    "anchor on a block": ("tok: !vault &x |\n  3030\n", "the value has an anchor (line 1)"),
    "complex key": ("? tok\n: x\n", "key and value do not stand on one line as `key: value` (line 1)"),
    "dict value": ("tok:\n  a: 1\n", "the value is of another kind than is written here (line 1)"),
    "flow value": ("tok: {a: 1}\n", "the value is of another kind than is written here (line 1)"),
    "list value": ("a: 1\ntok: [x]\n", "the value is of another kind than is written here (line 2)"),
    "number": ("tok: 1\n", "the value is of another kind than is written here (line 1)"),
    "foreign tag": ("tok: !unsafe x\n", "the value is of another kind than is written here (line 1)"),
    "tag on the next line": (
        "tok:\n  !vault |\n  3030\n",
        "key and value do not stand on one line as `key: value` (line 1)",
    ),
    "value on the next line": ("tok:\n  x\n", "key and value do not stand on one line as `key: value` (line 1)"),
    "bad YAML": ("a: 1\nb: [SEKRET\n", "this is not valid YAML (line 3)"),
    "unprintable": ("a: 1\nb: SEKRET\x00\n", "this is not valid YAML (line 2)"),
    "undefined alias": ("a: 1\nb: *SEKRET\n", "this is not valid YAML (line 2)"),
    "tab for a blank": ("tok:\tx\n", "this is not valid YAML (line 1)"),
}


@pytest.mark.parametrize(("before", "after"), EDITED.values(), ids=EDITED)
def test_edited(before: str, after: str) -> None:
    assert edit(before, {"tok": NEW}) == after
    stored = lookup(after, "tok").get("tok")
    assert stored is not None
    assert (stored.kind, stored.text.splitlines()) == ("vault", CIPHER.splitlines())


@pytest.mark.parametrize(("before", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_the_line_and_no_content(before: str, message: str) -> None:
    with pytest.raises(NotEditable) as refused:
        edit(before, {"tok": NEW})
    assert str(refused.value) == message
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"{block()}rec: {RECORD_TEXT}\n"),
        ("a: 1", f"a: 1\n{block()}rec: {RECORD_TEXT}\n"),
        ("b: |\n  x", f"{block()}rec: {RECORD_TEXT}\nb: |\n  x"),
        (f"{old()}# next\na: 1\n", f"{block()}rec: {RECORD_TEXT}\n# next\na: 1\n"),
        ("a: 1\nrec: {}\nb: 2\n", f"a: 1\n{block()}rec: {RECORD_TEXT}\nb: 2\n"),
        ("rec: {} # ours\nb: 2\ntok: x\n", f"rec: {RECORD_TEXT} # ours\nb: 2\n{block()}"),
        (old().removesuffix("\n"), f"rec: {RECORD_TEXT}\n{block()}".removesuffix("\n")),
    ],
    ids=["both new", "no newline", "before a literal", "token there", "record there", "both there", "unterminated"],
)
def test_token_and_record_in_one_edit(before: str, after: str) -> None:
    assert edit(before, {"tok": NEW, "rec": RECORD}, neighbours=PAIR) == after


@pytest.mark.parametrize(
    "form",
    [
        '{"account": "octopus"}',
        "{ account: octopus,\n     n: [1,\n 2] }",
        "\n  { account: octopus }",
        "\n  account: octopus\n  ids:\n    - a\n    - b",
        "",
        " # later",
    ],
)
def test_record_however_it_was_formatted(form: str) -> None:
    before = f"a: 1\nrec: {form}\n# next\nb: 2\n".replace(": \n", ":\n")
    comment = " # later" if "later" in form else ""
    assert edit(before, {"rec": RECORD}) == f"a: 1\nrec: {RECORD_TEXT}{comment}\n# next\nb: 2\n"
    assert edit(before, {"rec": None}) == "a: 1\n# next\nb: 2\n"


@pytest.mark.parametrize(
    "form", ["text", "[1]", "!vault x", "{a: 2024-01-01}", "{1: a}", "{a: !vault x}", "&x {a: *x}"]
)
def test_record_of_another_kind_is_refused(form: str) -> None:
    with pytest.raises(NotEditable):
        edit(f"rec: {form}\n", {"rec": RECORD})


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text": "\x7f \x85 \u2028 \u2029 \ufeff \ufffe \ud800 \U0001f600 \" \\ ' \n\t # : {{ }} %"},
        {"yes": "no", "~": "null", "1": "1e3", "=": "<<", "nested": {"a": [{}, [], [1, 2.5, True, None]]}},
        {"long": "x" * 5000},
    ],
)
def test_record_reads_back_as_written(data: dict[str, object]) -> None:
    text = edit("a: 1\n", {"rec": FlowMapping(data)})
    assert len(text.splitlines()) == 2
    value = lookup(text, "rec").get("rec")
    assert value is not None
    assert value.data == data


@pytest.mark.parametrize("data", [{"a": float("nan")}, {"a": b"SEKRET"}, {"a": 1e300}, {"a": ("SEKRET",)}, {1: "a"}])
def test_record_that_would_not_read_back_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(NotEditable, match=r"^the (mapping is not made of JSON types|edited text would not read back)"):
        edit("a: 1\n", {"rec": FlowMapping(data)})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("a: 1\n", "a: 1\n"),
        (f"a: 1\n{old()}b: 2\n", "a: 1\nb: 2\n"),
        (f"{old()}\n# next\n", "\n# next\n"),
        ("---\ntok: x # ours\n...\n", "---\n...\n"),
        ("a: 1\ntok: x", "a: 1\n"),
        ("tok:\n", ""),
        ("\ufefftok: x\n", "\ufeff"),
    ],
)
def test_removed(before: str, after: str) -> None:
    assert edit(before, {"tok": None}) == after


def test_removal_that_would_change_a_neighbour_is_refused() -> None:
    with pytest.raises(NotEditable, match=r"^the edit would change another variable$"):
        edit("a: |+\n  x\ntok: y\n\nb: 1\n", {"tok": None})


@pytest.mark.parametrize("name", ["yes", "null", "1", "a: b", "# x", "*x"])
def test_key_that_is_no_plain_string_is_refused(name: str) -> None:
    with pytest.raises(NotEditable):
        edit("a: 1\n", {name: NEW})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("tok: x\n", "text"),
        ("tok: ''\n", "text"),
        ("tok: '1'\n", "text"),
        ("tok: !!str 1\n", "text"),
        ("tok: 1\n", "other"),
        ("tok: true\n", "other"),
        ("tok: [a]\n", "other"),
        ("tok: 2024-01-01\n", "other"),
        ("tok: {a: {b: 1}}\n", "mapping"),
        ("tok:\n", "null"),
        ("tok: !vault |\n  3030\n", "vault"),
    ],
)
def test_kind(text: str, kind: str) -> None:
    value = lookup(text, "tok").get("tok")
    assert value is not None
    assert (value.kind, value.line) == (kind, 1)


def test_value_does_not_show_its_text() -> None:
    assert "SEKRET" not in repr(lookup("tok: SEKRET\n", "tok").get("tok"))


def test_shared_values_are_compared_once() -> None:
    """Thirty levels of doubled aliases would be a billion nodes."""
    levels = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 31))
    text = f"a0: &a0 [x]\n{levels}self: &s [*s]\n"
    assert edit(text, {"tok": NEW}) == text + block()


def test_result_is_what_ansible_would_load() -> None:
    text = edit("a: 1\n", {"tok": NEW, "rec": RECORD}, neighbours=PAIR)
    assert yaml.safe_load(text.replace("!vault ", "")) == {"a": 1, "tok": CIPHER, "rec": dict(RECORD.data)}
