/** Owns the SDK's own tests: schemas, errors, requests, questions, and the rules of the contract. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Ask,
  asServiceError,
  Base,
  defineService,
  fetch,
  json,
  jsonSchema,
  Key,
  messageOf,
  Output,
  path,
  prompt,
  resource,
  ServiceError,
  sleep,
  tool,
  z,
} from "@bulkhead/sdk";
import { attempt, call, check, complete, health, list, Mock, prompt as filled, read } from "@bulkhead/sdk/testing";

const Forecast = z.object({ city: z.string(), days: z.int().min(1).max(7).optional() });

class Weather {
  constructor(readonly base: Base) {}
}

const service = defineService({
  manifest: { name: "weather", version: "1.0.0", title: "Weather", description: "Says what it will be." },
  config: z.object({ url: z.string() }),
  setup: ({ url }) => new Weather(new Base(url, "config.url")),
  tools: [
    tool({
      name: "forecast",
      description: "The forecast of a city.",
      readOnly: true,
      input: Forecast,
      run: (weather: Weather, args) => weather.base.json("/v1/forecast", { query: { q: args.city, days: args.days } }),
    }),
    tool({
      name: "plain",
      description: "Takes plain JSON Schema.",
      input: jsonSchema<{ city: string }>({ type: "object", properties: { city: {} }, additionalProperties: false }),
      run: (_weather: Weather, { city }) => `plain ${city}`,
    }),
    tool({
      name: "asks",
      description: "Asks twice.",
      input: z.object({}),
      run(_weather: Weather, _args, call) {
        const sure = call.ask("sure", "Sure?", z.object({ yes: z.boolean() }));
        if (sure.action !== "accept") return sure.action;
        const text = call.modelText("words");
        if (text === undefined) return Ask.model("words", "Say it.", 10).withState(new Uint8Array([1]));
        return Output.text(`${sure.value.yes} ${text} ${call.state}`);
      },
    }),
    tool({
      name: "waits",
      description: "Sleeps, and says how long is left.",
      input: z.object({}),
      async run(_weather: Weather, _args, call) {
        call.progress(1, 2);
        await sleep(4000);
        call.log("notice", "slept", { ms: 4000 });
        return `${call.remaining} ${call.cancelled} ${call.now.toISOString()}`;
      },
    }),
    tool({
      name: "breaks",
      description: "Has a bug.",
      input: z.object({}),
      run: (_weather: Weather) => String((undefined as unknown as string).length),
    }),
  ],
  prompts: [
    prompt({
      name: "plan",
      description: "Plans a day.",
      arguments: z.object({ city: z.string() }),
      complete: { city: (_weather: Weather, { prefix }) => ["Oslo", "Ottawa", "Rome"].filter((one) => one.startsWith(prefix)) },
      run: (_weather: Weather, { city }) => `Plan a day in ${city}.`,
    }),
  ],
  resources: [
    resource<Weather, { city: string }>({
      uri: "weather://{city}/now",
      name: "now",
      mimeType: "text/plain",
      read: (_weather, { city }) => `sun in ${city}`,
    }),
  ],
});

const config = { url: "http://up/base/" };
const failing = (mock: Mock, args: unknown = { city: "Oslo" }) =>
  call(service, config, mock, "forecast", args).then(
    () => assert.fail("it succeeded"),
    (error: ServiceError) => [error.kind, error.message],
  );
const OSLO = "/base/v1/forecast?q=Oslo";

test("arguments, queries and results are typed, sent and given back", async () => {
  const mock = new Mock().on("GET", "/base/v1/forecast?days=2&q=S%C3%A3o%20Paulo", 200, { high: 4 });
  const output = await call(service, config, mock, "forecast", { city: "São Paulo", days: 2 });
  assert.deepEqual(output.structured, { high: 4 });
  assert.equal(output.textContent, '{"high":4}');
  assert.equal(mock.requests[0]?.url, "http://up/base/v1/forecast?q=S%C3%A3o%20Paulo&days=2");
  assert.equal(mock.requests[0]?.headers["accept"], "application/json");
});

test("a refusal names the field, and the nearest word that is known", async () => {
  const refused = (args: unknown) => failing(new Mock(), args).then(([, message]) => message);
  assert.equal(await refused({ ctiy: "x" }), "arguments: unknown key `ctiy`; did you mean `city`?");
  assert.equal(await refused({ city: "x", zzzzzz: 1 }), "arguments: unknown key `zzzzzz`; known are city, days");
  assert.match((await refused({ city: "x", days: 9 }))!, /^arguments\.days: /);
  await assert.rejects(call(service, config, new Mock(), "plain", { ctiy: "x" }), /did you mean `city`/);
  await assert.rejects(call(service, { ulr: "x" }, new Mock(), "plain"), /^Failed: config: unknown key `ulr`; did you mean `url`/);
  await assert.rejects(call(service, { url: "ftp://x" }, new Mock(), "plain"), /config\.url: `ftp:\/\/x` is not a URL/);
});

test("what gets no answer says why", async () => {
  assert.deepEqual(await failing(new Mock().deny("GET", OSLO)), [
    "denied",
    "GET http://up/base/v1/forecast is not allowed by this service's egress rules",
  ]);
  assert.deepEqual(await failing(new Mock().unreachable("GET", OSLO, "connection refused")), [
    "unavailable",
    "up does not answer: connection refused",
  ]);
  const hanging = new Mock().hang("GET", OSLO);
  hanging.deadline = 5000;
  assert.deepEqual(await failing(hanging), ["unavailable", "up did not answer within 4.8 s"]);
});

test("statuses become errors in the upstream's words", async () => {
  for (const [status, body, kind, message] of [
    [404, { message: "No city" }, "not-found", "the upstream has no such thing (404): No city"],
    [403, "", "denied", "the upstream forbids this (403); the permissions of the service's credential are the operator's to mend"],
    [422, { errors: [{ detail: "no" }] }, "upstream", "no (the same request would fail again)"],
    [500, "a\n b", "upstream", "a b (a retry may help)"],
    [502, "x".repeat(400), "unavailable", `the upstream is unavailable (502): ${"x".repeat(300)}…`],
  ] as const)
    assert.deepEqual(await failing(new Mock().on("GET", OSLO, status, body)), [kind, message]);
  const limited = new Mock().on("GET", OSLO, 429, "", { "retry-after": "7" });
  await assert.rejects(call(service, config, limited, "forecast", { city: "Oslo" }), { retryAfterMs: 7000 });
  const [, odd] = await failing(new Mock().on("GET", OSLO, 200, "<html>"));
  assert.match(odd!, /^the upstream's answer is not what was expected: .*; it begins with: <html>$/);
});

test("a bug in a handler is an error and no crash", async () => {
  await assert.rejects(call(service, config, new Mock(), "breaks"), { kind: "failed", message: /^TypeError: / });
});

test("what is thrown need not be an error, nor be easy to look at", () => {
  const refuse = () => {
    throw new TypeError("do not look");
  };
  const unreadable = Object.defineProperty(new Error("x"), "message", { get: refuse });
  const unreadables = [Object.create(null), new Proxy({}, { getPrototypeOf: refuse }), unreadable];
  for (const thrown of unreadables) {
    assert.equal(asServiceError(thrown).message, "what was thrown cannot be shown");
    assert.equal(messageOf(thrown), "what was thrown cannot be shown");
  }
  assert.equal(asServiceError(Symbol("odd")).message, "Symbol(odd)");
  // A config is refused in its author's words; a bug has its kind before it.
  assert.equal(messageOf(new Error("config.url: expected a URL")), "config.url: expected a URL");
  assert.equal(messageOf(new TypeError("x is undefined")), "TypeError: x is undefined");
});

test("halves of characters become U+FFFD, and whole ones stay", () => {
  const half = "a\ud83d";
  const text = Output.json({ [half]: [half, "\ude00b", "\u{1f600}", "\\ud83d"] }).textContent;
  assert.equal(text, '{"a\ufffd":["a\ufffd","\ufffdb","\u{1f600}","\\\\ud83d"]}');
});

test("questions are asked, answered, and asked again", async () => {
  const first = await attempt(service, config, new Mock(), "asks");
  assert(first instanceof Ask);
  assert.deepEqual(first.questions[0]?.params, {
    message: "Sure?",
    requestedSchema: {
      type: "object",
      properties: { yes: { type: "boolean" } },
      required: ["yes"],
      additionalProperties: false,
    },
  });
  const answer = (value: object) => [{ key: "sure", value }];
  const said = (inputs: { key: string; value: object }[], state?: Uint8Array) =>
    attempt(service, config, new Mock(), "asks", {}, { inputs, state });
  assert.equal(((await said(answer({ action: "decline" }))) as Output).textContent, "decline");
  const yes = answer({ action: "accept", content: { yes: true } });
  const second = await said(yes);
  assert(second instanceof Ask && second.questions[0]?.kind === "sampling");
  const words = { key: "words", value: { content: { type: "text", text: "well" } } };
  assert.equal(((await said([...yes, words], second.state)) as Output).textContent, "true well 1");
  await assert.rejects(said(answer({ action: "accept", content: { yes: 1 } })), /the answer `sure`\.yes: /);
});

test("the clock is the test's, and what is told is kept", async () => {
  const mock = new Mock().at(new Date("2026-01-01T00:00:00Z")).cancelAfter(4000);
  const output = await call(service, config, mock, "waits");
  assert.equal(output.textContent, "26000 true 2026-01-01T00:00:04.000Z");
  assert.deepEqual(mock.progressed, [{ done: 1, total: 2, message: undefined }]);
  assert.deepEqual(mock.logs, [{ level: "notice", message: "slept", data: { ms: 4000 } }]);
});

test("prompts are filled in, arguments completed, resources read", async () => {
  const messages = await filled(service, config, new Mock(), "plan", { city: "Oslo" });
  assert.deepEqual(messages, [{ role: "user", content: "Plan a day in Oslo." }]);
  const typed = { prefix: "O", settled: {} };
  const completed = await complete(service, config, new Mock(), { prompt: "plan" }, "city", typed);
  assert.deepEqual(completed, { values: ["Oslo", "Ottawa"], total: 2, hasMore: false });
  const uri = "weather://S%C3%A3o/now";
  const parts = await read(service, config, new Mock(), uri);
  assert.deepEqual(parts, [{ uri, mimeType: "text/plain", text: "sun in São" }]);
  await assert.rejects(read(service, config, new Mock(), "weather://a/b/now"), { kind: "not-found" });
});

test("a service keeps the rules, and one that does not is told", async () => {
  assert.deepEqual(await check(service, config), []);
  assert.equal(await health(service, config, new Mock()), "ready");
  const schema = (await list(service, config))[0]?.inputSchema;
  assert.deepEqual(schema, {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
    required: ["city"],
    additionalProperties: false,
  });
  const odd = defineService({
    manifest: { name: "Odd", version: "1", title: "O", description: "", egress: [{ url: "http://h/?q", methods: [], reason: "" }] },
    setup: () => 0,
    tools: [tool({ name: "A", description: " ", readOnly: true, destructive: true, input: z.object({}), run: () => "" })],
  });
  assert.equal((await check(odd)).length, 7);
});

test("a cursor belongs to its arguments", () => {
  const key = new Key("list", ["open", null]);
  assert.equal(key.place(key.cursor("7")), "7");
  assert.throws(() => new Key("list", ["all", null]).place(key.cursor("7")), /belongs to a call with other arguments/);
  for (const forged of ["", "x", "%%", "AAAA"]) assert.throws(() => key.place(forged), /is not a cursor/);
});

test("paths are encoded by segment", () => {
  assert.equal(path`/a/${"b/c d"}/${7}`, "/a/b%2Fc%20d/7");
  assert.equal(path`/a/${"..a"}/${"a;.."}`, "/a/..a/a%3B..");
  for (const dots of ["", ".", "..", "a/../b", "..\\a", "a/.", "..;x", "a\0b"])
    assert.throws(() => path`/a/${dots}`, /cannot be part of a path/);
});

test("fetch takes what the standard's takes", async () => {
  const sends = defineService({
    manifest: service.manifest,
    setup: () => 0,
    tools: [
      tool({
        name: "send",
        description: "Sends.",
        input: z.object({}),
        async run(_: number) {
          await json(await fetch("http://up/a", { method: "POST", body: new URLSearchParams({ a: "1 2" }) }));
          await json(await fetch(new Request("http://up/a", { method: "POST", body: "text" })));
          return json(await fetch(new URL("http://up/a"), { method: "POST", json: { a: 1 }, reuse: 3.5 }));
        },
      }),
    ],
  });
  const mock = new Mock().on("POST", "http://up/a", 200, {});
  await call(sends, {}, mock, "send", {}, { traceparent: "00-1-2-3" });
  assert.deepEqual(
    mock.requests.map(({ body, headers }) => [body, headers["content-type"], headers["traceparent"]]),
    [
      ["a=1+2", "application/x-www-form-urlencoded;charset=UTF-8", "00-1-2-3"],
      ["text", "text/plain;charset=UTF-8", "00-1-2-3"],
      ['{"a":1}', "application/json", "00-1-2-3"],
    ],
  );
  assert.equal(mock.requests[2]?.headers["bulkhead-reuse"], "3");
});
