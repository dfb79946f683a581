"""Protobuf schemas by the compiler of grpcio-tools."""

from __future__ import annotations

import base64
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conformance.reference.schema_registry.serde import SerdeError, SourceError

_FILE = "schema.proto"


class ProtobufSerde:
    """One compiled protobuf source; messages are chosen by name when data come."""

    def __init__(self, source: str, *, encodes_maps: bool = True) -> None:
        """Compile ``source``; raises `SourceError`. ``encodes_maps``: not with `Defect.PROTOBUF_MAPS_NOT_ENCODED`."""
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        self._encodes_maps = encodes_maps
        files = descriptor_pb2.FileDescriptorSet.FromString(_compile(source))
        pool = descriptor_pool.DescriptorPool()
        try:
            for file in files.file:
                pool.Add(file)
            self._messages = message_factory.GetMessageClassesForFiles([_FILE], pool)
        except (TypeError, KeyError) as error:
            raise SourceError(f"invalid_protobuf_schema: {error}") from None

    def encode(self, value: Any, message: str | None) -> bytes:
        from google.protobuf import json_format
        from google.protobuf.message import EncodeError

        if not isinstance(value, dict):
            raise SerdeError("gpb_type_error")
        instance = self._message(message)
        maps = [field.name for field in instance.DESCRIPTOR.fields if _is_map(field)]
        if not self._encodes_maps and any(value.get(name) for name in maps):
            raise SerdeError("gpb_type_error")
        try:
            json_format.ParseDict(_base64_bytes(instance.DESCRIPTOR, value), instance)
            return bytes(instance.SerializeToString(deterministic=True))
        except (json_format.ParseError, EncodeError, TypeError, ValueError, RecursionError) as error:
            raise SerdeError("gpb_type_error") from error

    def decode(self, raw: bytes, message: str | None) -> Any:
        from google.protobuf.message import DecodeError

        instance = self._message(message)
        try:
            instance.ParseFromString(raw)
        except DecodeError as error:
            raise SerdeError("gpb_error") from error
        return _plain(instance)

    def check(self, data: Any, message: str | None) -> bool:
        self._message(message)
        try:
            if isinstance(data, bytes):
                self.decode(data, message)
            else:
                self.encode(data, message)
        except SerdeError:
            return False
        return True

    def _message(self, name: str | None) -> Any:
        if not isinstance(name, str) or name not in self._messages:
            raise SerdeError("badarg" if name is None else "msg_not_found")
        return self._messages[name]()


def _compile(source: str) -> bytes:
    """Serialized FileDescriptorSet of ``source``; raises `SourceError` with the compiler's first complaint."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        try:
            (root / _FILE).write_bytes(source.encode())
        except UnicodeEncodeError:
            raise SourceError("invalid_protobuf_schema: not UTF-8") from None
        complaints = root / "complaints"
        with _standard_error_to(complaints):
            output = f"--descriptor_set_out={root / 'set'}"
            status = protoc.main(["protoc", f"--proto_path={root}", "--include_imports", output, str(root / _FILE)])
        if status != 0:
            first = complaints.read_text(errors="replace").strip().splitlines()[:1] or ["syntax error"]
            raise SourceError(f"invalid_protobuf_schema: {first[0].rpartition(_FILE)[2].lstrip(':') or first[0]}")
        return (root / "set").read_bytes()


@contextlib.contextmanager
def _standard_error_to(file: Path) -> Iterator[None]:
    """The compiler writes its complaints to file descriptor 2, past Python."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with file.open("wb") as stream:
            os.dup2(stream.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(kept, 2)
    finally:
        os.close(kept)


def _base64_bytes(descriptor: Any, value: dict[str, Any]) -> dict[str, Any]:
    """Texts of ``bytes`` fields, however deep, as the base64 that protobuf's JSON form wants."""
    result = dict(value)
    for field in descriptor.fields:
        if field.name not in value:
            continue
        item = value[field.name]
        if _is_map(field) and isinstance(item, dict):
            entry = field.message_type.fields_by_name["value"]
            result[field.name] = {key: _json_form(entry, member) for key, member in item.items()}
        elif isinstance(item, list):
            result[field.name] = [_json_form(field, member) for member in item]
        else:
            result[field.name] = _json_form(field, item)
    return result


def _json_form(field: Any, item: Any) -> Any:
    if field.type == field.TYPE_BYTES and isinstance(item, str):
        return base64.b64encode(item.encode("utf-8", "surrogateescape")).decode()
    if field.type == field.TYPE_MESSAGE and isinstance(item, dict):
        return _base64_bytes(field.message_type, item)
    return item


def _plain(message: Any) -> dict[str, Any]:
    """The fields that are set, by their names in the source; enum values by name, bytes as text."""
    result: dict[str, Any] = {}
    for field, value in message.ListFields():
        if _is_map(field):
            entry = field.message_type.fields_by_name["value"]
            result[field.name] = {str(key): _item(entry, value[key]) for key in value}
        elif isinstance(value, list) or hasattr(value, "append"):
            result[field.name] = [_item(field, item) for item in value]
        else:
            result[field.name] = _item(field, value)
    return result


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _item(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
