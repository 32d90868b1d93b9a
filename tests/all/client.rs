//! `bulkhead client`: every client's file, as it was and as it becomes, in a home folder of the test's own; and back.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

/// A user, with a project.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("project")).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All files in a folder, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
        command.arg("client").args(args).current_dir(self.path("project")).env("HOME", self.0.path());
        for variable in [
            "BULKHEAD_CONFIG",
            "BULKHEAD_LOG",
            "BULKHEAD_TENANT",
            "XDG_CONFIG_HOME",
            "CODEX_HOME",
            "COPILOT_HOME",
            "CLAUDE_CONFIG_DIR",
        ] {
            command.env_remove(variable);
        }
        command.output().unwrap()
    }

    /// What a command that goes well says.
    #[track_caller]
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command that does not says.
    #[track_caller]
    fn refuses(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        said.strip_prefix("error: ")
            .unwrap_or_else(|| panic!("{said}"))
            .trim_end()
            .replace(self.0.path().to_str().unwrap(), "~")
    }

    fn config(&self, text: &str) -> String {
        self.write("bulkhead.yaml", text).display().to_string()
    }
}

/// Takes one key.
const WITH_KEYS: &str = "auth: { api_keys: [{ id: ci, tenant: acme, sha256: '0000000000000000000000000000000000000000000000000000000000000000', tools: ['*'] }] }
tenants: { acme: { services: { utilities: {} } } }
";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A client's file of a user who has had it for long, and what becomes of it.
struct Case {
    client: &'static str,
    file: &'static str,
    before: &'static str,
    after: &'static str,
}

const CASES: [Case; 12] = [
    Case {
        client: "claude-code",
        file: ".claude.json",
        before: r#"{
  "numStartups": 7,
  "mcpServers": {},
  "projects": { "/w": { "mcpServers": {} } }
}
"#,
        after: r#"{
  "numStartups": 7,
  "mcpServers": {
    "bulkhead": {
      "type": "http",
      "url": "http://127.0.0.1:8080/mcp"
    }
  },
  "projects": { "/w": { "mcpServers": {} } }
}
"#,
    },
    Case {
        client: "vscode",
        file: ".config/Code/User/mcp.json",
        before: r#"{
	// mine
	"servers": {
		"other": { "type": "stdio", "command": "x" }, // keep
	},
	"inputs": [],
}
"#,
        after: r#"{
	// mine
	"servers": {
		"other": { "type": "stdio", "command": "x" }, // keep
		"bulkhead": {
			"type": "http",
			"url": "http://127.0.0.1:8080/mcp",
		},
	},
	"inputs": [],
}
"#,
    },
    Case {
        client: "cursor",
        file: ".cursor/mcp.json",
        before: r#"{"mcpServers": {"z": {"url": "https://z"}, "a": {"command": "a", "unknown": 1}}}"#,
        after: r#"{"mcpServers": {
    "z": {"url": "https://z"},
    "a": {"command": "a", "unknown": 1},
    "bulkhead": {
      "url": "http://127.0.0.1:8080/mcp"
    }
  }}"#,
    },
    Case {
        client: "codex",
        file: ".codex/config.toml",
        before: r#"# mine
model = "gpt-5"   # the good one

[mcp_servers.other]
command = "x"

[tui]
theme = "dark"
"#,
        after: r#"# mine
model = "gpt-5"   # the good one

[mcp_servers.other]
command = "x"

[mcp_servers.bulkhead]
url = "http://127.0.0.1:8080/mcp"

[tui]
theme = "dark"
"#,
    },
    Case {
        client: "gemini-cli",
        file: ".gemini/settings.json",
        before: "{\n    \"theme\": \"GitHub\"\n}\n",
        after: r#"{
    "theme": "GitHub",
    "mcpServers": {
        "bulkhead": {
            "httpUrl": "http://127.0.0.1:8080/mcp"
        }
    }
}
"#,
    },
    Case {
        client: "copilot-cli",
        file: ".copilot/mcp-config.json",
        before: "{}\n",
        after: r#"{
  "mcpServers": {
    "bulkhead": {
      "type": "http",
      "url": "http://127.0.0.1:8080/mcp"
    }
  }
}
"#,
    },
    Case {
        client: "windsurf",
        file: ".codeium/windsurf/mcp_config.json",
        before: "",
        after: r#"{
  "mcpServers": {
    "bulkhead": {
      "serverUrl": "http://127.0.0.1:8080/mcp"
    }
  }
}
"#,
    },
    Case {
        client: "zed",
        file: ".config/zed/settings.json",
        before: r#"// Zed settings
{
  "vim_mode": true, // of course
  /* servers */
  "context_servers": {
    "other": { "command": "x", "args": [] }
  }
}
"#,
        after: r#"// Zed settings
{
  "vim_mode": true, // of course
  /* servers */
  "context_servers": {
    "other": { "command": "x", "args": [] },
    "bulkhead": {
      "url": "http://127.0.0.1:8080/mcp"
    }
  }
}
"#,
    },
    Case {
        client: "opencode",
        file: ".config/opencode/opencode.jsonc",
        before: "{\n  \"$schema\": \"https://opencode.ai/config.json\",\n  \"mcp\": { \"timeout\": 5000 },\n}\n",
        after: r#"{
  "$schema": "https://opencode.ai/config.json",
  "mcp": {
    "timeout": 5000,
    "servers": {
      "bulkhead": {
        "type": "remote",
        "url": "http://127.0.0.1:8080/mcp"
      }
    }
  },
}
"#,
    },
    Case {
        client: "goose",
        file: ".config/goose/config.yaml",
        before: r#"GOOSE_MODEL: x # fast
extensions:
  developer: # keep
    enabled: true
    type: builtin
    name: developer

# below
GOOSE_MODE: auto
"#,
        after: r#"GOOSE_MODEL: x # fast
extensions:
  developer: # keep
    enabled: true
    type: builtin
    name: developer
  bulkhead:
    enabled: true
    type: "streamable_http"
    name: "bulkhead"
    description: ""
    uri: "http://127.0.0.1:8080/mcp"
    timeout: 300

# below
GOOSE_MODE: auto
"#,
    },
    Case {
        client: "cline",
        file: ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
        before: "{\n  \"mcpServers\": {}\n}",
        after: r#"{
  "mcpServers": {
    "bulkhead": {
      "type": "streamableHttp",
      "url": "http://127.0.0.1:8080/mcp"
    }
  }
}"#,
    },
    Case {
        client: "kiro",
        file: ".kiro/settings/mcp.json",
        before: "{\r\n  \"mcpServers\": {\r\n    \"a\": { \"url\": \"https://a\" }\r\n  }\r\n}\r\n",
        after: "{\r\n  \"mcpServers\": {\r\n    \"a\": { \"url\": \"https://a\" },\r\n    \"bulkhead\": {\r\n      \"url\": \"http://127.0.0.1:8080/mcp\"\r\n    }\r\n  }\r\n}\r\n",
    },
];

#[test]
fn every_clients_file_keeps_what_it_has_and_comes_back_as_it_was() {
    for Case { client, file, before, after } in CASES {
        let home = Home::new();
        let path = home.write(file, before);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let said = home.says(&[client, "--write"]);
        assert_eq!(home.read(file), after, "{client}");
        assert_eq!(mode(&path), 0o640, "{client}");
        assert!(said.starts_with(&format!("~/{file}: `bulkhead` is added\n  backup  ~/{file}.2")), "{said}");
        let folder = Path::new(file).parent().unwrap().to_str().unwrap();
        let backup = home.names(folder).into_iter().find(|name| name.ends_with(".bak")).unwrap();
        assert_eq!(home.read(Path::new(folder).join(backup).to_str().unwrap()), before, "{client}");

        assert_eq!(home.says(&[client, "--write"]), format!("~/{file} has `bulkhead` as it should be\n"));
        assert_eq!(home.read(file), after, "{client}");

        assert_eq!(home.says(&[client, "--undo"]), format!("~/{file} is as it was before\n"));
        assert_eq!(home.read(file), before, "{client}");
        assert_eq!(mode(&path), 0o640, "{client}");
        let left: Vec<_> = home
            .names(folder)
            .into_iter()
            .filter(|name| name.contains("bulkhead") || name.ends_with("bak"))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{client}");
    }
}

#[test]
fn a_file_that_is_not_there_is_made_for_its_user_alone_and_removed_again() {
    for Case { client, file, .. } in CASES {
        let home = Home::new();
        let file = &file.replace("opencode.jsonc", "opencode.json");
        assert!(home.says(&[client, "--write"]).starts_with(&format!(
            "~/{file} is made, with `bulkhead`\n  undo    bulkhead client {client} --undo\n"
        )));
        assert_eq!(mode(&home.path(file)), 0o600, "{client}");
        assert_eq!(
            home.read(file).trim_end(),
            home.says(&[client]).trim_end(),
            "what is written is what is printed"
        );
        assert_eq!(
            home.says(&[client, "--undo"]),
            format!("~/{file} is removed: it was made by `--write`\n")
        );
        assert!(!home.path(file).exists(), "{client}");
        let nothing = format!(
            "~/{file}: nothing to undo: no `bulkhead` was written by `bulkhead client`, or it was undone"
        );
        assert_eq!(home.refuses(&[client, "--undo"], 1), nothing);
    }
}

#[test]
fn a_client_that_starts_programs_gets_whole_paths() {
    let home = Home::new();
    let config = home.config("tenants: { a: { services: { utilities: {} } } }");
    let program = env!("CARGO_BIN_EXE_bulkhead");
    let args = json!(["stdio", "--config", config]);
    let printed = |client: &[&str]| -> Value {
        serde_json::from_str(&home.says(&[client, &["--config", "../bulkhead.yaml"]].concat())).unwrap()
    };
    let plain = json!({ "command": program, "args": args });
    let config_of = |path: &Value| std::path::absolute(path.as_str().unwrap()).unwrap();
    let same = |mut found: Value| {
        // `../bulkhead.yaml` is made absolute, not resolved: links in it stay links.
        let path = config_of(&found["args"][2]);
        assert_eq!(fs::canonicalize(path).unwrap(), fs::canonicalize(&config).unwrap());
        found["args"][2] = json!(config);
        found
    };
    assert_eq!(same(printed(&["claude-desktop"])["mcpServers"]["bulkhead"].clone()), plain);
    assert_eq!(same(printed(&["cursor", "--stdio"])["mcpServers"]["bulkhead"].clone()), plain);
    let with_type = json!({ "type": "stdio", "command": program, "args": args });
    assert_eq!(same(printed(&["vscode", "--stdio"])["servers"]["bulkhead"].clone()), with_type);
    let one_list = &printed(&["opencode", "--stdio"])["mcp"]["servers"]["bulkhead"];
    assert_eq!(
        (&one_list["type"], &one_list["command"][0], &one_list["command"][1]),
        (&json!("local"), &json!(program), &json!("stdio"))
    );
    let toml = home.says(&["codex", "--stdio"]);
    assert_eq!(toml, format!("[mcp_servers.bulkhead]\ncommand = \"{program}\"\nargs = [\"stdio\"]\n"));
    let yaml = home.says(&["goose", "--stdio"]);
    assert_eq!(
        yaml,
        format!(
            "extensions:\n  bulkhead:\n    enabled: true\n    type: \"stdio\"\n    name: \"bulkhead\"\n    description: \"\"\n    cmd: \"{program}\"\n    args: [\"stdio\"]\n    timeout: 300\n"
        )
    );
    // Its file is where macOS has it, or where those that others build for Linux look.
    let file = "Claude/claude_desktop_config.json";
    let folder = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    home.says(&["claude-desktop", "--write"]);
    assert!(home.path(folder).join(file).exists());
    let refused = home.refuses(&["claude-desktop", "--url", "https://mcp.example.com/mcp"], 64);
    assert_eq!(
        refused,
        "Claude Desktop's file takes no URLs, only programs that it starts: leave out --url, --service and the key"
    );
}

#[test]
fn a_key_is_named_where_the_client_can_read_its_environment() {
    let home = Home::new();
    let config = home.config(WITH_KEYS);
    let says = |client: &str, more: &[&str]| home.says(&[&[client, "--config", &config][..], more].concat());
    for (client, header) in [
        ("claude-code", "\"Authorization\": \"Bearer ${BULKHEAD_KEY}\""),
        ("vscode", "\"Authorization\": \"Bearer ${env:BULKHEAD_KEY}\""),
        ("cursor", "\"Authorization\": \"Bearer ${env:BULKHEAD_KEY}\""),
        ("gemini-cli", "\"Authorization\": \"Bearer ${BULKHEAD_KEY}\""),
        ("windsurf", "\"Authorization\": \"Bearer ${env:BULKHEAD_KEY}\""),
        ("opencode", "\"Authorization\": \"Bearer {env:BULKHEAD_KEY}\""),
        ("kiro", "\"Authorization\": \"Bearer ${BULKHEAD_KEY}\""),
        ("codex", "bearer_token_env_var = \"BULKHEAD_KEY\""),
        (
            "goose",
            "env_keys: [\"BULKHEAD_KEY\"]\n    headers:\n      Authorization: \"Bearer ${BULKHEAD_KEY}\"",
        ),
        ("curl", "-H \"Authorization: Bearer $BULKHEAD_KEY\""),
    ] {
        let printed = says(client, &[]);
        assert!(printed.contains(header), "{client}: {printed}");
        let named = says(client, &["--key-env", "OTHER"]);
        assert_eq!(named, printed.replace("BULKHEAD_KEY", "OTHER"), "{client}");
    }
}

#[test]
fn a_key_that_would_stand_in_plain_is_written_only_if_that_is_asked_for() {
    let home = Home::new();
    let config = home.config(WITH_KEYS);
    let key = home.write("key", "bulkhead_canary\n");
    for (client, name, file) in [
        ("zed", "Zed", ".config/zed/settings.json"),
        ("copilot-cli", "Copilot CLI", ".copilot/mcp-config.json"),
        ("cline", "Cline", CASES[10].file),
    ] {
        let refused = home.refuses(&[client, "--config", &config, "--write"], 64);
        let expected = format!(
            "{name} cannot take the key from its environment, so the key would stand in ~/{file} in plain. If it may, name \
             its file with --key-file; with --stdio it needs none"
        );
        assert_eq!(refused, expected);
        assert!(!home.path(file).exists());
        home.write(file, "{}\n");
        let plain = [client, "--config", &config, "--key-file", key.to_str().unwrap()];
        let shown = home.says(&[&plain[..], &["--dry-run"]].concat());
        assert!(
            shown.contains("+      \"headers\": {\n+        \"Authorization\": \"Bearer …\"\n"),
            "{shown}"
        );
        let output = home.run(&[&plain[..], &["--write"]].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(
            told.ends_with("The key stands in the file in plain: whoever reads the file can use it.\n"),
            "{told}"
        );
        assert!(home.read(file).contains("\"Authorization\": \"Bearer bulkhead_canary\""));
        assert_eq!(mode(&home.path(file)), 0o600, "nobody else's from now on");
        assert!(!String::from_utf8(output.stdout).unwrap().contains("canary"));
    }
    let codex = home.says(&["codex", "--key-file", key.to_str().unwrap()]);
    assert!(codex.contains("http_headers = { Authorization = \"Bearer bulkhead_canary\" }"), "{codex}");
    home.write("two", "two words");
    let two = home.path("two");
    let refused = home.refuses(&["zed", "--key-file", two.to_str().unwrap()], 64);
    assert_eq!(refused, "--key-file: ~/two is not a key: it must be one word");
}

#[test]
fn a_project_has_files_of_its_own() {
    for (client, file) in [
        ("claude-code", ".mcp.json"),
        ("vscode", ".vscode/mcp.json"),
        ("cursor", ".cursor/mcp.json"),
        ("codex", ".codex/config.toml"),
        ("gemini-cli", ".gemini/settings.json"),
        ("copilot-cli", ".mcp.json"),
        ("zed", ".zed/settings.json"),
        ("opencode", "opencode.json"),
        ("kiro", ".kiro/settings/mcp.json"),
    ] {
        let home = Home::new();
        let file = format!("project/{file}");
        home.says(&[client, "--write", "--scope", "project"]);
        assert_eq!(mode(&home.path(&file)), 0o644, "{client}: the project's others read it too");
        assert!(home.read(&file).contains("http://127.0.0.1:8080/mcp"), "{client}");
        home.says(&[client, "--undo", "--scope", "project"]);
        assert!(!home.path(&file).exists(), "{client}");
    }
    for (client, name) in [
        ("claude-desktop", "Claude Desktop"),
        ("windsurf", "Windsurf"),
        ("goose", "goose"),
        ("cline", "Cline"),
    ] {
        let refused = Home::new().refuses(&[client, "--write", "--scope", "project"], 64);
        assert_eq!(refused, format!("{name} has no configuration in a project; leave out --scope"));
    }
}

#[test]
fn a_dry_run_shows_the_change_and_makes_none() {
    let home = Home::new();
    let before = "{\n  \"mcpServers\": {\n    \"a\": {}\n  }\n}\n";
    home.write(".cursor/mcp.json", before);
    let expected = "--- ~/.cursor/mcp.json
+++ ~/.cursor/mcp.json
@@ -1,5 +1,8 @@
 {
   \"mcpServers\": {
-    \"a\": {}
+    \"a\": {},
+    \"bulkhead\": {
+      \"url\": \"http://127.0.0.1:8080/mcp\"
+    }
   }
 }
";
    assert_eq!(home.says(&["cursor", "--dry-run"]), expected);
    assert_eq!(home.says(&["cursor", "--write", "--dry-run"]), expected);
    assert_eq!((home.read(".cursor/mcp.json").as_str(), home.names(".cursor").len()), (before, 1));
    home.says(&["cursor", "--write"]);
    let back = home.says(&["cursor", "--undo", "--dry-run"]);
    assert!(back.contains("\n-    \"a\": {},\n-    \"bulkhead\": {\n"), "{back}");
    assert_eq!(home.says(&["cursor", "--dry-run"]), "~/.cursor/mcp.json would stay as it is\n");
    let made = Home::new().says(&["cursor", "--dry-run"]);
    assert!(made.starts_with("--- /dev/null\n+++ ~/.cursor/mcp.json\n@@ -0,0 +1,7 @@\n+{\n"), "{made}");
}

#[test]
fn what_others_changed_since_survives_an_undo() {
    for (client, file, before, other) in [
        ("cursor", ".cursor/mcp.json", "{\n  \"mcpServers\": {}\n}\n", ("{\n", "{\n  \"other\": 1,\n")),
        ("codex", ".codex/config.toml", "a = 1\n", ("a = 1\n", "a = 1\nother = 1\n")),
        ("goose", ".config/goose/config.yaml", "a: 1\nextensions:\n", ("a: 1\n", "a: 1\nother: 1\n")),
    ] {
        let home = Home::new();
        home.write(file, before);
        home.says(&[client, "--write"]);
        let (from, to) = other;
        home.write(file, &home.read(file).replacen(from, to, 1));
        let said = home.says(&[client, "--undo"]);
        assert_eq!(said, format!("~/{file}: only `bulkhead` is undone; what others changed since stays\n"));
        // An object that is empty again may be written over two lines.
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(bare(&home.read(file)), bare(&before.replacen(from, to, 1)), "{client}");
    }
}

#[test]
fn an_undo_puts_the_entry_before_it_back_and_leaves_one_that_was_edited() {
    let home = Home::new();
    let file = ".cursor/mcp.json";
    home.write(file, "{\"mcpServers\": {\"bulkhead\": {\"url\": \"http://old/mcp\"}}}\n");
    assert!(home.says(&["cursor", "--write"]).starts_with("~/.cursor/mcp.json: `bulkhead` is replaced\n"));
    let written = home.read(file);
    let other = written.replacen('{', "{ \"other\": 1,", 1);
    home.write(file, &other);
    home.says(&["cursor", "--undo"]);
    let now: Value = serde_json::from_str(&home.read(file)).unwrap();
    assert_eq!(now, json!({ "other": 1, "mcpServers": { "bulkhead": { "url": "http://old/mcp" } } }));

    home.says(&["cursor", "--write"]);
    let edited = home.read(file).replace("127.0.0.1:8080", "127.0.0.1:9");
    home.write(file, &edited);
    let refused = home.refuses(&["cursor", "--undo"], 1);
    assert!(refused.starts_with("~/.cursor/mcp.json: `bulkhead` was changed since it was written, and is left alone; ~/.cursor/mcp.json.2"), "{refused}");
    assert_eq!(home.read(file), edited);
}

#[test]
fn several_writes_are_undone_one_by_one() {
    let home = Home::new();
    let file = ".cursor/mcp.json";
    home.says(&["cursor", "--write"]);
    let first = home.read(file);
    home.says(&["cursor", "--write", "--url", "https://mcp.example.com/mcp"]);
    let second = home.read(file);
    home.says(&["cursor", "--write", "--name", "other", "--service", "utilities"]);
    assert!(home.read(file).contains("\"other\": {\n      \"url\": \"http://127.0.0.1:8080/mcp/utilities\""));
    home.says(&["cursor", "--undo", "--name", "other"]);
    assert_eq!(home.read(file), second);
    home.says(&["cursor", "--undo"]);
    assert_eq!(home.read(file), first);
    home.says(&["cursor", "--undo"]);
    assert_eq!(home.names(".cursor"), Vec::<String>::new());
}

#[test]
fn a_file_that_cannot_be_read_is_left_alone() {
    for (client, file, text, why) in [
        ("cursor", ".cursor/mcp.json", "{\n  \"mcpServers\": {\n    \"a\": }\n}", ":3:"),
        ("cursor", ".cursor/mcp.json", "{ \"a\": 1 \"b\": 2 }", ":1:"),
        ("cursor", ".cursor/mcp.json", "[]", ": it is not a table of settings"),
        ("cursor", ".cursor/mcp.json", "{ \"mcpServers\": [] }", ": `mcpServers` is not a table"),
        ("codex", ".codex/config.toml", "a = 1\nb = = 2\n", ":2:"),
        ("goose", ".config/goose/config.yaml", "a: [1\nb: 2\n", ": "),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions: { a: { enabled: true } }\n",
            "by hand, with what `bulkhead client` prints",
        ),
    ] {
        let home = Home::new();
        home.write(file, text);
        let said = home.refuses(&[client, "--write"], 1);
        assert!(
            said.starts_with(&format!("~/{file}:"))
                && said.contains(why)
                && said.ends_with("; nothing was written"),
            "{said}"
        );
        let folder = Path::new(file).parent().unwrap().to_str().unwrap();
        assert_eq!((home.read(file).as_str(), home.names(folder).len()), (text, 1));
    }
}

#[test]
fn links_are_followed_to_the_file_and_not_out_of_a_project() {
    let home = Home::new();
    home.write("dotfiles/mcp.json", "{}\n");
    fs::create_dir(home.path(".cursor")).unwrap();
    symlink("../dotfiles/mcp.json", home.path(".cursor/mcp.json")).unwrap();
    home.says(&["cursor", "--write"]);
    assert!(home.path(".cursor/mcp.json").is_symlink());
    assert!(home.read("dotfiles/mcp.json").contains("bulkhead"));
    home.says(&["cursor", "--undo"]);
    assert_eq!(home.read("dotfiles/mcp.json"), "{}\n");

    fs::create_dir(home.path("project/.cursor")).unwrap();
    symlink("../../dotfiles/mcp.json", home.path("project/.cursor/mcp.json")).unwrap();
    let out = "a link leads out of the project; change the file it leads to by hand";
    assert_eq!(
        home.refuses(&["cursor", "--write", "--scope", "project"], 1),
        format!("~/project/.cursor/mcp.json: {out}")
    );
    symlink("../dotfiles", home.path("project/.vscode")).unwrap();
    assert_eq!(
        home.refuses(&["vscode", "--write", "--scope", "project"], 1),
        format!("~/project/.vscode/mcp.json: {out}")
    );
    assert_eq!(home.read("dotfiles/mcp.json"), "{}\n");

    fs::remove_file(home.path("dotfiles/mcp.json")).unwrap();
    let said = home.refuses(&["cursor", "--write"], 1);
    assert!(said.starts_with("~/.cursor/mcp.json: is a link that leads nowhere: "), "{said}");
    fs::remove_file(home.path(".cursor/mcp.json")).unwrap();
    fs::create_dir(home.path(".cursor/mcp.json")).unwrap();
    assert_eq!(home.refuses(&["cursor", "--write"], 1), "~/.cursor/mcp.json: is not a file");
}

#[test]
fn the_url_is_that_of_the_listener() {
    for (config, url) in [
        ("server: { listen: '127.0.0.1:9' }", "http://127.0.0.1:9/mcp"),
        ("server: { public_url: 'https://mcp.example.com' }", "https://mcp.example.com/mcp"),
        ("server: { listen: '[::1]:9' }", "http://[::1]:9/mcp"),
    ] {
        let home = Home::new();
        let config = home.config(config);
        let printed: Value = serde_json::from_str(&home.says(&["cursor", "--config", &config])).unwrap();
        assert_eq!(printed["mcpServers"]["bulkhead"]["url"], url);
    }
    let home = Home::new();
    let config = home.config(&format!(
        "server: {{ listen: '0.0.0.0:8443', tls: {{ certificate: c, key: k }} }}\n{WITH_KEYS}"
    ));
    let printed =
        home.says(&["claude-code", "--config", &config, "--service", "utilities", "--name", "mine"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed["mcpServers"]["mine"]["url"], "https://localhost:8443/mcp/utilities");
    assert_eq!(home.refuses(&["cursor", "--name", "a b"], 64), "--name is letters, digits, `_` and `-`");
    assert_eq!(home.refuses(&["curl", "--write"], 64), "curl has no configuration of servers to write");
}

#[test]
fn programs_are_told_in_json() {
    let home = Home::new();
    let told =
        |args: &[&str]| -> Value { serde_json::from_str(&home.says(&[args, &["--json"]].concat())).unwrap() };
    let file = home.path(".cursor/mcp.json");
    let entry = json!({ "mcpServers": { "bulkhead": { "url": "http://127.0.0.1:8080/mcp" } } });
    assert_eq!(told(&["cursor"]), json!({ "client": "Cursor", "file": file, "configuration": entry }));
    let written = told(&["cursor", "--write"]);
    assert_eq!(
        written,
        json!({ "client": "Cursor", "file": file, "name": "bulkhead", "changed": true, "backup": null })
    );
    assert_eq!(
        told(&["cursor", "--undo"]),
        json!({ "client": "Cursor", "file": file, "name": "bulkhead", "undone": "removed" })
    );
}
