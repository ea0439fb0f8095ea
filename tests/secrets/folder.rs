//! A directory of its own for a test, with files that only their owner reads.

use std::fs;
use std::path::{Path, PathBuf};

pub struct Folder(PathBuf);

impl Folder {
    /// An empty directory.
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("secrets")
            .join(name);
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, inner: &str) -> PathBuf {
        self.0.join(inner)
    }

    /// Writes a file, and the directories that it lies in.
    pub fn write(&self, inner: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(inner);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.mode(inner, 0o600);
        path
    }

    #[cfg(unix)]
    pub fn mode(&self, inner: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.path(inner), fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(not(unix))]
    pub fn mode(&self, _: &str, _: u32) {}
}
