//! Owns `semver`: comparing, matching, sorting and raising semantic versions.

use bulkhead_sdk::prelude::*;
use semver::{BuildMetadata, Prerelease, Version, VersionReq};

use crate::{Utilities, limits};

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "semver",
            "Semantic versions: `compare` two, check which `satisfies` a `range` (`^1.2`, `>=1.2, <2`), `sort` them \
             oldest first, or `bump` the major, minor or patch number. Takes `v1.2` for `1.2.0`.",
            semver,
        )
        .title("Semantic versions")
        .read_only()
        .idempotent()
        .tag("text"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Semver {
    operation: Operation,
    /// Such as `["1.2.3", "2.0.0-rc.1"]`: two to compare, one to bump, any number otherwise.
    #[schemars(length(min = 1, max = 1000))]
    versions: Vec<String>,
    /// For satisfies: Cargo's syntax, parts separated by commas.
    range: Option<String>,
    /// For bump.
    part: Option<Part>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Compare,
    Satisfies,
    Sort,
    Bump,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    Major,
    Minor,
    Patch,
}

async fn semver(_: &Utilities, args: Semver, _: &Call) -> Result<Output> {
    limits::within("versions", args.versions.len(), 1, 1000)?;
    let mut versions =
        args.versions.iter().enumerate().map(|(at, text)| version(at, text)).collect::<Result<Vec<_>>>()?;
    match args.operation {
        Operation::Compare => {
            let [left, right] = versions.as_slice() else {
                return Err(Error::invalid("versions", format!("has {}; compare takes two", versions.len())));
            };
            let order = left.cmp_precedence(right);
            let words = match order {
                std::cmp::Ordering::Less => "older than",
                std::cmp::Ordering::Equal => "the same as",
                std::cmp::Ordering::Greater => "newer than",
            };
            let value = json!({"order": order as i8});
            Ok(Output::structured_with_text(value, format!("{left} is {words} {right}.")))
        }
        Operation::Satisfies => {
            let text = args.range.ok_or_else(|| {
                Error::invalid("range", "is needed for satisfies; such as `^1.2` or `>=1.2, <2`")
            })?;
            limits::at_most("range", &text, limits::EXPRESSION)?;
            let range = VersionReq::parse(text.trim()).map_err(|error| {
                Error::invalid("range", format!("`{text}`: {error}; expected such as `^1.2` or `>=1.2, <2`"))
            })?;
            let results: Vec<Value> = versions
                .iter()
                .map(|version| json!({"version": version.to_string(), "satisfies": range.matches(version)}))
                .collect();
            Ok(Output::json(&json!({"range": range.to_string(), "results": results})))
        }
        Operation::Sort => {
            versions.sort();
            let sorted: Vec<String> = versions.iter().map(ToString::to_string).collect();
            let text = sorted.join("\n");
            Ok(Output::structured_with_text(json!({"versions": sorted}), text))
        }
        Operation::Bump => {
            let part = args
                .part
                .ok_or_else(|| Error::invalid("part", "is needed for bump: major, minor or patch"))?;
            let bumped: Vec<String> =
                versions.iter().map(|version| bump(version, part).to_string()).collect();
            let text = bumped.join("\n");
            Ok(Output::structured_with_text(json!({"versions": bumped}), text))
        }
    }
}

/// Lenient where meaning is plain: a leading v, and missing numbers.
fn version(at: usize, text: &str) -> Result<Version> {
    let trimmed = text.trim().trim_start_matches(['v', 'V', '=']);
    let numbers = trimmed.find(['-', '+']).unwrap_or(trimmed.len());
    let (numbers, rest) = trimmed.split_at(numbers);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    let whole = format!("{numbers}{}{rest}", ".0".repeat(missing));
    Version::parse(&whole).map_err(|error| {
        Error::invalid(
            &format!("versions[{at}]"),
            format!("`{text}`: {error}; expected such as `1.2.3-rc.1`"),
        )
    })
}

/// A pre-release of the wanted version becomes that version, as npm and cargo-release have it.
fn bump(version: &Version, part: Part) -> Version {
    let mut next = Version::new(version.major, version.minor, version.patch);
    let released = version.pre == Prerelease::EMPTY;
    match part {
        Part::Patch if !released => {}
        Part::Minor if !released && version.patch == 0 => {}
        Part::Major if !released && version.patch == 0 && version.minor == 0 => {}
        Part::Patch => next.patch = next.patch.saturating_add(1),
        Part::Minor => (next.minor, next.patch) = (next.minor.saturating_add(1), 0),
        Part::Major => (next.major, next.minor, next.patch) = (next.major.saturating_add(1), 0, 0),
    }
    next.build = BuildMetadata::EMPTY;
    next
}
