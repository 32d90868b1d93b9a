/** Owns the tests of moments, windows and lengths of time; the tables are those of the SDK for Rust. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Base, defineService, parseSpan, reads, rfc3339, span, unixSeconds, When, when, Window, words, z } from "@bulkhead/sdk";
import { call, list, Mock } from "@bulkhead/sdk/testing";

const NOW = new Date("2026-01-31T12:00:00Z");
const at = (seconds: number) => When.at(new Date(seconds * 1000));
const fromNow = (seconds: number) => When.fromNow(seconds * 1000);

test("every accepted form of a moment is read", () => {
  for (const [text, expected] of [
    ["2026-01-31T12:00:00Z", at(1_769_860_800)],
    ["2026-01-31t12:00:00z", at(1_769_860_800)],
    ["2026-01-31 13:30:00+01:30", at(1_769_860_800)],
    ["2026-01-31T07:00:00.25-05:00", at(1_769_860_800.25)],
    ["1970-01-01T00:00:00Z", at(0)],
    ["1969-12-31T23:59:59Z", at(-1)],
    ["2000-02-29T00:00:00Z", at(951_782_400)],
    ["1700000000", at(1_700_000_000)],
    ["1700000000.5", at(1_700_000_000.5)],
    [1_700_000_000.25, at(1_700_000_000.25)],
    ["now", fromNow(0)],
    ["-1h", fromNow(-3600)],
    ["-7d", fromNow(-604_800)],
    ["+5m", fromNow(300)],
    ["now-15m", fromNow(-900)],
    ["now - 1h30m", fromNow(-5400)],
    [" now+1s ", fromNow(1)],
  ] as const)
    assert.deepEqual(When.parse(text), expected, String(text));
});

test("what is no moment is refused with the accepted forms", () => {
  const forms = "RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative (`now`, `-1h`, `now-15m`)";
  for (const text of [
    "",
    "yesterday",
    "2026-01-31",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-1-31T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-01-31T12:00:00",
    "2026-01-31T12:00:00.Z",
    "2026-01-31T12:00:00+1:00",
    "2026-01-31T12:00:00+24:00",
    "nowish",
    "NaN",
    "é",
  ])
    assert.throws(() => When.parse(text), { message: `\`${text}\` is not a time: expected ${forms}` });
  for (const [value, message] of [
    [1_700_000_000_000, "1700000000000 is out of range for unix seconds (milliseconds? divide by 1000)"],
    ["1700000000000", "1700000000000 is out of range for unix seconds (milliseconds? divide by 1000)"],
    ["now-1x", "`1x` is not a duration: expected a duration (`15s`, `1h30m`) or a number of seconds"],
    ["-9999y", "`-9999y` is out of range for a time"],
  ] as const)
    assert.throws(() => When.parse(value), { message });
});

test("a moment is written for a reader, for an upstream, and for a cursor", () => {
  for (const text of ["2026-01-31T12:00:00Z", "1969-12-31T23:59:59.500Z", "0001-01-01T00:00:00Z"])
    assert.equal(rfc3339(When.parse(text).resolve(NOW)), text);
  assert.equal(unixSeconds(NOW), "1769860800");
  assert.equal(unixSeconds(new Date(1_700_000_000_123)), "1700000000.123");
  assert.equal(JSON.stringify([When.parse("-1h"), When.parse("+5m"), When.parse("now"), at(1.5)]), '["now-3600","now+300","now+0",1.5]');
  assert.deepEqual(When.parse("now-3600"), When.parse("-1h"), "what a cursor has can be read");
});

test("durations are read, and refused with what one looks like", () => {
  for (const [text, ms] of [
    ["15s", 15_000],
    ["1h30m", 5_400_000],
    ["500ms", 500],
    ["1y2w3d4h5m6s7ms", 33_019_506_007],
    ["90", 90_000],
    ["0.5", 500],
    ["0.5s", 500],
    ["1.5h", 5_400_000],
    ["1h0.5m", 3_630_000],
    ["0", 0],
  ] as const)
    assert.equal(parseSpan(text), ms, text);
  for (const text of ["", "s", "1x", "30m1h", "1h1h", "-1h", "1..5h", ".h", "1.h.", "1h ", "NaN", "inf", "5é"])
    assert.throws(() => parseSpan(text), {
      message: `\`${text}\` is not a duration: expected a duration (\`15s\`, \`1h30m\`) or a number of seconds`,
    });
  assert.deepEqual([5_400_000, 250, 90_061_000, 0].map(words), ["1h30m", "250ms", "1d1h1m1s", "0s"]);
});

const service = defineService({
  manifest: { name: "times", version: "1.0.0", title: "Times", description: "Says what it was asked." },
  config: z.object({ url: z.string() }),
  setup: ({ url }) => new Base(url, "config.url"),
  tools: [
    reads({
      name: "window",
      title: "Window",
      description: "Says which window is meant.",
      input: z.object({
        start: when().optional().describe("Default `-1h`."),
        end: when().optional().describe("Default now."),
        step: span().optional(),
      }),
      run(_: Base, { start, end, step }, call) {
        const window = Window.resolve(start, end, 3_600_000, call);
        return { window, before: window.before(), ms: window.ms, step };
      },
    }),
  ],
});
const ask = (args: object) => call(service, { url: "http://up" }, new Mock().at(NOW), "window", args);

test("a moment is an argument, and a window ends now unless it is said", async () => {
  const hour = {
    window: { start: "2026-01-31T11:00:00Z", end: "2026-01-31T12:00:00Z" },
    before: { start: "2026-01-31T10:00:00Z", end: "2026-01-31T11:00:00Z" },
    ms: 3_600_000,
  };
  const told = async (args: object) => JSON.parse((await ask(args)).textContent);
  assert.deepEqual(await told({}), hour);
  for (const start of ["-1h", "2026-01-31T11:00:00Z", 1_769_857_200, "1769857200"])
    assert.deepEqual(await told({ start, step: "0.5s" }), { ...hour, step: 500 });
  assert.equal((await told({ end: "-30m" })).window.start, "2026-01-31T10:30:00Z");
});

test("a misfit names the argument and the accepted forms", async () => {
  for (const [args, message] of [
    [{ start: "soon" }, /^arguments\.start: `soon` is not a time: expected RFC 3339 /],
    [{ start: true }, /^arguments\.start: expected RFC 3339 /],
    [{ step: 0 }, /^arguments\.step: a duration must be at least one millisecond$/],
    [{ step: "1x" }, /^arguments\.step: `1x` is not a duration: expected a duration /],
    [{ start: "now", end: "-1h" }, /^arguments\.start: 2026-01-31T12:00:00Z is not before `end`, 2026-01-31T11:00:00Z$/],
  ] as const)
    await assert.rejects(ask(args), { kind: "invalid-arguments", message });
});

test("the schema of a moment or a span is short", async () => {
  assert.deepEqual((await list(service, { url: "http://up" }))[0]?.inputSchema["properties"], {
    start: { type: ["string", "number"], description: "Default `-1h`." },
    end: { type: ["string", "number"], description: "Default now." },
    step: { type: ["string", "number"] },
  });
});
