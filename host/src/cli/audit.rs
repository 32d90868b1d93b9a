//! `bulkhead audit`: who called what, from the audit log of a host that is running or not.

use std::{
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bulkhead::audit::{self, Entry, Filter, Index, Report, Tail};
use clap::{Args, Subcommand};

use super::{FAILED, Failure, Options, Outcome, failed, usage};

/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Show who called what, newest first.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Option<Command>,
    /// The log's folder; that of the configuration unless given.
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only this caller.
    #[arg(long)]
    caller: Option<String>,
    /// Only this tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// Only this service.
    #[arg(long)]
    service: Option<String>,
    /// Only this tool.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Only calls that ended like this: `ok`, or a reason such as `denied`.
    #[arg(long)]
    outcome: Option<String>,
    /// From this time on: 2026-05-01T12:00:00Z, or 1h for the last hour.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Up to this time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// No more calls than so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Show them oldest first, and then those that follow, until interrupted.
    #[arg(long, conflicts_with = "until")]
    follow: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Walk the whole log, and say where it was changed.
    Verify,
}

impl Audit {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let dir = match &self.dir {
            Some(dir) => dir.clone(),
            None => usual(options)?,
        };
        if !dir.is_dir() {
            return Err(usage(format!(
                "there is no audit log in {}; name its folder with `--dir`",
                dir.display()
            )));
        }
        match self.command {
            Some(Command::Verify) => verify(&dir, options.json),
            None => self.show(&dir, options.json).await,
        }
    }

    async fn show(self, dir: &Path, json: bool) -> Outcome {
        let follow = self.follow;
        let filter = self.filter().map_err(usage)?;
        let index = Index::read(dir).await.map_err(failed)?;
        let seen = index.indexed();
        if !json {
            out!("{}", Row::HEAD);
        }
        let asked = Filter { before: Some(seen.saturating_add(1)), ..filter.clone() };
        if !follow {
            let print =
                move |line: &str| print(line, json).map_or(ControlFlow::Break(()), ControlFlow::Continue);
            return index.query(asked, print).await.map(|_| ()).map_err(failed);
        }
        for line in collect(&index, asked).await?.iter().rev() {
            if print(line, json).is_err() {
                return Ok(());
            }
        }
        let (mut tail, mut line) = (Tail::after(dir, seen), Vec::new());
        loop {
            while tail.read(&mut line).map_err(failed)? {
                let wanted = Entry::decode(&line).is_ok_and(|entry| filter.matches(&entry));
                if wanted && print(&String::from_utf8_lossy(&line), json).is_err() {
                    return Ok(()); // the reader has seen enough
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn filter(self) -> Result<Filter, String> {
        let now = SystemTime::now();
        let time = |flag: &str, text: Option<String>| {
            let time = text.map(|text| audit::moment(&text, now)).transpose();
            time.map_err(|why| format!("--{flag}: {why}"))
        };
        Ok(Filter {
            since: time("since", self.since)?,
            until: time("until", self.until)?,
            caller: self.caller,
            tenant: self.tenant,
            service: self.service,
            tool: self.tool,
            outcome: self.outcome,
            before: None,
            limit: self.limit,
        })
    }
}

/// Where a log is unless something else is said: beside the configuration file.
fn usual(options: &Options) -> Result<PathBuf, Failure> {
    let audit = options.load(None)?.audit;
    audit.map(|audit| audit.dir).ok_or_else(|| {
        usage("there is no audit log: the configuration has no `audit` section; name the folder with --dir")
    })
}

async fn collect(index: &Index, filter: Filter) -> Result<Vec<String>, Failure> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let found = lines.clone();
    let each = move |line: &str| {
        found.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
        ControlFlow::Continue(())
    };
    index.query(filter, each).await.map_err(failed)?;
    Ok(std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner)))
}

fn print(line: &str, json: bool) -> io::Result<()> {
    let mut stdout = io::stdout();
    if json {
        return writeln!(stdout, "{line}");
    }
    match Entry::decode(line.as_bytes()) {
        Ok(entry) => writeln!(stdout, "{}", Row(&entry)),
        Err(_) => Ok(()), // `verify` tells of lines that are none
    }
}

/// A line for people.
struct Row<'a>(&'a Entry);

impl Row<'_> {
    const HEAD: &'static str = "TIME                      TENANT        CALLER            TOOL                              OUTCOME                 TOOK  SENT";
}

impl std::fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entry = self.0;
        // Some of these are the client's, and a terminal obeys what it prints.
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
        let time = humantime::format_rfc3339_millis(entry.time).to_string();
        let took = humantime::format_duration(rounded(entry.took_us)).to_string();
        write!(
            f,
            "{time:<24}  {:<12}  {:<16}  {:<32}  {:<18}  {:>8}  {:>4}",
            plain(&entry.tenant),
            plain(&entry.caller),
            plain(&entry.tool),
            plain(&entry.outcome),
            took.split(' ').next().unwrap_or_default(),
            entry.egress.requests,
        )
    }
}

/// One unit is enough.
fn rounded(us: u64) -> Duration {
    let us = match us {
        0..1_000 => us,
        1_000..1_000_000 => us - us % 1_000,
        _ => us - us % 1_000_000,
    };
    Duration::from_micros(us)
}

fn verify(dir: &Path, json: bool) -> Outcome {
    let report = audit::verify(dir).map_err(failed)?;
    if json {
        out!("{}", serde_json::json!(report));
    } else if report.fault.is_none() {
        out!("{}", summary(&report));
    }
    match report.fault {
        None => Ok(()),
        Some(_) if json => Err(Failure { message: String::new(), code: FAILED }),
        Some(fault) => Err(failed(format!("{}:{}: {}", fault.file.display(), fault.line, fault.what))),
    }
}

fn summary(report: &Report) -> String {
    let Report { files, lines, first, last, lost, .. } = report;
    let mut text = format!("sound: {lines} lines in {files} files, from {first} to {last}");
    if *lost > 0 {
        text.push_str(&format!("\n  {lost} lines could not be written when they were due"));
    }
    if report.torn {
        text.push_str("\n  the last line is not whole: it is being written, or a crash left it");
    }
    if !report.compared {
        text.push_str("\n  there is no index to tell whether the end was cut off");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_line_that_no_client_can_break() {
        let line = r#"{"time":"2026-09-21T14:13:20.123456Z","call":"1","caller":"ci","tenant":"acme",
            "tool":"x\u001b[2J\ny","decision":"denied","rule":"r","outcome":"unknown_tool","took_us":12345}"#;
        let row = Row(&Entry::decode(line.as_bytes()).unwrap()).to_string();
        let expected = "2026-09-21T14:13:20.123Z  acme          ci                x[2Jy                             unknown_tool            12ms     0";
        assert_eq!(row, expected);
        assert_eq!(row.len(), Row::HEAD.len());
    }
}
