//! The part of LogQL that the double runs: selectors, line filters, `| json`, label filters, and counting over time.

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) type Labels = BTreeMap<String, String>;

/// A query that was understood.
#[derive(Debug)]
pub(crate) enum Expr {
    Lines(Pipeline),
    /// By these labels (all of them if none are said), counted over so many nanoseconds, per second if it is a rate.
    Numbers {
        by: Option<Vec<String>>,
        pipeline: Pipeline,
        range: i64,
        rate: bool,
    },
    Constant(f64),
}

/// A selector and what follows it.
#[derive(Debug)]
pub(crate) struct Pipeline {
    matchers: Vec<(String, String, String)>,
    stages: Vec<Stage>,
}

#[derive(Debug)]
enum Stage {
    Line(String, String),
    Json,
    Label(String, String, String),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// Reads a query; what is wrong is said as Loki says it.
pub(crate) fn parse(text: &str) -> Result<Expr, String> {
    let mut parser = Parser { text, at: 0 };
    let expr = parser.expr()?;
    if parser.peek().is_some() { Err(parser.unexpected()) } else { Ok(expr) }
}

impl Pipeline {
    /// Whether a stream is selected.
    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|(name, operator, value)| compare(labels.get(name), operator, value))
    }

    /// The labels a line ends up with; none if it is dropped.
    pub(crate) fn run(&self, labels: &Labels, line: &str) -> Option<Labels> {
        let mut labels = labels.clone();
        for stage in &self.stages {
            match stage {
                Stage::Line(operator, value) => {
                    let kept = match operator.as_str() {
                        "|=" => line.contains(value),
                        "!=" => !line.contains(value),
                        "|~" => matches(line, value, false),
                        _ => !matches(line, value, false),
                    };
                    if !kept {
                        return None;
                    }
                }
                Stage::Json => {
                    if let Ok(Value::Object(fields)) = serde_json::from_str(line) {
                        for (name, value) in fields {
                            labels.insert(
                                name,
                                value.as_str().map_or_else(|| value.to_string(), str::to_owned),
                            );
                        }
                    }
                }
                Stage::Label(name, operator, value) => {
                    if !compare(labels.get(name), operator, value) {
                        return None;
                    }
                }
            }
        }
        Some(labels)
    }

    pub(crate) fn has_stages(&self) -> bool {
        !self.stages.is_empty()
    }
}

fn compare(known: Option<&String>, operator: &str, value: &str) -> bool {
    let known = known.map_or("", String::as_str);
    let numbers = || Some((known.parse::<f64>().ok()?, value.parse::<f64>().ok()?));
    match operator {
        "=" | "==" => known == value,
        "!=" => known != value,
        "=~" => matches(known, value, true),
        "!~" => !matches(known, value, true),
        ">=" => numbers().is_some_and(|(a, b)| a >= b),
        _ => numbers().is_some_and(|(a, b)| a > b),
    }
}

/// Regular expressions as far as tests use them: words in turn, `.+`, `.*` at the end, `(?i)` and `\b`.
fn matches(text: &str, pattern: &str, whole: bool) -> bool {
    let folded = pattern.starts_with("(?i)");
    let pattern = pattern.trim_start_matches("(?i)").replace("\\b", "");
    let pattern = pattern.trim_start_matches('(').trim_end_matches(')');
    let text = if folded { text.to_lowercase() } else { text.to_owned() };
    pattern.split('|').any(|word| match (word, word.strip_suffix(".*")) {
        (".+", _) => !text.is_empty(),
        (_, Some(start)) => text.starts_with(start),
        _ if whole => text == word,
        _ => text.contains(word),
    })
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        self.rest().chars().next()
    }

    fn unexpected(&mut self) -> String {
        let what = self.peek().map_or("$end".to_owned(), |letter| match letter {
            'a'..='z' | 'A'..='Z' => "IDENTIFIER".to_owned(),
            letter => letter.to_string(),
        });
        format!("parse error at line 1, col {}: syntax error: unexpected {what}", self.at + 1)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        self.peek();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    fn need(&mut self, wanted: &str) -> Result<(), String> {
        if self.eat(wanted) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn word(&mut self) -> Result<String, String> {
        self.peek();
        let end =
            self.rest().find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '.');
        let word = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
        if word.is_empty() {
            return Err(self.unexpected());
        }
        self.at += word.len();
        Ok(word)
    }

    fn string(&mut self) -> Result<String, String> {
        match self.peek() {
            Some('`') => {
                let end = self.rest()[1..].find('`').ok_or("parse error: literal not terminated")?;
                let text = self.rest()[1..=end].to_owned();
                self.at += end + 2;
                Ok(text)
            }
            Some('"') => {
                let mut strings = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
                let text = strings.next().and_then(Result::ok);
                let read = strings.byte_offset();
                let text = text.ok_or_else(|| "parse error: literal not terminated".to_owned())?;
                self.at += read;
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn operator(&mut self) -> Result<String, String> {
        let found = ["=~", "!~", "!=", "==", ">=", "=", ">"].into_iter().find(|operator| self.eat(operator));
        found.map(str::to_owned).ok_or_else(|| self.unexpected())
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        self.need("{")?;
        let (mut matchers, mut stages) = (Vec::new(), Vec::new());
        while !self.eat("}") {
            let (name, operator) = (self.word()?, self.operator()?);
            matchers.push((name, operator, self.string()?));
            self.eat(",");
        }
        let empty = |(_, operator, value): &(String, String, String)| {
            operator.starts_with('!') || value.is_empty() || value == ".*"
        };
        if matchers.iter().all(empty) {
            return Err("parse error : queries require at least one regexp or equality matcher that does not have \
                        an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but \
                        app=~\".+\" will"
                .to_owned());
        }
        loop {
            let line = ["|=", "|~", "!=", "!~"].into_iter().find(|operator| self.eat(operator));
            if let Some(operator) = line {
                stages.push(Stage::Line(operator.to_owned(), self.string()?));
            } else if self.eat("|") {
                let name = self.word()?;
                if name == "json" {
                    stages.push(Stage::Json);
                    continue;
                }
                let operator = self.operator()?;
                let value = if self.peek() == Some('"') { self.string()? } else { self.word()? };
                stages.push(Stage::Label(name, operator, value));
            } else {
                return Ok(Pipeline { matchers, stages });
            }
        }
    }

    fn expr(&mut self) -> Result<Expr, String> {
        match self.peek() {
            Some('{') => return Ok(Expr::Lines(self.pipeline()?)),
            Some('0'..='9') => {
                let number = self.word()?.parse().map_err(|_| self.unexpected())?;
                return Ok(Expr::Constant(number));
            }
            _ => {}
        }
        let before = self.at;
        match self.word()?.as_str() {
            "sum" => {
                let mut names = Vec::new();
                if self.eat("by") {
                    self.need("(")?;
                    while !self.eat(")") {
                        names.push(self.word()?);
                        self.eat(",");
                    }
                }
                self.need("(")?;
                let inner = self.expr()?;
                self.need(")")?;
                match inner {
                    Expr::Numbers { pipeline, range, rate, .. } => {
                        Ok(Expr::Numbers { by: Some(names), pipeline, range, rate })
                    }
                    _ => Err(self.unexpected()),
                }
            }
            name @ ("count_over_time" | "rate") => {
                self.need("(")?;
                let pipeline = self.pipeline()?;
                self.need("[")?;
                let range = nanos(&self.word()?).ok_or_else(|| self.unexpected())?;
                self.need("]")?;
                self.need(")")?;
                Ok(Expr::Numbers { by: None, pipeline, range, rate: name == "rate" })
            }
            _ => {
                self.at = before;
                Err(self.unexpected())
            }
        }
    }
}

/// `2m30s`, or seconds.
pub(crate) fn nanos(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1e9) as i64);
    }
    let (mut total, mut digits) = (0, String::new());
    for letter in text.chars() {
        let unit = match letter {
            '0'..='9' => {
                digits.push(letter);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total += digits.parse::<i64>().ok()? * unit * 1_000_000_000;
        digits.clear();
    }
    digits.is_empty().then_some(total)
}
