//! Owns `cron_next`: what a cron expression means and when it runs next.

use bulkhead_sdk::prelude::*;
use croner::parser::{CronParser, Seconds};

use super::{format, parse, present, weekday, zone, zone_or};
use crate::{Utilities, limits};

pub(super) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "cron_next",
            "Explains a cron expression and lists its next runs in a time zone. Takes five fields (minute hour day \
             month weekday), six with seconds first, names (MON, JAN), L, #, W, and @daily and its like.",
            cron_next,
        )
        .title("Next cron runs")
        .read_only()
        .tag("time"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct CronNext {
    /// Such as `*/15 9-17 * * MON-FRI`.
    expression: String,
    /// IANA time zone the schedule is in.
    timezone: Option<String>,
    /// Runs after this time; `now` if left out.
    after: Option<String>,
    /// How many runs; 5 if left out.
    #[schemars(range(min = 1, max = 50))]
    count: Option<usize>,
}

async fn cron_next(service: &Utilities, args: CronNext, call: &Call) -> Result<Output> {
    limits::at_most("expression", &args.expression, 200)?;
    let count = limits::within("count", args.count.unwrap_or(5), 1, 50)?;
    let zone = zone_or(service, "timezone", args.timezone.as_deref())?;
    let now = present(call, &zone)?;
    let after = parse::time("after", args.after.as_deref().unwrap_or("now"), &zone, &now)?.time;
    let cron =
        CronParser::builder().seconds(Seconds::Optional).build().parse(args.expression.trim()).map_err(
            |error| {
                Error::invalid(
                    "expression",
                    format!("`{}`: {error}; for example `0 9 * * MON-FRI`", args.expression),
                )
            },
        )?;
    let mut runs = Vec::new();
    let mut from = after;
    // The next run can be decades away (29 February on a Sunday), or never come: then the search ends
    // with an error, and what was found stands.
    while runs.len() < count {
        let Ok(next) = cron.find_next_occurrence(&from, false) else { break };
        runs.push(next.clone());
        from = next;
    }
    let description = cron.describe();
    let lines: Vec<String> =
        runs.iter().map(|run| format!("{} {}", weekday(run.weekday()), format::rfc3339(run))).collect();
    let value = json!({
        "description": description,
        "timezone": zone::name(&zone),
        "runs": runs.iter().map(format::rfc3339).collect::<Vec<_>>(),
    });
    let text = match lines.as_slice() {
        [] => format!("{description}\nIt never runs."),
        lines => format!("{description}\n{}", lines.join("\n")),
    };
    Ok(Output::structured_with_text(value, text))
}
