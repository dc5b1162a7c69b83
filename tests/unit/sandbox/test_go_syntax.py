# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go's words for bad JSON: each line was taken from a real argocd-server or kube-apiserver, or from scanner.go."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from argocd_sandbox.go_syntax import END_OF_INPUT, syntax_error
from hypothesis import given
from hypothesis import strategies as st

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", END_OF_INPUT),
        ("{", END_OF_INPUT),
        ('{"a', END_OF_INPUT),
        ('{"a":tr', END_OF_INPUT),
        ('{"a":"x",}', "invalid character '}' looking for beginning of object key string"),
        ("{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        ('{"a" "b"}', "invalid character '\"' after object key"),
        ('{"a":1 2}', "invalid character '2' after object key:value pair"),
        ('["a";]', "invalid character ';' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        (r'"\x"', "invalid character 'x' in string escape code"),
        (r'"\u12g4"', r"invalid character 'g' in \u hexadecimal character escape"),
        ('"a\nb"', r"invalid character '\n' in string literal"),
        ('"a\x01b"', r"invalid character '\x01' in string literal"),
        ("tru}", "invalid character '}' in literal true (expecting 'e')"),
        ("nil", "invalid character 'i' in literal null (expecting 'u')"),
        ("-}", "invalid character '}' in numeric literal"),
        ("1.}", "invalid character '}' after decimal point in numeric literal"),
        ("1e+}", "invalid character '}' in exponent of numeric literal"),
        ("01", "invalid character '1' after top-level value"),
        ("NaN", "invalid character 'N' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("ü", "invalid character 'Ã' looking for beginning of value"),
    ],
)
def test_the_words(text: str, said: str) -> None:
    assert syntax_error(text) == said


@given(JSON_VALUES, st.sampled_from([str, ascii]))
def test_json_has_no_error_but_its_end(value: object, kind: Callable[[object], str]) -> None:
    text = json.dumps(value, ensure_ascii=kind is ascii, indent=1)
    assert syntax_error(text, "all read") == "all read"
    assert syntax_error(text + "!") == "invalid character '!' after top-level value"


@given(JSON_VALUES.filter(lambda value: isinstance(value, (str, list, dict))), st.data())
def test_what_is_cut_off_misses_its_end(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    assert syntax_error(text[: data.draw(st.integers(0, len(text) - 1))], "cut off") == "cut off"
