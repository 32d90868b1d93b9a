/** Owns the tests of lists: pages, fields, views; and of tools that read or write. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineService, Fields, fields, Key, Page, paging, reads, view, writes, z } from "@bulkhead/sdk";
import { call, list, Mock } from "@bulkhead/sdk/testing";

const key = (tool: string, state: string) => new Key(tool, { state });

test("pages follow each other to the end", () => {
  const mine = key("get_targets", "any");
  const all = [1, 2, 3, 4, 5];
  const first = Page.cut(all, { limit: 2, key: mine });
  assert.deepEqual([first.total, first.items], [5, [1, 2]]);
  const second = Page.cut(all, { limit: 2, cursor: first.next, key: mine });
  assert.deepEqual(second.items, [3, 4]);
  const last = Page.cut(all, { limit: 9, cursor: second.next, key: mine });
  assert.deepEqual(last, new Page(5, [5], undefined));
  assert.deepEqual(Page.cut(all, { limit: 50, key: mine }), new Page(5, all, undefined));
});

test("a list that shrank ends", () => {
  const mine = key("t", "");
  assert.deepEqual(Page.cut([1], { limit: 2, cursor: mine.cursor("4"), key: mine }), new Page(1, [], undefined));
});

test("a cursor with other arguments, or none at all, is refused", () => {
  const mine = key("get_targets", "any");
  const cursor = mine.cursor("2");
  for (const other of [key("get_targets", "active"), key("get_alerts", "any")])
    assert.throws(() => Page.cut([1, 2, 3], { limit: 2, cursor, key: other }), /belongs to a call with other arguments/);
  for (const bad of ["", "x", "éééééééé", mine.cursor("further"), mine.cursor("-1"), mine.cursor("")])
    assert.throws(() => Page.cut([1], { limit: 1, cursor: bad, key: mine }), /is not a cursor/, bad);
});

test("fields are picked through lists and put beside each other", () => {
  const pod = {
    metadata: { name: "a", labels: { "app.kubernetes.io/name": "x", tier: "web" } },
    spec: { containers: [{ name: "c", image: "i", tty: true }, { name: "d" }] },
  };
  const paths = [
    "metadata.name",
    "spec.containers.name",
    "spec.containers.image",
    "metadata.labels.app\\.kubernetes\\.io/name",
  ];
  assert.deepEqual(new Fields(paths).of(pod), {
    metadata: { name: "a", labels: { "app.kubernetes.io/name": "x" } },
    spec: { containers: [{ name: "c", image: "i" }, { name: "d" }] },
  });
  assert.deepEqual(new Fields([]).of(pod), pod);
  assert.deepEqual(new Fields(["metadata", "metadata.name"]).of(pod), { metadata: pod.metadata });
  const wanted = new Fields(["a.b", "a.c", "x.", ""]);
  assert.deepEqual(wanted.missing([{ a: { b: 1 } }, {}]), ["a.c", "x.", ""]);
  assert.deepEqual(wanted.missing([]), [], "of nothing, nothing is known");
});

test("a field is an upstream's, whatever it is called", () => {
  const odd = JSON.parse('{ "__proto__": { "a": 1, "b": 2 }, "n": null, "list": [] }');
  const picked = new Fields(["__proto__.a", "__proto__.b", "constructor", "n", "list.x"]).of(odd);
  assert.equal(JSON.stringify(picked), '{"__proto__":{"a":1,"b":2},"n":null,"list":[]}');
  assert.equal(({} as Record<string, unknown>)["a"], undefined);
});

interface Item {
  name: string;
  labels: Record<string, string>;
}
const ITEMS: Item[] = ["api", "db", "web"].map((name) => ({ name, labels: { job: name, team: "shop" } }));

const service = defineService({
  manifest: { name: "lists", version: "1.0.0", title: "Lists", description: "Lists items." },
  setup: () => ITEMS,
  tools: [
    reads({
      name: "items",
      title: "Items",
      description: "Lists items.",
      input: z.object({
        team: z.string().optional().describe("Of this team."),
        view: view().optional(),
        fields: fields().optional().describe("Only these: `labels.job`."),
        ...paging(2, 10),
      }),
      run(items: Item[], { limit, cursor, ...which }) {
        const found = items.filter(({ labels }) => which.team === undefined || labels["team"] === which.team);
        const page = Page.cut(found, { limit, cursor, key: new Key("items", which) });
        return page.shown("items", { ...which, summary: ({ name }) => name });
      },
    }),
    writes({
      name: "rename",
      title: "Rename",
      description: "Renames an item.",
      destructive: true,
      tags: ["admin"],
      input: z.object({}),
      run: (_: Item[]) => "",
    }),
  ],
});
const items = async (args: object) => (await call(service, {}, new Mock(), "items", args)).structured as Record<string, unknown>;

test("a page says what it left out, and leads to the next", async () => {
  const first = await items({});
  const { next_cursor: cursor } = first;
  assert.deepEqual(first, { total: 3, shown: 2, next_cursor: cursor, items: ["api", "db"] });
  assert.deepEqual(await items({ cursor, limit: 5 }), { total: 3, shown: 1, items: ["web"] });
  for (const other of [{ team: "shop" }, { view: "full" }, { fields: ["name"] }])
    await assert.rejects(items({ ...other, cursor }), /^InvalidArguments: arguments\.cursor: belongs to a call with other arguments/);
});

test("fields come before the view, and unknown ones are told", async () => {
  const some = { total: 3, shown: 2, items: [{ labels: { job: "api" } }, { labels: { job: "db" } }], unknown_fields: ["x"] };
  for (const view of ["summary", "full"] as const) {
    const { next_cursor: _, ...shown } = await items({ view, fields: ["labels.job", "x"] });
    assert.deepEqual(shown, some);
  }
  assert.deepEqual((await items({ view: "full", limit: 1 }))["items"], [ITEMS[0]]);
  assert.deepEqual((await items({ view: "summary", fields: [], limit: 1 }))["items"], ["api"]);
});

test("tools that read or write say so, and their schemas are short", async () => {
  const [reading, writing] = await list(service, {});
  const said = ({ readOnly, destructive, idempotent, openWorld, tags }: NonNullable<typeof reading>) =>
    ({ readOnly, destructive, idempotent, openWorld, tags });
  assert.deepEqual(said(reading!), { readOnly: true, destructive: undefined, idempotent: true, openWorld: true, tags: ["read"] });
  assert.deepEqual(said(writing!), {
    readOnly: undefined,
    destructive: true,
    idempotent: undefined,
    openWorld: true,
    tags: ["write", "admin"],
  });
  assert.deepEqual(reading!.inputSchema["properties"], {
    team: { type: "string", description: "Of this team." },
    view: { type: "string", enum: ["summary", "full"] },
    fields: { type: "array", items: { type: "string" }, maxItems: 20, description: "Only these: `labels.job`." },
    limit: { type: "integer", minimum: 1, maximum: 10, default: 2, description: "At most so many." },
    cursor: { type: "string", description: "`next_cursor` of the previous answer." },
  });
});
