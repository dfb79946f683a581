"""Texts whose characters mean something to whoever does not take them as they are: patterns, encodings, code."""

from __future__ import annotations

from collections.abc import Mapping

LONGEST_IN_A_LINE = 2000
"""Characters of a long text that is still part of a request line: servers take lines of about 8,000 bytes."""

TEXTS: Mapping[str, str] = {
    "an opening bracket": "[",
    "an opening parenthesis": "(",
    "a star": "*",
    "a plus": "+",
    "a question mark": "?",
    "a repetition": "{2,1}",
    "a caret": "^",
    "a dollar": "$",
    "a bar": "|",
    "any character": ".*",
    "a backslash": "\\",
    "an escape": "\\d",
    "a percent sign": "%",
    "a percent code": "%41",
    "an underscore": "_",
    "a double quote": '"',
    "a single quote": "'",
    "a comment": "--",
    "an ampersand": "&",
    "an equals sign": "=",
    "a semicolon": ";",
    "a comma": ",",
    "a colon": ":",
    "a hash": "#",
    "a slash": "/",
    "a blank": " ",
    "a template": "${clientid}",
    "a tag": "<b>",
    "a term": '<<"x">>',
    "the word null": "null",
    "the word undefined": "undefined",
    "a negative number": "-1",
    "right to left": "\u202e\u05d0\u05d1",
    "a combining mark": "e\u0301",
    "a letter with that mark": "\u00e9",
    "outside the basic plane": "\U0001f600",
    "a zero-width joiner": "\u200d",
    "a long text": "x" * LONGEST_IN_A_LINE,
}  # fmt: skip
"""Texts by what they are. All are printable (erratum B26), and none is a dot segment of a path."""

EMPTY = ""

TOGETHER = "~".join(text for what, text in TEXTS.items() if what != "a long text")
"""All of them in one, save the longest: one element that holds it stands for one of each."""

NO_PATTERNS = frozenset({"[", "(", "*", "+", "?", "{2,1}", "\\"})
"""Those that are no regular expression."""

WILDCARDS = ("a star", "a question mark", "a dollar", "any character", "a percent sign", "a hash", "a blank")
"""Those that stand for more, or for nothing, at the end of a text in patterns of one kind or another."""
