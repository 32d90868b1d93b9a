//! Changes a directory it may only read, in every way there is.

use crate::{
    bindings::wasi::filesystem::types::{DescriptorFlags, NewTimestamp, OpenFlags, PathFlags},
    disk::{self, came},
    guest::{Answer, Guest, Input},
    wire,
};

pub struct Attack;

impl Guest for Attack {
    fn run(&self, _: &Input<'_>) -> Answer {
        let dir = disk::first();
        let (follow, write) = (PathFlags::SYMLINK_FOLLOW, DescriptorFlags::WRITE);
        let own = disk::open(&dir, "own.txt").unwrap();
        // Asking to be allowed is no misdeed; being allowed would be.
        let again = dir
            .open_at(follow, ".", OpenFlags::DIRECTORY, DescriptorFlags::MUTATE_DIRECTORY)
            .and_then(|again| again.create_directory_at("new"));
        let open = |path, how| came(dir.open_at(follow, path, how, write));
        wire::outcomes([
            disk::read(&dir, "own.txt"),
            open("own.txt", OpenFlags::empty()),
            open("own.txt", OpenFlags::TRUNCATE),
            open("new.txt", OpenFlags::CREATE),
            came(dir.open_at(follow, "own.txt", OpenFlags::TRUNCATE, DescriptorFlags::READ)),
            came(again),
            came(dir.create_directory_at("new")),
            came(dir.rename_at("own.txt", &dir, "renamed.txt")),
            came(dir.link_at(PathFlags::empty(), "own.txt", &dir, "linked.txt")),
            came(dir.symlink_at("own.txt", "linked.txt")),
            came(dir.unlink_file_at("own.txt")),
            came(dir.remove_directory_at("sub")),
            came(dir.set_times_at(follow, "own.txt", NewTimestamp::Now, NewTimestamp::Now)),
            came(own.write(b"x", 0)),
            came(own.set_size(0)),
            came(own.set_times(NewTimestamp::Now, NewTimestamp::Now)),
        ])
    }
}
