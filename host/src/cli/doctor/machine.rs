//! The machine: what it has for guests, and what is slower or smaller because of it.

use bulkhead::{
    app,
    config::{Config, Limits},
    sandbox::Sandbox,
};
use bytesize::ByteSize;
use rustix::process::{Resource, getrlimit};

use super::finding::Findings;

const AREA: &str = "machine";
/// Descriptors that a host needs beside those of connections: files, watches, engines.
const BESIDE: u64 = 256;

pub(super) fn look(config: Option<&Config>, findings: &mut Findings) {
    let before = findings.ill();
    descriptors(config, findings);
    if let Some(config) = config {
        places(config, findings);
        memory(config, findings);
    }
    if cfg!(target_os = "linux") && !Sandbox::knows_changed_pages() {
        findings.odd(
            AREA,
            "the kernel does not tell which pages a guest has changed (PAGEMAP_SCAN, Linux 6.7), so every call costs more",
            "a newer kernel; in a container, one whose seccomp profile and /proc let it through",
        );
    }
    if findings.ill() == before {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        findings.well(
            AREA,
            format!("processors: {processors}; room for all guests and connections that are configured"),
        );
    }
}

fn descriptors(config: Option<&Config>, findings: &mut Findings) {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return };
    let Some(config) = config else { return };
    let outbound: u64 = config
        .tenants
        .iter()
        .flat_map(|tenant| &tenant.services)
        .map(|service| u64::from(service.caps.concurrent_requests))
        .sum();
    let connections = u64::from(config.server.limits.connections);
    let wanted = connections.saturating_add(outbound).saturating_add(BESIDE);
    if limit < wanted {
        findings.odd(
            AREA,
            format!("{limit} open files are allowed; {connections} connections of clients and {outbound} to upstreams need {wanted}"),
            format!("ulimit -n {wanted} (LimitNOFILE={wanted} in a systemd unit), or a lower `server.limits.connections`"),
        );
    }
}

/// Whether as many guests fit as are configured.
fn places(config: &Config, findings: &mut Findings) {
    let wanted = config.server.concurrent_calls;
    match app::sandbox(config) {
        Ok(sandbox) if sandbox.places() < wanted => findings.wrong(
            AREA,
            format!(
                "there is address space for {} guests at once, and {wanted} are configured",
                sandbox.places()
            ),
            "ulimit -v unlimited, or a lower `server.concurrent_calls` or `limits.memory`",
        ),
        Ok(_) => {}
        Err(error) => findings.wrong(
            AREA,
            error.to_string(),
            "ulimit -v unlimited; /proc/sys/vm/overcommit_memory must not be 2",
        ),
    }
}

/// Whether guests could take more memory than there is, if all did as they may.
fn memory(config: &Config, findings: &mut Findings) {
    let Some(there) = available() else { return };
    let services = config.tenants.iter().flat_map(|tenant| &tenant.services);
    let largest = services.map(|service| service.limits.memory).max().unwrap_or(Limits::default().memory);
    if there < largest.as_u64() {
        findings.wrong(
            AREA,
            format!(
                "{} of memory are free, and one guest may take {}",
                ByteSize(there).display().iec(),
                largest.display().iec()
            ),
            "more memory, or a lower `limits.memory`",
        );
    }
}

/// Memory that is free for programs, in bytes: the machine's, or the container's if that has less.
fn available() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let text = read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.saturating_mul(1024);
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let limit = number("/sys/fs/cgroup/memory.max");
    let used = number("/sys/fs/cgroup/memory.current").unwrap_or(0);
    Some(limit.map_or(machine, |limit| machine.min(limit.saturating_sub(used))))
}
