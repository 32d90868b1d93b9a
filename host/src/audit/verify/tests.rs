//! Each thing somebody could do to a log, and that it is found.

use std::fs;

use bytesize::ByteSize;
use proptest::prelude::*;

use super::*;
use crate::{
    audit::{Index, Log, entry::tests::entry},
    config::audit::Audit,
};

/// A log of twelve lines in six files.
fn log() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let config = Audit { max_bytes: ByteSize::b(1700), ..Audit::at(dir.path().join("audit")) };
    let log = Log::open(&config).unwrap();
    for n in 1..=12 {
        log.append(&entry(&n.to_string())).unwrap();
    }
    assert_eq!(verify(&config.dir).unwrap().fault, None);
    (dir, config.dir)
}

#[track_caller]
fn found(dir: &Path, file: u64, line: u64, what: &str) {
    let fault = verify(dir).unwrap().fault.unwrap();
    assert_eq!(fault, Fault { file: segment::path(dir, file), line, what: what.to_owned() });
}

fn edit(dir: &Path, file: u64, edit: impl FnOnce(Vec<&str>) -> Vec<&str>) {
    let path = segment::path(dir, file);
    let text = fs::read_to_string(&path).unwrap();
    let lines: String = edit(text.lines().collect()).iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, lines).unwrap();
}

fn remove(dir: &Path, file: u64) {
    fs::remove_file(segment::path(dir, file)).unwrap();
}

#[test]
fn a_sound_log_is_counted() {
    let (_guard, dir) = log();
    let expected = Report { files: 6, lines: 12, first: 1, last: 12, ..Report::default() };
    assert_eq!(verify(&dir).unwrap(), expected);
}

#[test]
fn a_changed_line_is_found() {
    let (_guard, dir) = log();
    let path = segment::path(&dir, 5);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(r#""call":"6""#, r#""call":"9""#)).unwrap();
    found(&dir, 5, 2, "the line was changed");
}

#[test]
fn a_line_that_was_sealed_anew_is_found() {
    let (_guard, dir) = log();
    let path = segment::path(&dir, 5);
    let text = fs::read_to_string(&path).unwrap();
    let (kept, changed) = text.trim_end().split_once('\n').unwrap();
    let (seal, _) = Seal::open(changed.as_bytes()).unwrap();
    let mut lines = format!("{kept}\n").into_bytes();
    seal.close(&serde_json::to_vec(&entry("9")).unwrap(), &mut lines);
    fs::write(&path, lines).unwrap();
    found(&dir, 7, 1, "the line is not chained to the one before");
}

#[test]
fn a_removed_line_is_found() {
    let (_guard, dir) = log();
    edit(&dir, 3, |lines| lines[1..].to_vec());
    found(&dir, 3, 1, "lines 3 to 3 are missing before it");
    let (_guard, dir) = log();
    edit(&dir, 3, |lines| lines[..1].to_vec());
    found(&dir, 5, 1, "lines 4 to 4 are missing before it");
}

#[test]
fn lines_in_another_order_are_found() {
    let (_guard, dir) = log();
    edit(&dir, 3, |lines| vec![lines[0], lines[0], lines[1]]);
    found(&dir, 3, 2, "the line has number 3 where 4 is due");
}

#[test]
fn a_removed_file_is_found_wherever_it_was() {
    let (_guard, dir) = log();
    remove(&dir, 5);
    found(&dir, 7, 1, "lines 5 to 6 are missing before it");
    let (_guard, dir) = log();
    remove(&dir, 1);
    found(&dir, 3, 0, "the files before it, with lines 1 to 2, are missing");
}

#[test]
fn a_torn_line_is_a_fault_unless_it_is_the_last() {
    let (_guard, dir) = log();
    let tear = |file| {
        let path = segment::path(&dir, file);
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 1]).unwrap();
    };
    tear(11);
    let report = verify(&dir).unwrap();
    assert_eq!((report.torn, report.last, report.fault), (true, 11, None));
    tear(3);
    found(&dir, 3, 2, "the line is not whole, and others follow");
}

#[tokio::test]
async fn an_end_that_was_cut_off_is_found_and_stays_found() {
    let (_guard, dir) = log();
    Index::read(&dir).await.unwrap();
    assert!(verify(&dir).unwrap().compared);
    edit(&dir, 11, |lines| lines[..1].to_vec());
    found(&dir, 11, 0, "the end was cut off: the log ends with line 11, and the index has seen 12");
    remove(&dir, 11);
    found(&dir, 9, 0, "the end was cut off: the log ends with line 10, and the index has seen 12");
    // A host that goes on does not cover it up.
    Index::read(&dir).await.unwrap();
    found(&dir, 9, 0, "the end was cut off: the log ends with line 10, and the index has seen 12");
}

#[tokio::test]
async fn a_log_that_was_written_anew_is_found() {
    let (_guard, dir) = log();
    Index::read(&dir).await.unwrap();
    let (_other, other) = log();
    for first in segment::list(&other).unwrap() {
        remove(&dir, first);
    }
    let log = Log::open(&Audit::at(dir.clone())).unwrap();
    for n in 1..=12 {
        log.append(&entry(&format!("{n}!"))).unwrap();
    }
    found(&dir, 1, 12, "the log was written anew: the index has seen another line 12");
}

#[test]
fn a_folder_without_a_log_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let error = verify(&dir.path().join("none")).unwrap_err().to_string();
    assert!(error.starts_with("the audit log cannot be read ("), "{error}");
}

/// The files of a log, one after the other.
fn files(dir: &Path) -> Vec<PathBuf> {
    segment::list(dir).unwrap().into_iter().map(|first| segment::path(dir, first)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_byte_can_be_changed_unseen(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let (_guard, dir) = log();
        let sizes: Vec<usize> =
            files(&dir).iter().map(|path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap()).collect();
        let all = sizes.iter().sum::<usize>();
        let place = at.index(all);
        let mut offset = place;
        for (path, size) in files(&dir).iter().zip(sizes) {
            if offset < size {
                let mut bytes = fs::read(path).unwrap();
                bytes[offset] ^= 1_u8 << bit;
                fs::write(path, bytes).unwrap();
                break;
            }
            offset -= size;
        }
        let report = verify(&dir).unwrap();
        // Without its newline the last line is one that was never acknowledged.
        prop_assert!(report.fault.is_some() || (place == all - 1 && report.torn));
    }
}
