"""Maps."""

from __future__ import annotations

from typing import Any

from conformance.scenarios.sql.payload import RAISES, UNDEFINED

MAPS: dict[str, Any] = {
    "map_get('b', payload.a)": {"c": "deep"},
    "map_get('b.c', payload.a)": "deep",
    "map_get('a', json_decode('{\"a\": 1}'))": 1,
    "map_get('z', payload.a)": UNDEFINED,
    "map_get('b.z', payload.a)": UNDEFINED,
    "map_get('z', payload.a, 'default')": "default",
    "map_get('z.z', payload.a, 2)": 2,
    "map_get('a', json_decode('{\"a\": 1}'), 2)": 1,
    "map_get('b', json_decode('{\"a\": 1}'), '')": "",
    "map_get('n', json_decode('{\"n\": null}'))": None,
    "map_get('f', json_decode('{\"f\": false}'), 1)": False,
    "map_get('value', json_decode('{\"data\": [1.2, 1.3]}'), [])": [],
    "map_put('b', 1, json_decode('{\"a\": 1}'))": {"a": 1, "b": 1},
    "map_put('a', 2, json_decode('{\"a\": 1}'))": {"a": 2},
    "map_put('a.b', 2, json_decode('{\"a\": {\"c\": 1}}'))": {"a": {"b": 2, "c": 1}},
    "map_put('a.b.c', 1, payload.nothing)": {"a": {"b": {"c": 1}}},
    "map_put('k', payload.none, payload.nothing)": {"k": []},
    'map_keys(json_decode(\'{"a": 1, "b": 2}\'))': ["a", "b"],
    "map_keys(payload.nothing)": [],
    'map_values(json_decode(\'{"a": 1, "b": 2}\'))': [1, 2],
    "map_values(payload.nothing)": [],
    'map_to_entries(json_decode(\'{"a": 1, "b": 2}\'))': [{"key": "a", "value": 1}, {"key": "b", "value": 2}],
    "map_to_entries(payload.nothing)": [],
    "mget('a', json_decode('{\"a\": {\"b\": 1}}'))": {"b": 1},
    "mget('c', json_decode('{\"a\": {\"b\": 1}}'))": UNDEFINED,
    "mget('c', payload.nothing, 'default')": "default",
    "mget('no key that anybody knows', payload.nothing, 'default')": "default",
    "mget('x.y', payload.a)": 6,
    "mput('b', 2, json_decode('{\"a\": 1}'))": {"a": 1, "b": 2},
    "mput('a', 2, json_decode('{\"a\": 1}'))": {"a": 2},
    "mput('x.y', 2, payload.nothing)": {"x.y": 2},
    "last(map_to_redis_hset_args(json_decode('{\"a\": 1}')))": "1",
    "contains('a', map_to_redis_hset_args(json_decode('{\"a\": true}')))": True,
    "jq('.a.b.c', payload)": ["deep"],
    "jq('.list[]', payload)": ["one", "two", "three", "four"],
    "jq('.[1]', '[1, 2]')": [2],
    "jq('.x', '{}')": [None],
    "jq('.[] | .v', '[{\"v\": 1}, {\"v\": 2}]')": [1, 2],
    "jq('length', payload.list, 1000)": [4],
    "jq('.', json_decode('{\"a\": 1.5}'))": [{"a": 1.5}],
    "map_get('a', map_put('a', 2, json_decode('{\"a\": 1}')))": 2,
}

SIZES: dict[str, Any] = {
    "map_size(payload.a)": 5,
    "map_size(json_decode('{\"a\": 1}'))": 1,
    "map_size(payload.nothing)": 0,
    "is_empty(payload.a)": False,
    "is_empty(payload.nothing)": True,
    "is_empty(payload.list)": False,
    "is_empty(payload.none)": True,
}

ERRORS: dict[str, Any] = {
    "map_keys(payload.list)": RAISES,
    "jq('.[', '[]')": RAISES,
    "jq('.', 'no json')": RAISES,
    "map_keys(5)": RAISES,
    "map_values('no json')": RAISES,
    "map_to_entries(payload.null)": RAISES,
    "mget('a', 5)": RAISES,
    "mput('a', 1, 'no json')": RAISES,
}
