//! The commands, one file each: arguments in, words and an exit code out.

mod amend;
pub mod backup;
pub mod check;
pub mod compact;
pub mod demo;
pub mod diff;
pub mod du;
pub mod expire;
pub mod export;
pub mod gc;
pub mod import;
pub mod init;
mod inspect;
pub mod ls;
pub mod manifest;
pub mod protect;
mod reclaim;
pub mod restore;
pub mod rm;
pub mod scrub;
pub mod tag;

use crate::arguments::{Arguments, Command};
use crate::failure::{Exit, Failure};

/// Does what was asked.
pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Init(init) => init.run(&arguments.site()),
        Command::Backup(backup) => backup.run(&arguments.site()),
        Command::Ls(ls) => ls.run(&arguments.site()),
        Command::Manifest(manifest) => manifest.run(&arguments.site()),
        Command::Check(check) => check.run(&arguments.site()),
        Command::Scrub(scrub) => scrub.run(&arguments.site()),
        Command::Restore(restore) => restore.run(&arguments.site()),
        Command::Export(export) => export.run(&arguments.site()),
        Command::Import(import) => import.run(&arguments.site()),
        Command::Tag(tag) => tag.run(&arguments.site()),
        Command::Protect(protect) => protect.run(&arguments.site()),
        Command::Unprotect(protect) => protect.undo(&arguments.site()),
        Command::Expire(expire) => expire.run(&arguments.site()),
        Command::Rm(rm) => rm.run(&arguments.site()),
        Command::Diff(diff) => diff.run(&arguments.site()),
        Command::Du(du) => du.run(&arguments.site()),
        Command::Gc => gc::run(&arguments.site()),
        Command::Compact => compact::run(&arguments.site()),
        Command::Demo(demo) => demo.run(arguments.threads()),
    }
}
