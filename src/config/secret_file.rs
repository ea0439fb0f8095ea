//! A secrets file on the disk: whether it may be read, who else may, and its text.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use memchr::memmem;

use super::diagnostic::{Mistake, Report};
use super::location::Location;

/// A secrets file of more than this is none.
const MAX: u64 = 1024 * 1024;
/// An index of Git of more than this is not looked into.
const MAX_INDEX: u64 = 64 * 1024 * 1024;
/// Directories with these names are for everybody.
const SERVED: &[&str] = &["htdocs", "public", "static"];

/// The text of a file that is there; `None` when it could not be read, which the report then says.
/// The app's own directory is `here`.
pub(super) fn read(location: &Location, here: &Path, report: &mut Report) -> Option<String> {
    match read_text(location) {
        Ok((text, metadata)) => {
            check_readers(location, &metadata, report);
            check_surroundings(location.path(), here, report);
            Some(text)
        }
        Err(mistake) => {
            report.error(*mistake);
            None
        }
    }
}

/// The text of a file, of which it makes no difference who else may read it.
pub(super) fn read_text(location: &Location) -> Result<(String, Metadata), Box<Mistake>> {
    let (bytes, metadata) = read_bytes(location)?;
    String::from_utf8(bytes)
        .map(|text| (text, metadata))
        .map_err(|error| Box::new(no_utf8(location, error.as_bytes())))
}

/// What is in a file, whatever it is.
pub(super) fn read_bytes(location: &Location) -> Result<(Vec<u8>, Metadata), Box<Mistake>> {
    let path = location.path();
    let unreadable = |error: io::Error| {
        let cure = match error.kind() {
            io::ErrorKind::NotFound => "make it, or correct the path",
            _ => "let the user that runs the app read it",
        };
        let mistake = Mistake::new(format!("{location} cannot be read"))
            .found(error.kind().to_string())
            .cure(cure);
        Box::new(mistake)
    };
    // Asked before it is opened: opening a pipe waits for somebody who writes.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        let mistake = Mistake::new(format!("{location} is not a file"))
            .cure("give the path of a file, or of a directory of files");
        return Err(Box::new(mistake));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() as u64 > MAX {
        let mistake = Mistake::new(format!("{location} is over 1 MB"))
            .cure("give the path of the secrets file");
        return Err(Box::new(mistake));
    }
    Ok((bytes, metadata))
}

fn no_utf8(location: &Location, bytes: &[u8]) -> Mistake {
    let is_utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
    let found = if is_utf16 { "it is UTF-16" } else { "" };
    Mistake::new(format!("{location} is not UTF-8"))
        .found(found)
        .cure("save the file as UTF-8 text")
}

/// Warns where others on this machine can read the secrets.
#[cfg(unix)]
fn check_readers(location: &Location, metadata: &Metadata, report: &mut Report) {
    use std::os::unix::fs::MetadataExt;

    let process = fs::metadata("/proc/self").map(|process| process.uid());
    let readers = Readers {
        mode: metadata.mode(),
        owner: metadata.uid(),
        process: process.ok(),
    };
    let path = location.path();
    let path = match path.is_symlink().then(|| fs::canonicalize(path)) {
        Some(Ok(target)) => format!("{location} ({})", target.display()),
        _ => location.to_string(),
    };
    for mistake in readers.mistakes(&path) {
        report.warn(mistake);
    }
}

#[cfg(not(unix))]
fn check_readers(_: &Location, _: &Metadata, _: &mut Report) {}

/// Who may read a file.
#[cfg(unix)]
struct Readers {
    mode: u32,
    owner: u32,
    /// The user that the process runs as, where it is known.
    process: Option<u32>,
}

#[cfg(unix)]
impl Readers {
    fn mistakes(&self, path: &str) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.mode & 0o077 != 0 {
            mistakes.push(
                Mistake::new(format!("others can read {path}"))
                    .found(format!("its mode is {:04o}", self.mode & 0o7777))
                    .cure(format!("chmod 600 {path}")),
            );
        }
        // Root can write everything anyway.
        if self.owner != 0 && self.process.is_some_and(|process| process != self.owner) {
            mistakes.push(
                Mistake::new(format!("{path} belongs to another user"))
                    .cure("that user can change who logs in: let the app's own user own it"),
            );
        }
        mistakes
    }
}

/// Warns where the file is given away together with others: by a web server, or by Git.
fn check_surroundings(path: &Path, here: &Path, report: &mut Report) {
    let Ok(path) = fs::canonicalize(path) else {
        return;
    };
    let inner = fs::canonicalize(here)
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    let served = |part: Component<'_>| SERVED.iter().any(|name| part.as_os_str() == *name);
    if let Some(part) = inner
        .as_deref()
        .unwrap_or(&path)
        .components()
        .find(|it| served(*it))
    {
        report.warn(
            Mistake::new(format!("{} may be served to everybody", path.display()))
                .found(format!("it stands below {}", part.as_os_str().display()))
                .cure("move it to .streamlit/secrets.toml in the app's own directory"),
        );
    }
    if is_tracked(&path) {
        report.warn(
            Mistake::new(format!("{} is tracked by Git", path.display()))
                .found("whoever has the repository has the secrets")
                .cure(
                    "git rm --cached it, name it in .gitignore, and replace its secrets: they stay \
                     in the history",
                ),
        );
    }
}

/// Whether the index of the repository around the file names it. An index with shortened names
/// (version 4) says nothing.
fn is_tracked(path: &Path) -> bool {
    let root = path
        .ancestors()
        .skip(1)
        .find(|root| root.join(".git").exists());
    let Some((root, inner)) = root.and_then(|root| Some((root, path.strip_prefix(root).ok()?)))
    else {
        return false;
    };
    let index = index_of(root);
    let small = fs::metadata(&index).is_ok_and(|index| index.is_file() && index.len() <= MAX_INDEX);
    let Some(index) = small.then(|| fs::read(index).ok()).flatten() else {
        return false;
    };
    // gitformat-index(5): the length of the name, in the lower 12 bits, the name, NUL.
    let name = inner.as_os_str().as_encoded_bytes();
    let mut entry = name.to_vec();
    entry.push(0);
    memmem::find_iter(&index, &entry).any(|at| {
        let length = at.checked_sub(2).and_then(|from| index.get(from..at));
        matches!(length, Some([high, low])
            if usize::from(u16::from_be_bytes([*high & 0x0f, *low])) == name.len())
    })
}

/// A worktree and a submodule have a file where others have the directory.
fn index_of(root: &Path) -> PathBuf {
    let git = root.join(".git");
    let elsewhere = fs::metadata(&git)
        .is_ok_and(|git| git.is_file() && git.len() < 4096)
        .then(|| fs::read_to_string(&git).ok())
        .flatten();
    let elsewhere = elsewhere
        .as_deref()
        .and_then(|text| text.strip_prefix("gitdir: "));
    match elsewhere {
        Some(directory) => root.join(directory.trim_end()).join("index"),
        None => git.join("index"),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn cfg_31_a_file_that_another_user_may_read_or_owns_is_told() {
        let told = |mode, owner, process| {
            let readers = Readers {
                mode,
                owner,
                process,
            };
            let mistakes = readers.mistakes("a.toml").into_iter();
            mistakes.map(|it| it.to_string()).collect::<Vec<_>>()
        };
        let (me, other, root) = (Some(1000), 1001, 0);
        for (mode, owner) in [(0o10_0600, 1000), (0o10_0400, 1000), (0o10_0600, root)] {
            assert!(told(mode, owner, me).is_empty(), "{mode:o} {owner}");
        }
        assert!(told(0o10_0600, other, None).is_empty());
        for mode in [0o10_0644, 0o10_0640, 0o10_0604, 0o10_0620] {
            let shown = format!("others can read a.toml: its mode is {:04o}", mode & 0o7777);
            assert_eq!(told(mode, 1000, me), [shown]);
        }
        assert_eq!(
            told(0o10_0600, other, me),
            ["a.toml belongs to another user"]
        );
        assert_eq!(told(0o10_0644, other, me).len(), 2);
    }
}
