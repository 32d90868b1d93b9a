//! Which names of a tenant are taken. A name that is taken, or that a person would take for one that is, is refused to
//! whoever comes later: a model picks tools by their names, so one that looks like another's could catch its calls.

use std::collections::HashMap;

use super::service::Service;

/// The names of a tenant's services, and of their tools, prompts and resources, by how they look.
#[derive(Debug, Default)]
pub struct Names {
    services: HashMap<String, String>,
    /// Each with the service it belongs to.
    tools: HashMap<String, (String, String)>,
}

impl Names {
    /// Takes the names of a service and of what it offers; all of them, or none.
    ///
    /// # Errors
    /// Says which name is taken, and by whom.
    pub fn take(&mut self, service: &Service) -> Result<(), String> {
        let names: Vec<_> = service.facts().map(|facts| facts.public_name).collect();
        self.take_all(&service.name, names.into_iter())
    }

    fn take_all<'a>(
        &mut self,
        service: &str,
        tools: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), String> {
        if let Some(other) = self.services.get(&look(service)) {
            return Err(format!("its name looks like that of service `{other}`; give one of them another"));
        }
        for tool in tools.clone() {
            match self.tools.get(&look(tool)) {
                Some((other, theirs)) if theirs == tool => {
                    return Err(format!("services `{other}` and `{service}` both have a tool `{tool}`"));
                }
                Some((other, theirs)) => {
                    return Err(format!(
                        "its tool `{tool}` looks like `{theirs}` of service `{other}`; rename one of them, or the \
                         service"
                    ));
                }
                None => {}
            }
        }
        self.services.insert(look(service), service.to_owned());
        self.tools.extend(tools.map(|tool| (look(tool), (service.to_owned(), tool.to_owned()))));
        Ok(())
    }
}

/// What is the same for names that look alike: the confusable letters among those names are made of (Unicode TR 39 has
/// `1` and `l`, `0` and `o`, `rn` and `m`), and the two kinds of dashes.
fn look(name: &str) -> String {
    name.replace("rn", "m").replace("vv", "w").replace('-', "_").replace('1', "l").replace('0', "o")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taking(first: (&str, &[&str]), second: (&str, &[&str])) -> Result<(), String> {
        let mut names = Names::default();
        names.take_all(first.0, first.1.iter().copied()).unwrap();
        names.take_all(second.0, second.1.iter().copied())
    }

    #[test]
    fn a_name_is_taken_once() {
        let taken = taking(("a", &["a_b_c"]), ("a-b", &["a_b_c"]));
        assert_eq!(taken.unwrap_err(), "services `a` and `a-b` both have a tool `a_b_c`");
        taking(("a", &["a_b"]), ("b", &["b_b"])).unwrap();
    }

    #[test]
    fn a_name_that_looks_like_another_is_refused() {
        let alike = taking(("a", &["a_b_c"]), ("a-b", &["a-b_c"])).unwrap_err();
        let rename = "rename one of them, or the service";
        assert_eq!(alike, format!("its tool `a-b_c` looks like `a_b_c` of service `a`; {rename}"));
        for (one, other) in [("paypal", "paypa1"), ("modem", "modern"), ("go", "g0"), ("wiki", "vviki")] {
            let error = taking((one, &[]), (other, &[])).unwrap_err();
            assert_eq!(
                error,
                format!("its name looks like that of service `{one}`; give one of them another")
            );
        }
    }

    #[test]
    fn what_is_refused_takes_nothing() {
        let mut names = Names::default();
        names.take_all("a", ["a_x"].into_iter()).unwrap();
        names.take_all("b", ["b_free", "a_x"].into_iter()).unwrap_err();
        names.take_all("c", ["b_free"].into_iter()).unwrap();
    }
}
