//! The audit log: whether it can be opened, and whether its newest file is as it was written.

use bulkhead::{
    audit::{AuditError, Log, verify_newest},
    config::Config,
};

use super::finding::Findings;

const AREA: &str = "audit";

pub(super) fn look(config: &Config, findings: &mut Findings) {
    let Some(audit) = &config.audit else { return };
    let dir = audit.dir.display();
    if !audit.dir.exists() {
        return findings.well(AREA, format!("{dir} will be made when the host starts"));
    }
    match Log::open(audit) {
        // A host that is running has it open, and so it is well.
        Ok(_) | Err(AuditError::InUse(_)) => {}
        Err(error) => return findings.wrong(AREA, error.to_string(), "until then the host does not start"),
    }
    match verify_newest(&audit.dir) {
        Err(error) => findings.wrong(AREA, error.to_string(), "the user that runs the host must be able to read it"),
        Ok(report) => match report.fault {
            None => findings.well(AREA, format!("{dir}: the newest file is sound, lines: {}", report.lines)),
            Some(fault) => findings.wrong(
                AREA,
                format!("{}:{}: {}", fault.file.display(), fault.line, fault.what),
                "somebody changed it: `bulkhead audit verify` walks all of it; move the folder away to begin a new log",
            ),
        },
    }
}
