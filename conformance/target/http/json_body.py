"""Read the JSON of an answer, and refuse what two readers may understand differently (RFC 8259)."""

from __future__ import annotations

import json
import math
import re
import sys
from codecs import BOM_UTF8
from collections import Counter
from typing import Any

DEEPEST = 100
"""Levels of nesting; the API needs about ten."""


def decode_json(content: bytes) -> tuple[Any, str | None]:
    """The value of ``content`` and None, or None and why it is no JSON to rely on.

    Refused besides what is no JSON: a byte order mark, the same key twice in an object, numbers and lone surrogates
    that others cannot hold, and nesting that others cannot follow. A healthy EMQX answers none of these, whatever it
    was sent (behaviour 0.1).
    """
    if content.startswith(BOM_UTF8):
        return None, "it starts with a byte order mark"
    try:
        value = _DECODER.decode(content.decode("utf-8"))
        if _SURROGATE.search(content):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        return None, f"it is not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        return None, f"it is not JSON ({error})"
    except UnicodeEncodeError as error:
        return None, f"a text has the lone surrogate {error.object[error.start]!a}, which UTF-8 cannot hold"
    except RecursionError:
        return None, _TOO_DEEP
    except ValueError as error:
        return None, str(error) if isinstance(error, _Unreliable) else _TOO_LONG
    # Only brackets nest, so there is nothing to measure in a body that has few of them.
    if content.count(b"[") + content.count(b"{") > DEEPEST and _deeper_than(value, DEEPEST):
        return None, _TOO_DEEP
    return value, None


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"
# What Python's int() refuses, with a plain ValueError, to keep a long number from costing quadratic time.
_TOO_LONG = f"an integer has more than {sys.get_int_max_str_digits()} digits"


class _Unreliable(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise _Unreliable(f"an object has the key {twice!r:.80} twice")
    return value


def _constant(name: str) -> Any:
    raise _Unreliable(f"{name} is not JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Unreliable(f"the number {text:.40} is beyond the range of a double")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)


def _deeper_than(value: Any, levels: int) -> bool:
    layer: list[Any] = [[value]]
    while layer and levels >= 0:
        layer = [
            child
            for container in layer
            for child in (container.values() if type(container) is dict else container)
            if type(child) is dict or type(child) is list
        ]
        levels -= 1
    return bool(layer)
