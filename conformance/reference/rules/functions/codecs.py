"""Encodings, hashes, compression, UUIDs and the schemas of the registry."""

from __future__ import annotations

import base64
import gzip as gzip_format
import hashlib
import os
import uuid
import zlib
from collections.abc import Callable
from typing import Any

from conformance.reference.rules.functions.registry import FunctionError, a_text, context_function, function
from conformance.reference.rules.scope import Scope
from conformance.reference.rules.values import (
    MAX_LENGTH,
    Bits,
    EvaluationError,
    decode_json,
    encode_json,
    from_bytes,
    to_bytes,
)
from conformance.reference.schema_registry.registry import SchemaRegistry
from conformance.reference.schema_registry.serde import SerdeError

_HASHES = {"md5": "md5", "sha": "sha1", "sha256": "sha256", "sha1": "sha1", "sha512": "sha512"}


def _register_hashes() -> None:
    for name in ("md5", "sha", "sha256"):
        function(name)(lambda value, name=name: digest(name, value))


@function("hash")
def digest(name: Any, value: Any) -> str:
    """Lower-case hex of a digest: md5, sha, sha256, sha512."""
    return hashlib.new(_HASHES[name], to_bytes(a_text(value)), usedforsecurity=False).hexdigest()


_register_hashes()


@function("base64_encode")
def base64_encode(value: Any) -> str:
    return base64.b64encode(to_bytes(a_text(value))).decode()


@function("base64_decode")
def base64_decode(value: Any) -> str:
    return from_bytes(base64.b64decode(to_bytes(a_text(value)), validate=True))


@function("bin2hexstr")
def bin2hexstr(value: Any, prefix: Any = "") -> str:
    """Upper-case hex digits behind ``prefix``."""
    if isinstance(value, Bits):
        return a_text(prefix) + f"{value.number:0{-(-value.count // 4)}X}"
    return a_text(prefix) + to_bytes(a_text(value)).hex().upper()


@function("term_encode")
def term_encode(value: Any) -> str:
    """What `term_decode` makes the value of again: in which format is nobody's business."""
    return encode_json([value])


@function("term_decode")
def term_decode(value: Any) -> Any:
    return decode_json(a_text(value))[0]


@function("getenv")
def getenv(name: Any) -> str:
    """The variable of the environment whose name begins with EMQXVAR_; an empty text if there is none."""
    return os.environ.get(f"EMQXVAR_{a_text(name)}", "")


@function("sqlserver_bin2hexstr")
def sqlserver_bin2hexstr(value: Any) -> str:
    return bin2hexstr(value, "0x")


@function("str_utf16_le")
def str_utf16_le(value: Any) -> str:
    """The characters of a text as UTF-16, two bytes each, the lower one first."""
    return from_bytes(a_text(value).encode("utf-16-le"))


@function("hexstr2bin")
def hexstr2bin(value: Any, prefix: Any = "") -> str:
    if not a_text(value).startswith(a_text(prefix)):
        raise FunctionError("another prefix")
    digits = value.removeprefix(prefix)
    return from_bytes(bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits))


@function("json_encode")
def json_encode(value: Any) -> str:
    return encode_json(value)


@function("json_decode")
def json_decode(value: Any) -> Any:
    return decode_json(a_text(value))


@function("gzip")
def gzip(value: Any) -> str:
    return from_bytes(gzip_format.compress(to_bytes(a_text(value)), mtime=0))


@function("gunzip")
def gunzip(value: Any) -> str:
    return _inflated(value, 16 + zlib.MAX_WBITS)


@function("zip")
def raw_deflate(value: Any) -> str:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return from_bytes(compressor.compress(to_bytes(a_text(value))) + compressor.flush())


@function("unzip")
def raw_inflate(value: Any) -> str:
    return _inflated(value, -zlib.MAX_WBITS)


@function("zip_compress")
def zip_compress(value: Any) -> str:
    return from_bytes(zlib.compress(to_bytes(a_text(value))))


@function("zip_uncompress")
def zip_uncompress(value: Any) -> str:
    return _inflated(value, zlib.MAX_WBITS)


def _inflated(value: Any, window: int) -> str:
    decompressor = zlib.decompressobj(wbits=window)
    try:
        raw = decompressor.decompress(to_bytes(a_text(value)), MAX_LENGTH)
    except zlib.error as error:
        raise FunctionError(str(error)) from None
    if not decompressor.eof:
        raise FunctionError("truncated, or too long")
    return from_bytes(raw)


@function("uuid_v4")
def uuid_v4() -> str:
    return str(uuid.uuid4())


@function("uuid_v4_no_hyphen")
def uuid_v4_no_hyphen() -> str:
    return uuid.uuid4().hex


def _with_schema(scope: Scope, work: Callable[[SchemaRegistry], Any]) -> Any:
    if scope.schemas is None:
        raise EvaluationError("serde_not_found")
    try:
        return work(scope.schemas)
    except SerdeError as error:
        raise EvaluationError(str(error)) from None


@context_function("schema_encode")
def schema_encode(scope: Scope, name: Any, value: Any, message: Any = None) -> str:
    """Bytes of ``value`` by the schema ``name``; ``message`` chooses the type of a protobuf schema."""
    encoded = _with_schema(scope, lambda schemas: schemas.encode(a_text(name), value, message))
    return from_bytes(encoded)


@context_function("schema_decode")
def schema_decode(scope: Scope, name: Any, value: Any, message: Any = None) -> Any:
    raw = to_bytes(a_text(value))
    return _with_schema(scope, lambda schemas: schemas.decode(a_text(name), raw, message))


@context_function("schema_check")
def schema_check(scope: Scope, name: Any, value: Any, message: Any = None) -> bool:
    """Whether ``value`` (a map, or encoded text) fits the schema."""
    data = to_bytes(value) if isinstance(value, str) else value
    return bool(_with_schema(scope, lambda schemas: schemas.check(a_text(name), data, message)))
