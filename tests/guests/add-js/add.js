// The tool of `make bench` in JavaScript, on the contract's bare bindings: adds two numbers.
// The others try its sandbox: `remember` says what it knows of earlier calls and which config it got, `spin` and `hoard`
// never end.

let config = {};
let calls = 0;

export const lifecycle = {
  describe: () => ({
    name: "add-js",
    version: "0.1.0",
    title: "Add in JavaScript",
    description: "Adds two numbers.",
    instructions: undefined,
    configSchema: JSON.stringify({ type: "object", properties: { name: { type: "string" } } }),
    egress: [],
  }),
  initialize(text) {
    config = JSON.parse(text);
  },
  healthCheck: () => "it adds",
};

const tool = (name, description, properties) => ({
  name,
  title: undefined,
  description,
  inputSchema: JSON.stringify({ type: "object", properties, required: Object.keys(properties) }),
  outputSchema: undefined,
  annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
  tags: [],
  cacheTtlMs: undefined,
  plan: undefined,
  meta: undefined,
});

const perform = {
  add: ({ a, b }) => ({ sum: a + b }),
  remember: () => ({ calls: ++calls, name: config.name ?? null }),
  spin: () => {
    for (;;);
  },
  hoard: () => {
    for (const hoard = []; ; ) hoard.push(new Uint8Array(1 << 20).fill(1));
  },
};

export const tools = {
  listTools: () => [
    tool("add", "Adds two numbers.", { a: { type: "integer" }, b: { type: "integer" } }),
    tool("remember", "How often this instance was called, and the name in its config.", {}),
    tool("spin", "Computes for ever.", {}),
    tool("hoard", "Takes all the memory there is.", {}),
  ],
  callTool(_context, call) {
    const structured = JSON.stringify(perform[call.name](JSON.parse(call.arguments)));
    const content = [{ tag: "text", val: structured }];
    return { tag: "complete", val: { content, structured, meta: undefined } };
  },
};
