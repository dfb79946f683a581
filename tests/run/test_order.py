"""The order of items: those about one connector or action type stand together."""

from __future__ import annotations

from conformance.run.order import by_type


class Item:
    """What an order looks at of an item."""

    def __init__(self, name, resource_type=None):
        self.name = name
        self.resource_type = resource_type

    def get_closest_marker(self, name):
        assert name == "resource_type"
        return None if self.resource_type is None else type("Mark", (), {"args": (self.resource_type,)})


def test_items_about_a_type_stand_together_behind_the_others_in_their_order():
    items = [Item("a", "http"), Item("b"), Item("c", "mqtt"), Item("d", "http"), Item("e"), Item("f", "mqtt")]

    assert "".join(item.name for item in by_type(items)) == "beadcf"


def test_items_about_no_type_stay_as_they_are():
    items = [Item(name) for name in "cab"]

    assert by_type(items) == items
