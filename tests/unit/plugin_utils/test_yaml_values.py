# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts inside of Helm values: set and removed, and not a byte of anything else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.argocd.plugins.module_utils._core.policy import DesiredPolicy, edit_text
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import NotEditable
from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_values import edit_texts, read_texts

CM = ("configs", "cm")
KEY = "accounts.octopus"
POLICY = "p, octopus, clusters, get, *, allow\np, octopus, logs, get, */*, allow\n"

# Text, changes, text after.
EDITED: dict[str, tuple[str, dict[str, str | None], str]] = {
    "nothing-there": ("", {KEY: "apiKey"}, "configs:\n  cm:\n    accounts.octopus: apiKey\n"),
    "two-keys": (
        "---\n",
        {KEY: "apiKey,login", f"{KEY}.enabled": "true"},
        '---\nconfigs:\n  cm:\n    accounts.octopus: apiKey,login\n    accounts.octopus.enabled: "true"\n',
    ),
    "beside-the-rest": (
        (
            "global:\n  domain: cd.example.com # ours\n\nconfigs:\n  # what Argo CD is told\n  cm:\n"
            "    url: x   # the URL\n    # accounts below\n  params: {}\nserver:\n  replicas: 2\n"
        ),
        {KEY: "apiKey"},
        (
            "global:\n  domain: cd.example.com # ours\n\nconfigs:\n  # what Argo CD is told\n  cm:\n"
            "    url: x   # the URL\n    accounts.octopus: apiKey\n    # accounts below\n  params: {}\n"
            "server:\n  replicas: 2\n"
        ),
    ),
    "the-mapping-is-missing": (
        "configs:\n    params:\n        a: b\nz: 1\n",
        {KEY: "apiKey"},
        "configs:\n    params:\n        a: b\n    cm:\n      accounts.octopus: apiKey\nz: 1\n",
    ),
    "the-mapping-is-empty": (
        "configs:\n  cm: {} # none yet\n  params: {}\n",
        {KEY: "apiKey"},
        "configs:\n  cm: # none yet\n    accounts.octopus: apiKey\n  params: {}\n",
    ),
    "the-mapping-is-null": ("configs:\n  cm:\n", {KEY: "apiKey"}, "configs:\n  cm:\n    accounts.octopus: apiKey\n"),
    "no-line-break-at-the-end": (
        "configs:\n  cm:\n    url: x",
        {KEY: "apiKey"},
        "configs:\n  cm:\n    url: x\n    accounts.octopus: apiKey\n",
    ),
    "the-last-value-is-a-block-without-end": (
        "configs:\n  cm:\n    a: b\n    c: |\n      d",
        {KEY: "apiKey"},
        "configs:\n  cm:\n    a: b\n    accounts.octopus: apiKey\n    c: |\n      d",
    ),
    "another-value-in-its-own-form": (
        "configs:\n  cm:\n    'accounts.octopus' :  'login'  # who\n    accounts.octopus.enabled: false\n",
        {KEY: "apiKey", f"{KEY}.enabled": "true"},
        "configs:\n  cm:\n    'accounts.octopus' :  apiKey # who\n    accounts.octopus.enabled: \"true\"\n",
    ),
    "a-policy": (
        "configs:\n  cm:\n    a: b\n",
        {"policy.csv": POLICY},
        (
            "configs:\n  cm:\n    a: b\n    policy.csv: |\n      p, octopus, clusters, get, *, allow\n"
            "      p, octopus, logs, get, */*, allow\n"
        ),
    ),
    "a-line-more-in-a-block-of-its-own-indentation": (
        "configs:\n  cm:\n    policy.csv: | # the policy\n          # mine\n\n          g, a, b\n    c: d\n",
        {"policy.csv": "# mine\n\ng, a, b\ng, octopus, c\n"},
        (
            "configs:\n  cm:\n    policy.csv: | # the policy\n          # mine\n\n          g, a, b\n"
            "          g, octopus, c\n    c: d\n"
        ),
    ),
    "a-line-more-in-a-block-without-a-line-end": (
        "configs:\n  cm:\n    policy.csv: |- # the policy\n        g, a, b\n\n    c: d\n",
        {"policy.csv": "g, a, b\ng, octopus, c"},
        "configs:\n  cm:\n    policy.csv: |- # the policy\n        g, a, b\n        g, octopus, c\n\n    c: d\n",
    ),
    "a-line-more-in-a-block-with-several": (
        "configs:\r\n  cm:\r\n    policy.csv: |+\r\n      g, a, b\r\n\r\n    c: d\r\n",
        {"policy.csv": "g, a, b\n\ng, octopus, c\n\n\n"},
        ("configs:\r\n  cm:\r\n    policy.csv: |+\r\n      g, a, b\r\n\r\n      g, octopus, c\r\n\r\n\r\n    c: d\r\n"),
    ),
    "behind-a-block-that-keeps-its-line-ends": (
        "configs:\n  cm:\n    a: |+\n      b\n\n\nserver: {}\n",
        {"policy.csv": "g, a, b\n\n"},
        "configs:\n  cm:\n    a: |+\n      b\n\n\n    policy.csv: |+\n      g, a, b\n\nserver: {}\n",
    ),
    "several-line-ends-before-a-blank-line": (
        "configs:\n  cm:\n    a: b\n\nserver: {}\n",
        {"policy.csv": "g, a, b\n\n"},
        'configs:\n  cm:\n    a: b\n    policy.csv: "g, a, b\\n\\n"\n\nserver: {}\n',
    ),
    "several-line-ends-in-a-new-mapping-before-a-blank-line": (
        "configs:\n  cm: {}\n\nserver: {}\n",
        {"policy.csv": "g, a, b\n\n"},
        'configs:\n  cm:\n    policy.csv: "g, a, b\\n\\n"\n\nserver: {}\n',
    ),
    "removed-with-the-blank-lines-that-it-kept": (
        "configs:\n  cm:\n    a: b\n    policy.csv: |+\n      g, a, b\n\n\n    c: d\n",
        {"policy.csv": None},
        "configs:\n  cm:\n    a: b\n    c: d\n",
    ),
    "line-ends-of-another-system": (
        "configs:\r\n  cm:\r\n    a: b\r\n",
        {KEY: "apiKey", "policy.csv": "g, a, b\n"},
        "configs:\r\n  cm:\r\n    a: b\r\n    accounts.octopus: apiKey\r\n    policy.csv: |\r\n      g, a, b\r\n",
    ),
    "removed": (
        "configs:\n  cm:\n    a: b\n    accounts.octopus: apiKey # gone\n    c: d\n",
        {KEY: None},
        "configs:\n  cm:\n    a: b\n    c: d\n",
    ),
    "removed-with-what-held-it": (
        "a: 1\nconfigs:\n  cm:\n    accounts.octopus: x\nb: 2\n",
        {KEY: None},
        "a: 1\nb: 2\n",
    ),
    "removed-up-to-a-mapping-with-more": (
        "configs:\n  params: {}\n  cm:\n    accounts.octopus: x\n",
        {KEY: None},
        "configs:\n  params: {}\n",
    ),
    "removed-beside-a-comment": (
        "configs:\n  cm:\n    # accounts\n    accounts.octopus: x\n    # no more\n",
        {KEY: None},
        "configs:\n  cm: {}\n    # accounts\n    # no more\n",
    ),
    "removed-where-it-is-not": ("configs: {}\n", {KEY: None}, "configs: {}\n"),
    "an-anchor-elsewhere": (
        "a: &x {b: 1}\nc: *x\nconfigs:\n  cm:\n    u: v\n",
        {KEY: "apiKey"},
        "a: &x {b: 1}\nc: *x\nconfigs:\n  cm:\n    u: v\n    accounts.octopus: apiKey\n",
    ),
    "a-template-elsewhere": (
        "a: '{{ .Values.x }}'\nconfigs:\n  cm:\n    u: v\n",
        {KEY: "apiKey"},
        "a: '{{ .Values.x }}'\nconfigs:\n  cm:\n    u: v\n    accounts.octopus: apiKey\n",
    ),
}


@pytest.mark.parametrize(("text", "changes", "after"), EDITED.values(), ids=EDITED)
def test_exactly_the_keys_change(text: str, changes: dict[str, str | None], after: str) -> None:
    edited = edit_texts(text, CM, changes)
    assert edited == after
    assert edit_texts(edited, CM, changes) == after
    found = read_texts(edited, CM)
    assert {key: found.get(key) for key in changes} == changes


def test_the_file_of_an_umbrella_chart_has_them_below_its_name() -> None:
    assert edit_texts("argo-cd:\n  server: {}\n", ("argo-cd", *CM), {"accounts.admin": "apiKey,login"}) == (
        "argo-cd:\n  server: {}\n  configs:\n    cm:\n      accounts.admin: apiKey,login\n"
    )


REFUSED = {
    "flow": ("configs: {cm: {a: b}}\n", "the value is no mapping with a line for each key (line 1)"),
    "a-text": ("configs: x\n", "the value is no mapping with a line for each key (line 1)"),
    "a-list": ("- configs\n", "the document is not a block mapping of variables (line 1)"),
    "twice": ("configs:\n  cm:\n    a: b\nconfigs:\n  cm: {}\n", "the key is there twice (line 4)"),
    "the-key-twice": (f"configs:\n  cm:\n    {KEY}: a\n    {KEY}: b\n", "the key is there twice (line 4)"),
    "several-documents": ("a: b\n---\nc: d\n", "there is more than one YAML document (line 3)"),
    "not-yaml": ("a: [\n", "this is not valid YAML (line 2)"),
    "a-mapping-for-an-account": (
        f"configs:\n  cm:\n    {KEY}:\n      enabled: x\n",
        "the value is of another kind than is written here (line 3)",
    ),
    "an-alias": (
        f"a: &x y\nconfigs:\n  cm:\n    {KEY}: *x\n",
        "the value is, or ends with, an alias of a value elsewhere",
    ),
    "the-mapping-is-an-alias": (
        "a: &x\n  b: c\nconfigs:\n  cm: *x\n",
        "the value is no mapping with a line for each key",
    ),
    "merged-at-the-top": (
        "x: &x {configs: {cm: {a: b}}}\n<<: *x\nserver: {}\n",
        "a merge key brings in keys that stand elsewhere (line 2)",
    ),
    "merged-on-the-way": (
        "x: &x\n  cm:\n    a: b\nconfigs:\n  params: {}\n  <<: *x\n",
        "a merge key brings in keys that stand elsewhere (line 6)",
    ),
    "merged-into-the-mapping": (
        "x: &x\n  a: b\nconfigs:\n  cm:\n    <<: [*x]\n    c: d\n",
        "a merge key brings in keys that stand elsewhere (line 5)",
    ),
    "an-empty-mapping-on-two-lines": (
        "configs:\n  cm: {\n  }\n",
        "the empty value cannot be taken out of its line (line 2)",
    ),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_edited_safely_is_refused(text: str, reason: str) -> None:
    with pytest.raises(NotEditable) as caught:
        edit_texts(text, CM, {KEY: "apiKey"})
    assert reason in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in REFUSED if kind.startswith("merged")])
def test_what_is_merged_is_not_taken_for_missing_and_not_removed(kind: str) -> None:
    text, reason = REFUSED[kind]
    for act in (lambda: read_texts(text, CM), lambda: edit_texts(text, CM, {KEY: None})):
        with pytest.raises(NotEditable, match=re.escape(reason)):
            act()


def test_a_merge_elsewhere_and_a_key_that_only_looks_like_one_are_no_obstacle() -> None:
    text = "x: &x {a: b}\nserver:\n  <<: *x\nconfigs:\n  params:\n    <<: *x\n  cm:\n    '<<': c\n"
    assert read_texts(text, CM) == {"<<": "c"}
    assert edit_texts(text, CM, {KEY: "apiKey"}) == f"{text}    {KEY}: apiKey\n"


def test_texts_are_read_as_helm_makes_them() -> None:
    lines = ["a: true", "b: No", "c: 10", "d: x", "e: null", "f: [1]", "g: {h: 1}", "i: ''"]
    text = "configs:\n  cm:\n" + "".join(f"    {line}\n" for line in lines)
    assert read_texts(text, CM) == {"a": "true", "b": "false", "c": "10", "d": "x", "i": ""}
    assert read_texts("x: y\n", CM) == {}


# --- properties ----------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "policy.csv", "policy.x.csv", KEY, f"{KEY}.enabled", "url"])
TEXTS = st.one_of(
    st.text(max_size=30),
    st.lists(st.text(st.characters(codec="ascii", categories=["L", "P", "Zs"]), max_size=12), max_size=4).map(
        "\n".join
    ),
    st.sampled_from([POLICY, POLICY.rstrip(), f"{POLICY}\n\n"]),
)
SURROUNDINGS = st.dictionaries(NAMES, TEXTS.filter(str.isprintable), max_size=3)


@st.composite
def values_files(draw: st.DrawFn) -> str:
    """Draw a file with other values before, inside of, beside and after the mapping, comments between."""
    comment = st.sampled_from(["", "# a remark\n", "  # an indented one\n", "\n"])
    inside = {key: text for key, text in draw(SURROUNDINGS).items() if key in ("a", "b", "url")}
    cm = yaml.safe_dump(inside, indent=4, allow_unicode=True) if inside else "{}\n"
    head = f"global:\n  x: 1\n{draw(comment)}configs:\n{draw(comment)}  params:\n    y: 2 # two\n{draw(comment)}"
    body = "  cm: {}\n" if not inside else "  cm:\n" + "".join(f"    {line}\n" for line in cm.splitlines())
    return head + draw(st.sampled_from([body, "", "  cm: # nothing\n"])) + draw(comment) + "server:\n  z: 3\n"


@given(values_files(), st.dictionaries(NAMES.filter(lambda name: name not in ("a", "b", "url")), TEXTS, min_size=1))
def test_what_is_set_reads_back_and_the_rest_stays(text: str, wanted: dict[str, str]) -> None:
    edited = edit_texts(text, CM, wanted)
    shape, before = yaml.safe_load(edited), yaml.safe_load(text)
    was = before["configs"].get("cm") or {}
    assert shape["configs"].pop("cm") == {**was, **wanted}
    before["configs"].pop("cm", None)
    assert shape == before
    assert edit_texts(edited, CM, wanted) == edited


@given(values_files(), st.dictionaries(NAMES.filter(lambda name: name not in ("a", "b", "url")), TEXTS, min_size=1))
def test_what_was_set_and_removed_again_leaves_the_file_as_it_was(text: str, wanted: dict[str, str]) -> None:
    removed = edit_texts(edit_texts(text, CM, wanted), CM, dict.fromkeys(wanted))
    # A mapping without keys may have gone, or come: to Helm that is the same.
    assert removed.replace("  cm: {}\n", "").replace("  cm: {} #", "  cm: #") == text.replace("  cm: {}\n", "")


@pytest.mark.parametrize("below", ["", "\n", "\n\n    # more\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "block",
    ["|\n g, a, b\n", "|-\n g, a, b\n", "|-\n # x\n\n g, a, b\n", "|+\n g, a, b\n", "|+ # x\n g, a, b\n\n\n"],
)
def test_a_section_that_comes_and_goes_leaves_a_block_as_it_was(block: str, newline: str, below: str) -> None:
    text = f"configs:\n  cm:\n    policy.csv: {block}{below}    c: d\n".replace("\n g", "\n      g")
    text = text.replace("\n #", "\n      #").replace("\n", newline)
    wish = DesiredPolicy("octopus", (("g", "octopus", "c"),))
    there = edit_texts(text, CM, {"policy.csv": edit_text(read_texts(text, CM)["policy.csv"], wish)})
    assert "      # END fleetops.argocd octopus" in there
    gone = edit_text(read_texts(there, CM)["policy.csv"], replace(wish, present=False))
    assert edit_texts(there, CM, {"policy.csv": gone}) == text
