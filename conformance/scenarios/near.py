"""Secrets and ids that are nearly right: what a comparison that is too kind would take for the real one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator


def near_misses(secret: str) -> dict[str, str]:
    """By what is wrong with it, a text that is not ``secret``: case, length, blanks, Unicode forms, U+0000, nothing."""
    return {what: text for what, text in _variants(secret) if text != secret}


def _variants(secret: str) -> Iterator[tuple[str, str]]:
    yield "in the other case", secret.swapcase()
    if not secret.isascii():
        yield "with its ASCII letters in the other case", "".join(c.swapcase() if c.isascii() else c for c in secret)
    yield "in upper case", secret.upper()
    yield "in lower case", secret.lower()
    yield "without its last character", secret[:-1]
    yield "without its first character", secret[1:]
    yield "its first half", secret[: len(secret) // 2]
    yield "with one character more", f"{secret}x"
    yield "with its last character twice", secret + secret[-1:]
    yield "with a blank behind", f"{secret} "
    yield "with a blank in front", f" {secret}"
    yield "with a line feed behind", f"{secret}\n"
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield f"in the Unicode form {form}", unicodedata.normalize(form, secret)
    yield "in full width", "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in secret)
    yield "with U+0000 behind", f"{secret}\0"
    yield "with U+0000 and more behind", f"{secret}\0more"
    yield "twice", secret * 2
    yield "empty", ""
    yield "a star", "*"
    yield "asterisks", "******"


def nearly_equal(base: str) -> list[str]:
    """Ids that begin with ``base`` and differ in little: the case of letters, a blank, a Unicode form."""
    texts = [_NEAR, *near_misses(_NEAR).values()]
    return [f"{base}-{text}" for text in dict.fromkeys(texts) if text.isprintable()]


_NEAR = "Caf\u00e9 1b"
