/** Issues of a repository on a GitHub-like API: the example of the SDK. `issues-rust` and `issues-python` do the same. */

import { Base, Denied, defineService, json, Key, path, prompt, resource, tool, z } from "@bulkhead/sdk";

/** A repository's issues, below `/repos/{owner}/{name}`. */
class Issues {
  readonly repository: Base;
  constructor(readonly repo: string, url: string) {
    const [owner, name, more] = repo.split("/");
    if (!owner || !name || more !== undefined) throw new Error("config.repo: expected `owner/name`");
    this.repository = new Base(url, "config.url").below(path`/repos/${owner}/${name}`);
  }
}

/** An issue as the API has it, as far as it is used. */
interface Issue {
  number: number;
  title: string;
  state: string;
  user: { login: string };
  labels: { name: string }[];
  comments: number;
  body: string | null;
  html_url: string;
}

interface Comment {
  user: { login: string };
  body: string;
}

const summary = (issue: Issue) => ({
  number: issue.number,
  title: issue.title,
  state: issue.state,
  author: issue.user.login,
  labels: issue.labels.map((label) => label.name),
  comments: issue.comments,
});

const Summary = z.object({
  number: z.int().min(0),
  title: z.string(),
  state: z.string(),
  author: z.string(),
  labels: z.array(z.string()),
  comments: z.int().min(0),
});

const State = z.enum(["open", "closed", "all"]);

const listIssues = tool({
  name: "list_issues",
  description: "Lists issues, newest first: number, title, state, author, labels and how many comments.",
  readOnly: true,
  openWorld: true,
  input: z.object({
    state: State.default("open").describe("Which issues."),
    label: z.string().optional().describe("Only issues with this label."),
    limit: z.int().min(1).max(100).default(20).describe("At most so many."),
    cursor: z.string().optional().describe("`next_cursor` of the previous answer."),
  }),
  output: z.object({
    shown: z.int().min(0),
    issues: z.array(Summary),
    next_cursor: z.string().optional(),
  }),
  async run(service: Issues, args) {
    const key = new Key("list_issues", [args.state, args.label ?? null]);
    const page = args.cursor === undefined ? 1 : Number(key.place(args.cursor));
    const query = { state: args.state, labels: args.label, per_page: args.limit, page };
    const response = await service.repository.fetch("/issues", { query, headers: { accept: "application/json" } });
    const issues = await json<Issue[]>(response);
    const more = response.headers.get("link")?.includes('rel="next"');
    return {
      shown: issues.length,
      issues: issues.map(summary),
      ...(more && { next_cursor: key.cursor(String(page + 1)) }),
    };
  },
});

const getIssue = tool({
  name: "get_issue",
  description: "Gives one issue with its text and its comments.",
  readOnly: true,
  openWorld: true,
  input: z.object({ number: z.int().min(1).describe("The issue's number.") }),
  async run(service: Issues, args, call) {
    call.progress(0, 2, "reading the issue and its comments");
    const [issue, comments] = await Promise.all([
      service.repository.json<Issue>(path`/issues/${args.number}`),
      service.repository.json<Comment[]>(path`/issues/${args.number}/comments`, { query: { per_page: 100 } }),
    ]);
    call.progress(2, 2, "read");
    const said = comments.map(({ user, body }) => ({ author: user.login, body }));
    return { issue: summary(issue), body: issue.body ?? "", comments: said };
  },
});

const Confirm = z.object({ confirm: z.boolean().describe("Create it.") });

const createIssue = tool({
  name: "create_issue",
  description: "Creates an issue, once the user has confirmed it. `dry_run` shows what would be created.",
  openWorld: true,
  tags: ["write"],
  input: z.object({
    title: z.string().min(1).max(256).describe("Its title."),
    body: z.string().default("").describe("Its text, in Markdown."),
    labels: z.array(z.string()).max(10).default([]).describe("Its labels."),
    dry_run: z.boolean().default(false).describe("Only say what would be created."),
  }),
  async run(service: Issues, { title, body, labels, dry_run }, call) {
    const issue = { title, body, labels };
    if (dry_run) return { created: false, would_create: issue };
    if (!call.accepts("elicitation"))
      throw new Denied("an issue is created once the user has confirmed it, and this client cannot ask");
    const reply = call.ask("confirm", `Create the issue "${title}" in ${service.repo}?`, Confirm);
    if (reply.action !== "accept" || !reply.value.confirm) return { created: false, because: "the user did not confirm" };
    const created = await service.repository.json<Issue>("/issues", { method: "POST", json: issue });
    call.log("info", "issue created", { number: created.number });
    return { created: true, number: created.number, url: created.html_url };
  },
});

const triage = prompt({
  name: "triage",
  title: "Triage issues",
  description: "Goes through issues and says what to do with each.",
  arguments: z.object({ state: State.optional().describe("Which issues.") }),
  complete: { state: (_service, { prefix }) => State.options.filter((state) => state.startsWith(prefix)) },
  run: (service: Issues, { state = "open" }) =>
    `Triage the ${state} issues of ${service.repo}.\n1. List them: {tool:list_issues}.\n2. Read each: {tool:get_issue}.`,
});

const issueText = resource({
  uri: "issues://{number}",
  name: "issue",
  description: "The text of an issue.",
  mimeType: "text/markdown",
  async read(service: Issues, { number }: { number: string }) {
    const issue = await service.repository.json<Issue>(path`/issues/${number}`);
    return `# ${issue.title}\n\n${issue.body ?? ""}`;
  },
});

export default defineService({
  manifest: {
    name: "issues",
    version: "0.1.0",
    title: "Issues",
    description: "Reads and creates issues of one repository.",
    instructions: "Look with {tool:list_issues} before you create an issue.",
    egress: [
      { url: "{config.url}/repos/**", methods: ["GET"], reason: "to read issues and comments" },
      { url: "{config.url}/repos/**", methods: ["POST"], reason: "to create issues" },
    ],
  },
  config: z.object({
    url: z.string().describe("The API's base URL."),
    repo: z.string().regex(/^[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/).describe("The repository: `owner/name`."),
  }),
  setup: ({ url, repo }) => new Issues(repo, url),
  async health(service) {
    await service.repository.json("");
    return `${service.repo} can be read`;
  },
  tools: [listIssues, getIssue, createIssue],
  prompts: [triage],
  resources: [issueText],
});
