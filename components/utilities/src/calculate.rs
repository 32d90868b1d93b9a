//! Owns `calculate`: arithmetic that is exact where a model would guess.

use std::time::{Duration, Instant};

use bulkhead_sdk::prelude::*;

use crate::{Utilities, limits};

/// Enough for any sum a person would write; `9^9^9` ends here.
const LONGEST: Duration = Duration::from_secs(2);

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "calculate",
            "Evaluates an expression exactly: integers and fractions of any size, functions (sqrt, sin, log, …), units \
             (`5 miles to km`, `2 GiB / 100 Mbit/s to minutes`), bases (`255 to hex`), percentages. Do not do \
             arithmetic in your head; use this.",
            calculate,
        )
        .title("Calculate")
        .read_only()
        .idempotent()
        .tag("math"),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Calculate {
    /// Such as `(3/7 + 1/3) * 2^10`, `15% of 80`, `100 km/h to m/s`, `22/7 to 10 dp`.
    #[schemars(length(max = 1000))]
    expression: String,
}

async fn calculate(_: &Utilities, args: Calculate, _: &Call) -> Result<Output> {
    limits::at_most("expression", &args.expression, 1000)?;
    // The parser is recursive; a thousand brackets would end the guest instead of the call.
    let depth = args.expression.bytes().filter(|byte| b"([{".contains(byte)).count();
    limits::within("expression", depth, 0, 100).map_err(|_| {
        Error::invalid("expression", format!("has {depth} opening brackets; expected at most 100"))
    })?;
    let mut context = fend_core::Context::new();
    context.disable_rng();
    let until = Until(Instant::now() + LONGEST);
    let done = fend_core::evaluate_with_interrupt(&args.expression, &mut context, &until);
    let result = done.map_err(|error| match error.as_str() {
        "interrupted" => Error::invalid("expression", "takes too long to evaluate; simplify it"),
        _ => Error::invalid("expression", error),
    })?;
    let text = result.get_main_result().to_owned();
    let exact = !text.starts_with("approx.");
    let shown = text.trim_start_matches("approx.").trim().to_owned();
    Ok(Output::structured_with_text(json!({"result": shown, "exact": exact}), text))
}

/// Ends an evaluation at a time.
struct Until(Instant);

impl fend_core::Interrupt for Until {
    fn should_interrupt(&self) -> bool {
        Instant::now() > self.0
    }
}
