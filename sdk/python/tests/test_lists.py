"""Owns the tests of lists: pages, fields, views; and of tools that read or write."""

import unittest
from dataclasses import dataclass
from typing import Annotated

from bulkhead_sdk import Cursor, Fields, InvalidArguments, Key, ListPage, Manifest, Range, Service, View
from bulkhead_sdk.testing import Mock, call, check


@dataclass
class Item:
    name: str
    labels: dict[str, str]


ITEMS = [Item(name, {"job": name, "team": "shop"}) for name in ("api", "db", "web")]
service = Service(Manifest("lists", "1.0.0", "Lists", "Lists items."), setup=lambda: ITEMS)


@service.reads("Items")
def items(
    known: list[Item],
    team: Annotated[str | None, "Of this team."] = None,
    view: View = "summary",
    fields: Annotated[Fields | None, "Only these: `labels.job`."] = None,
    limit: Annotated[int, "At most so many.", Range(1, 10)] = 2,
    cursor: Cursor = None,
):
    """Lists items."""
    found = [item for item in known if team in (None, item.labels["team"])]
    page = ListPage.cut(found, limit, cursor, Key("items", [team, view, fields]))
    return page.shown("items", lambda item: item.name, view=view, fields=fields)


@service.writes("Rename", destructive=True, tags=["admin"])
def rename(known: list[Item]):
    """Renames an item."""


def ask(**arguments):
    return call(service, {}, Mock(), "items", arguments).structured


class Lists(unittest.TestCase):
    def test_pages_follow_each_other_to_the_end(self):
        key, found = Key("get_targets", ["any"]), [1, 2, 3, 4, 5]
        first = ListPage.cut(found, 2, None, key)
        self.assertEqual((first.total, first.items), (5, [1, 2]))
        second = ListPage.cut(found, 2, first.next, key)
        self.assertEqual(second.items, [3, 4])
        self.assertEqual(ListPage.cut(found, 9, second.next, key), ListPage(5, [5]))
        self.assertEqual(ListPage.cut(found, 50, None, key), ListPage(5, found))

    def test_a_list_that_shrank_ends(self):
        key = Key("t", [])
        self.assertEqual(ListPage.cut([1], 2, key.cursor("4"), key), ListPage(1, []))

    def test_a_cursor_with_other_arguments_or_none_at_all_is_refused(self):
        key = Key("get_targets", ["any"])
        for other in (Key("get_targets", ["active"]), Key("get_alerts", ["any"])):
            with self.assertRaisesRegex(InvalidArguments, "belongs to a call with other arguments"):
                ListPage.cut([1, 2, 3], 2, key.cursor("2"), other)
        for bad in ("", "x", "éééééééé", key.cursor("further"), key.cursor("-1"), key.cursor(""), key.cursor("²")):
            with self.assertRaisesRegex(InvalidArguments, "is not a cursor"):
                ListPage.cut([1], 1, bad, key)

    def test_fields_are_picked_through_lists_and_put_beside_each_other(self):
        pod = {
            "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x", "tier": "web"}},
            "spec": {"containers": [{"name": "c", "image": "i", "tty": True}, {"name": "d"}]},
        }
        wanted = Fields([
            "metadata.name", "spec.containers.name", "spec.containers.image", r"metadata.labels.app\.kubernetes\.io/name",
        ])
        self.assertEqual(wanted.of(pod), {
            "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "x"}},
            "spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d"}]},
        })
        self.assertEqual(Fields([]).of(pod), pod)
        self.assertEqual(Fields(["metadata", "metadata.name"]).of(pod), {"metadata": pod["metadata"]})
        wanted = Fields(["a.b", "a.c", "x.", ""])
        self.assertEqual(wanted.missing([{"a": {"b": 1}}, {}]), ["a.c", "x.", ""])
        self.assertEqual(wanted.missing([]), [], "of nothing, nothing is known")

    def test_a_page_says_what_it_left_out_and_leads_to_the_next(self):
        first = ask()
        cursor = first["next_cursor"]
        self.assertEqual(first, {"total": 3, "shown": 2, "next_cursor": cursor, "items": ["api", "db"]})
        self.assertEqual(ask(cursor=cursor, limit=5), {"total": 3, "shown": 1, "items": ["web"]})
        for other in ({"team": "shop"}, {"view": "full"}, {"fields": ["name"]}):
            with self.assertRaisesRegex(InvalidArguments, "belongs to a call with other arguments"):
                ask(**other, cursor=cursor)

    def test_fields_come_before_the_view_and_unknown_ones_are_told(self):
        some = [{"labels": {"job": "api"}}, {"labels": {"job": "db"}}]
        for view in ("summary", "full"):
            shown = ask(view=view, fields=["labels.job", "x"])
            del shown["next_cursor"]
            self.assertEqual(shown, {"total": 3, "shown": 2, "items": some, "unknown_fields": ["x"]})
        whole = {"name": "api", "labels": {"job": "api", "team": "shop"}}
        self.assertEqual(ask(view="full", limit=1)["items"], [whole])
        self.assertEqual(ask(view="summary", fields=[], limit=1)["items"], ["api"])
        for fields, message in [
            ("name", "arguments.fields: expected a list"),
            (["name", 1], "arguments.fields[1]: expected a string"),
            (["name"] * 21, "arguments.fields: expected at most 20 of length"),
        ]:
            with self.assertRaises(InvalidArguments) as caught:
                ask(fields=fields)
            self.assertEqual(str(caught.exception), message)

    def test_tools_that_read_or_write_say_so_and_their_schemas_are_short(self):
        self.assertEqual(check(service), [])
        said = [
            (tool.title, tool.read_only, tool.destructive, tool.idempotent, tool.open_world, tool.tags)
            for tool in service.tools
        ]
        self.assertEqual(said, [
            ("Items", True, False, True, True, ["read"]),
            ("Rename", False, True, False, True, ["write", "admin"]),
        ])
        self.assertEqual(service.tools[0].handler.schema()["properties"], {
            "team": {"type": "string", "description": "Of this team."},
            "view": {"enum": ["summary", "full"], "type": "string", "default": "summary"},
            "fields": {
                "type": "array", "items": {"type": "string"}, "maxItems": 20,
                "description": "Only these: `labels.job`.",
            },
            "limit": {
                "type": "integer", "description": "At most so many.", "minimum": 1, "maximum": 10, "default": 2,
            },
            "cursor": {"type": "string", "description": "`next_cursor` of the previous answer."},
        })


if __name__ == "__main__":
    unittest.main()
