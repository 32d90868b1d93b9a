//! What of the program stays in memory once the start is over.
//!
//! A start runs through half of the program's code, and the kernel maps sixteen pages where one is used. All of it
//! would count as this process's memory for as long as it lives, although most is never run again.

use std::{fs, io, path::Path};

/// Unmaps the pages of the program that are as they are in its file. The kernel keeps them while it has room; what is
/// used again is mapped again, in a microsecond or so. To be called once the start is over.
pub(super) fn let_go_of_the_start() {
    let mapped = fs::read_to_string("/proc/self/smaps");
    let program = fs::read_link("/proc/self/exe");
    // Without /proc there is nothing to say where the program is.
    let (Ok(mapped), Ok(program)) = (mapped, program) else { return };
    match unchanged(&mapped, &program).into_iter().try_for_each(unmap) {
        Ok(()) => tracing::debug!("what only the start used is unmapped"),
        Err(error) => tracing::debug!(%error, "what only the start used stays mapped"),
    }
}

#[cfg(target_os = "linux")]
fn unmap((from, to): (usize, usize)) -> io::Result<()> {
    use rustix::mm::{Advice, madvise};

    #[expect(
        unsafe_code,
        reason = "a private mapping that nobody can write to, and whose pages are all those of its file: \
        the next access finds there what was there before (madvise(2), MADV_DONTNEED)"
    )]
    let done =
        unsafe { madvise(std::ptr::with_exposed_provenance_mut(from), to - from, Advice::LinuxDontNeed) };
    Ok(done?)
}

#[cfg(not(target_os = "linux"))]
fn unmap(_: (usize, usize)) -> io::Result<()> {
    Ok(())
}

/// The private mappings of a file, as addresses, that cannot be written to and of which no page is other than in the file:
/// neither written to before (relocated, say) nor about to be. `mapped` is what proc_pid_smaps(5) says.
fn unchanged(mapped: &str, file: &Path) -> Vec<(usize, usize)> {
    let (mut all, mut candidate) = (Vec::new(), None);
    for line in mapped.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        if let Some((from, to)) = first.split_once('-') {
            let fits = matches!(words.next(), Some("r-xp" | "r--p"))
                && words.nth(3).is_some()
                && line.find('/').and_then(|at| line.get(at..)).is_some_and(|path| Path::new(path) == file);
            let address = |hex| usize::from_str_radix(hex, 16).ok();
            candidate = address(from).zip(address(to)).filter(|_| fits);
        } else if first == "Anonymous:" && words.next() == Some("0") {
            all.extend(candidate.take());
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_as_in_the_file_is_let_go_of() {
        let mapping = |range: &str, rights: &str, path: &str, changed: u32| {
            format!(
                "{range} {rights} 00000000 fe:00 53497 {path}\nSize: 8 kB\nRss: 8 kB\nAnonymous: {changed} kB\nVmFlags: rd\n"
            )
        };
        let mapped = [
            mapping("1000-2000", "r--p", "/bin/a program", 0),
            mapping("2000-4000", "r-xp", "/bin/a program", 0),
            mapping("4000-5000", "r--p", "/bin/a program", 4), // relocated
            mapping("5000-6000", "rw-p", "/bin/a program", 0),
            mapping("6000-7000", "r--s", "/bin/a program", 0),
            mapping("7000-8000", "r-xp", "/lib/libc.so.6", 0),
            mapping("8000-9000", "r-xp", "", 0),
            mapping("9000-a000", "r-xp", "/bin/a program (deleted)", 0),
        ];
        assert_eq!(
            unchanged(&mapped.concat(), Path::new("/bin/a program")),
            [(0x1000, 0x2000), (0x2000, 0x4000)]
        );
        assert_eq!(unchanged("nonsense - \n-\n\nAnonymous: 0 kB\n", Path::new("/")), []);
    }
}
