"""The overlay engine against the rules of OpenAPI Overlay 1.0."""

import copy
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.contract.document import DocumentError
from conformance.contract.overlay import OverlayError, apply_overlays, parse_overlay, read_overlay

DOCUMENT = {
    "paths": {
        "/a/{id}": {"get": {"tags": ["x"], "parameters": [{"name": "id"}, {"name": "page"}]}},
        "/b": {"get": {"tags": []}, "post": {"tags": ["y"]}},
    },
    "info": {"title": "t", "version": "1"},
}


def overlay(*actions):
    return parse_overlay(
        {"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": list(actions)}, "o.yaml"
    )


def applied(*actions, document=DOCUMENT):
    return apply_overlays(document, [overlay(*actions)])[0]


def test_an_object_is_merged_and_keeps_what_the_update_does_not_name():
    result = applied({"target": "$.info", "update": {"version": "2", "x-new": {"deep": 1}}})
    assert result["info"] == {"title": "t", "version": "2", "x-new": {"deep": 1}}


def test_nested_objects_are_merged_recursively():
    result = applied({"target": "$.paths['/b']", "update": {"post": {"deprecated": True}}})
    assert result["paths"]["/b"] == {"get": {"tags": []}, "post": {"tags": ["y"], "deprecated": True}}


def test_an_update_of_an_array_is_appended_as_one_entry():
    result = applied({"target": "$.paths['/a/{id}'].get.parameters", "update": {"name": "limit"}})
    assert [entry["name"] for entry in result["paths"]["/a/{id}"]["get"]["parameters"]] == ["id", "page", "limit"]


def test_arrays_inside_an_update_are_concatenated():
    result = applied({"target": "$.paths.*.get", "update": {"tags": ["z", "w"]}})
    assert result["paths"]["/a/{id}"]["get"]["tags"] == ["x", "z", "w"]
    assert result["paths"]["/b"]["get"]["tags"] == ["z", "w"]


def test_every_selected_node_gets_a_copy_of_its_own():
    result = applied(
        {"target": "$.paths.*.get", "update": {"x-shared": {"list": []}}},
        {"target": "$.paths['/b'].get['x-shared'].list", "update": 1},
    )
    assert result["paths"]["/b"]["get"]["x-shared"]["list"] == [1]
    assert result["paths"]["/a/{id}"]["get"]["x-shared"]["list"] == []


def test_selected_members_are_removed_from_objects_and_arrays():
    result = applied(
        {"target": "$.paths['/b']", "remove": True},
        {"target": "$.paths['/a/{id}'].get.parameters[?@.name == 'id']", "remove": True},
    )
    assert result["paths"] == {"/a/{id}": {"get": {"tags": ["x"], "parameters": [{"name": "page"}]}}}


def test_removing_several_members_of_an_array_removes_exactly_those():
    document = {"list": [{"n": number} for number in range(12)]}
    result = applied({"target": "$.list[?@.n != 3 && @.n != 10]", "remove": True}, document=document)
    assert result == {"list": [{"n": 3}, {"n": 10}]}


def test_removal_wins_over_an_update():
    assert "info" not in applied({"target": "$.info", "remove": True, "update": {"title": "new"}})


def test_actions_are_applied_in_order_and_see_the_result_of_earlier_ones():
    result = applied(
        {"target": "$.paths", "update": {"/c": {"get": {}}}},
        {"target": "$.paths['/c'].get", "update": {"tags": ["late"]}},
        {"target": "$.paths['/c'].get", "update": {"tags": ["later"]}},
    )
    assert result["paths"]["/c"]["get"]["tags"] == ["late", "later"]


def test_replacing_an_array_takes_a_removal_and_an_update():
    result = applied(
        {"target": "$.paths['/b'].post.tags", "remove": True},
        {"target": "$.paths['/b'].post", "update": {"tags": ["only"]}},
    )
    assert result["paths"]["/b"]["post"]["tags"] == ["only"]


def test_touched_nodes_are_told_with_their_action():
    _, changes = apply_overlays(DOCUMENT, [overlay({"target": "$.paths.*.get", "update": {}, "x-erratum": "A1, B2"})])
    assert [change.location for change in changes] == [("paths", "/a/{id}", "get"), ("paths", "/b", "get")]
    assert {change.action.errata for change in changes} == {("A1", "B2")}


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"target": "$.paths['/none']", "update": {}}, "o.yaml: action 1: $.paths['/none'] selects nothing"),
        ({"target": "$.info.title", "update": {}}, "/info/title is neither an object nor an array"),
        ({"target": "$.info.title", "remove": True}, "/info/title is neither an object nor an array"),
        ({"target": "$", "remove": True}, "would remove the whole document"),
        ({"target": "$.info", "update": "text"}, "can only be updated with an object"),
        ({"target": "$.info", "update": {"title": {}}}, "/info/title is of another kind"),
        ({"target": "$.paths['/b'].get", "update": {"tags": {}}}, "/paths/~1b/get/tags is of another kind"),
    ],
)
def test_an_action_that_cannot_be_applied_is_an_error_that_names_it(action, message):
    with pytest.raises(OverlayError, match=re.escape(message)):
        applied(action)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "an overlay is an object"),
        ({"info": {}, "actions": []}, "the required overlay is missing"),
        ({"overlay": "1.0.0", "actions": []}, "the required info is missing"),
        ({"overlay": "1.0.0", "info": {}}, "the required actions is missing"),
        ({"overlay": "2.0.0", "info": {}, "actions": []}, "not a 1.0.x version"),
        ({"overlay": "1.0.0", "info": {"title": "t"}, "actions": []}, "a title and a version"),
        ({"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": []}, "at least one member"),
        ({"overlay": "1.0.0", "info": {"title": "t", "version": "1"}, "actions": [1]}, "action 1 is not an object"),
        ({"overlay": "1.0.0", "info": {}, "actions": [], "acions": []}, "unknown field acions"),
    ],
)
def test_a_malformed_overlay_is_an_error(content, message):
    with pytest.raises(OverlayError, match=re.escape(message)):
        parse_overlay(content, "o.yaml")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"update": {}}, "has no target"),
        ({"target": "$.info"}, "neither updates nor removes"),
        ({"target": "$.info", "remove": "yes"}, "not a boolean"),
        ({"target": "$.info[", "update": {}}, "is no JSONPath"),
        ({"target": "$.info", "updates": {}}, "unknown field updates"),
    ],
)
def test_a_malformed_action_is_an_error(action, message):
    with pytest.raises(OverlayError, match=re.escape(message)):
        overlay(action)


def test_a_file_that_is_no_yaml_is_an_error_with_its_name(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("overlay: [")
    with pytest.raises(DocumentError, match=r"broken\.yaml"):
        read_overlay(file)


KEYS = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)


@settings(max_examples=60, deadline=None)
@given(OBJECTS, OBJECTS, st.sampled_from(["$", "$.*", "$..a", "$.b[0]", "$.c"]), st.booleans())
def test_neither_document_nor_overlay_is_ever_mutated(document, update, target, remove):
    before = copy.deepcopy(document)
    action = {"target": target, "update": update, "remove": remove}
    kept = copy.deepcopy(action)
    try:
        result = applied(action, document=document)
    except OverlayError:
        result = None
    assert document == before
    assert action == kept
    if result is not None:
        _spoil(result)
        assert document == before
        assert action == kept


@settings(max_examples=60, deadline=None)
@given(OBJECTS, OBJECTS)
def test_an_update_without_arrays_is_idempotent(document, update):
    action = {"target": "$", "update": _without_lists(update)}
    try:
        once = applied(action, document=document)
    except OverlayError:
        return
    assert applied(action, document=once) == once


def _without_lists(node):
    if isinstance(node, dict):
        return {key: _without_lists(value) for key, value in node.items() if not isinstance(value, list)}
    return node


def _spoil(node):
    for value in list(node.values() if isinstance(node, dict) else node):
        if isinstance(value, (dict, list)):
            _spoil(value)
    if isinstance(node, dict):
        node["spoilt"] = True
    else:
        node.append("spoilt")
