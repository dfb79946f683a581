"""Searching, replacing, regular expressions, escapes and formats."""

from __future__ import annotations

from typing import Any

from conformance.scenarios.sql.payload import RAISES

SEARCHES: dict[str, Any] = {
    "find('..., Value: 1.2', 'Value:')": "Value: 1.2",
    "find('..., Value: 1.2', 'Data')": "",
    "find('', 'a')": "",
    "find('Front, Middle, End', ', ', 'leading')": ", Middle, End",
    "find('Front, Middle, End', ', ', 'trailing')": ", End",
    "find(payload.unicode, '!')": "! 🌍",
    "replace('ab..cd..ef', '..', '**')": "ab**cd**ef",
    "replace('ab..cd..ef', '..', '')": "abcdef",
    "replace('abc', 'x', 'y')": "abc",
    "replace('', 'x', 'y')": "",
    "replace('ab..cd..ef', '..', '**', 'all')": "ab**cd**ef",
    "replace('ab..cd..ef', '..', '**', 'leading')": "ab**cd..ef",
    "replace('ab..cd..ef', '..', '**', 'trailing')": "ab..cd**ef",
    "replace(payload.chinese, '好', '们')": "你们",
    "replace('a.c', '.', 'b')": "abc",
}

REGULAR_EXPRESSIONS: dict[str, Any] = {
    r"regex_match('123', '^\d+$')": True,
    r"regex_match('a23', '^\d+$')": False,
    "regex_match('', '^$')": True,
    "regex_match('abc', 'b')": True,
    "regex_match('abc', '(?i)B')": True,
    r"regex_replace('hello 123', '\d+', 'world')": "hello world",
    r"regex_replace('a;b; c', ';\s*', ',')": "a,b,c",
    r"regex_replace('abc', '\d', '#')": "abc",
    r"regex_replace('a1b2', '\d', '')": "ab",
    r"regex_extract('Number: 12345', '(\d+)')": ["12345"],
    r"regex_extract('Hello, world!', '(\w+).*\s(\w+)')": ["Hello", "world"],
    r"regex_extract('No numbers here!', '(\d+)')": [],
    r"regex_extract(payload.dashes, '(\d{4})-(\d{2})-(\d{2})')": ["2024", "02", "29"],
    r"regex_extract('123', '\d+')": [],
}

FORMATS: dict[str, Any] = {
    "sprintf('hello, ~s!', 'steve')": "hello, steve!",
    "sprintf('count: ~p~n', 100)": "count: 100\n",
    "sprintf('~b and ~b', 1, 2)": "1 and 2",
    "sprintf('~.2f', 3.14159)": "3.14",
    "sprintf('~5..0b', 42)": "00042",
    "sprintf('100~~')": "100~",
    "sprintf('~.16B', 255)": "FF",
    r"unescape('a\nb')": "a\nb",
    r"unescape('a\tb')": "a\tb",
    r"unescape('a\rb')": "a\rb",
    r"unescape('a\\b')": "a\\b",
    r"unescape('\?')": "?",
    r"unescape('\x41')": "A",
    r"unescape('\x4f60')": "你",
    r"unescape('\x1F30D')": "🌍",
    r"""unescape('say \"hi\" twice')""": 'say "hi" twice',
    "unescape('plain')": "plain",
    "unescape('')": "",
    r"""split('a\nb', unescape('\n'))""": [r"a\nb"],
    r"""split(payload.spaced, unescape('\t'))""": [" a b \n"],
}

ERRORS: dict[str, Any] = {
    "find(12, '1')": RAISES,
    "find('abc', 'b', 'sideways')": RAISES,
    "replace(12, '1', '2')": RAISES,
    "replace('abc', 'b', 'x', 'second')": RAISES,
    "regex_match('abc', '(')": RAISES,
    "regex_replace('abc', '[', 'x')": RAISES,
    "sprintf('~b', 'text')": RAISES,
    "sprintf('~s')": RAISES,
    "sprintf('none', 1)": RAISES,
    r"unescape('\q')": RAISES,
    "unescape(5)": RAISES,
}
