"""Hashes, compression and encodings."""

from __future__ import annotations

from typing import Any

from conformance.scenarios.sql.payload import RAISES

HASHES: dict[str, Any] = {
    "md5('hello')": "5d41402abc4b2a76b9719d911017c592",
    "md5('')": "d41d8cd98f00b204e9800998ecf8427e",
    "md5(payload.chinese)": "7eca689f0d3389d9dea66ae112e5cfd7",
    "sha('hello')": "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
    "sha('')": "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256('hello')": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "sha256('')": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}

COMPRESSION: dict[str, Any] = {
    "gunzip(gzip(payload.unicode))": "Grüße, 世界! 🌍",
    "gunzip(gzip(''))": "",
    "gunzip(hexstr2bin('1F8B0800000000000013CB48CDC9C9070086A6103605000000'))": "hello",
    "substr(bin2hexstr(gzip('hello')), 0, 6)": "1F8B08",
    "unzip(zip(payload.unicode))": "Grüße, 世界! 🌍",
    "unzip(hexstr2bin('CB48CDC9C90700'))": "hello",
    "bin2hexstr(zip('hello'))": "CB48CDC9C90700",
    "zip_uncompress(zip_compress(payload.unicode))": "Grüße, 世界! 🌍",
    "zip_uncompress(hexstr2bin('789CCB48CDC9C90700062C0215'))": "hello",
    "bin2hexstr(zip_compress('hello'))": "789CCB48CDC9C90700062C0215",
}

ENCODINGS: dict[str, Any] = {
    "base64_encode('hello')": "aGVsbG8=",
    "base64_encode('')": "",
    "base64_encode(payload.chinese)": "5L2g5aW9",
    "base64_encode(hexstr2bin('CB48CD'))": "y0jN",
    "base64_encode(hexstr2bin('FBFF'))": "+/8=",
    "base64_decode('aGVsbG8=')": "hello",
    "base64_decode('')": "",
    "bin2hexstr(base64_decode('y0jN'))": "CB48CD",
    "bin2hexstr('hello')": "68656C6C6F",
    "bin2hexstr('')": "",
    "bin2hexstr(payload.chinese)": "E4BDA0E5A5BD",
    "bin2hexstr(hexstr2bin('ABEF'))": "ABEF",
    "term_decode(term_encode(payload.a.b))": {"c": "deep"},
    "term_decode(term_encode(payload.list))": ["one", "two", "three", "four"],
    "getenv('CONFORMANCE_NEVER_SET')": "",
    "hexstr2bin('68656C6C6F')": "hello",
    "hexstr2bin('68656c6c6f')": "hello",
    "json_decode('{\"a\": 1}')": {"a": 1},
    "json_decode('[1, null, \"x\"]')": [1, None, "x"],
    "json_decode('{}')": {},
    "json_decode(payload.json)": {"k": [1, {"x": 2}]},
    "json_encode([1, 2, 3])": "[1,2,3]",
    "json_encode(json_decode('{ \"a\" : 1 }'))": '{"a":1}',
    "json_encode(payload.none)": "[]",
    "json_encode('text')": '"text"',
    "json_encode(true)": "true",
    "json_decode(json_encode(payload.unicode))": "Grüße, 世界! 🌍",
    "json_decode(json_encode(payload.quote))": "it's",
    r"regex_match(uuid_v4(), '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$')": True,
    r"regex_match(uuid_v4_no_hyphen(), '^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$')": True,
}

TWO_BYTES: dict[str, Any] = {
    "bin2hexstr(str_utf16_le('aB'))": "61004200",
    "bin2hexstr(str_utf16_le(payload.chinese))": "604F7D59",
    "sqlserver_bin2hexstr('ab')": "0x6162",
    "sqlserver_bin2hexstr(str_utf16_le('a'))": "0x6100",
}

ERRORS: dict[str, Any] = {
    "md5(12)": RAISES,
    "sha(payload.list)": RAISES,
    "sha256(payload.missing)": RAISES,
    "gunzip('hello')": RAISES,
    "zip_uncompress('hello')": RAISES,
    "gzip(5)": RAISES,
    "base64_encode(5)": RAISES,
    "base64_decode('a')": RAISES,
    "hexstr2bin('XY')": RAISES,
    "hexstr2bin(5)": RAISES,
    "bin2hexstr(5)": RAISES,
    "json_decode('no json')": RAISES,
    "json_decode('')": RAISES,
    "json_decode('{\"a\":')": RAISES,
}
