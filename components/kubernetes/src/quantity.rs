//! Quantities of Kubernetes (`250m`, `1.5Gi`, `2e3`) as numbers, and back for a reader.

/// The number a quantity stands for: cores for CPU, bytes for memory.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let end =
        text.find(|letter: char| !(letter.is_ascii_digit() || ".+-".contains(letter))).unwrap_or(text.len());
    // `2e3` and `2E3` are exponents, `2E` is exa.
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let (number, unit) = text.split_at_checked(end)?;
    let number: f64 = number.parse().ok()?;
    let factor = match unit {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        "Ei" => 1_152_921_504_606_846_976.0,
        _ => return None,
    };
    Some(number * factor)
}

/// Cores for a reader: `250m`.
pub(crate) fn cores(cores: f64) -> String {
    format!("{}m", (cores * 1000.0).round())
}

/// Bytes for a reader: `512Mi`.
pub(crate) fn bytes(bytes: f64) -> String {
    format!("{}Mi", (bytes / 1_048_576.0).round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_and_written() {
        for (text, number) in [
            ("250m", 0.25),
            ("2", 2.0),
            ("1.5Gi", 1_610_612_736.0),
            ("128974848", 128_974_848.0),
            ("129e6", 129e6),
            ("129M", 129e6),
            ("12345n", 12_345.0 * 1e-9),
            ("1E", 1e18),
            ("1E2", 100.0),
        ] {
            assert_eq!(parse(text), Some(number), "{text}");
        }
        for text in ["", "m", "1x", "é", "1Gib"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!((cores(0.25), bytes(1_610_612_736.0)), ("250m".to_owned(), "1536Mi".to_owned()));
    }
}
