//! Whether stages take more instructions than what is kept allows.

use std::{collections::BTreeMap, fmt::Write};

/// Instructions of one run of each stage, by its name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// More than this is a regression, in percent. Counts of one build differ by less than a tenth of one.
const TOLERANCE: u64 = 5;

/// As the file has them: a name and a count on each line.
pub(crate) fn written(counts: &Counts) -> String {
    let mut text = "# Instructions of the stages of a call; `UPDATE_INSTRUCTIONS=1 make instructions` writes this file.\n"
        .to_owned();
    for (stage, count) in counts {
        let _ = writeln!(text, "{stage} {count}");
    }
    text
}

/// From the file; what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Counts, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (stage, count) =
                line.split_once(' ').ok_or_else(|| format!("`{line}` is no name and count"))?;
            let count = count.parse().map_err(|error| format!("`{line}`: {error}"))?;
            Ok((stage.to_owned(), count))
        })
        .collect()
}

/// A table of both, and what is wrong.
pub(crate) fn compare(kept: &Counts, counted: &Counts) -> (String, Vec<String>) {
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for (stage, count) in counted {
        let Some(before) = kept.get(stage) else {
            wrong.push(format!("`{stage}` is not kept"));
            continue;
        };
        let more = (*count as f64 / *before as f64 - 1.0) * 100.0;
        let _ = writeln!(table, "{stage:20} {count:>10} {before:>10} {more:>+7.1} %");
        if count * 100 > before * (100 + TOLERANCE) {
            wrong.push(format!(
                "`{stage}` takes {more:.1} % more instructions: {count}, and {before} are kept"
            ));
        }
    }
    let gone = kept.keys().filter(|stage| !counted.contains_key(*stage));
    wrong.extend(gone.map(|stage| format!("`{stage}` is kept and was not counted")));
    (table, wrong)
}
