//! An app whose secrets file is saved while it runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use keycard::{Auth, dev};

use super::world::{SITE, World, pass};

/// A secrets file of a test's own.
#[derive(Debug)]
pub struct SecretsFile(PathBuf);

impl SecretsFile {
    pub fn new(name: &str, text: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("saves");
        fs::create_dir_all(&folder).unwrap();
        let file = Self(folder.join(format!("{name}-{}.toml", std::process::id())));
        file.save(text);
        file
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the file, and says that this was a while ago.
    pub fn save(&self, text: &str) {
        self.write(text);
        let a_while_ago = SystemTime::now() - Duration::from_secs(10);
        let file = File::options().write(true).open(&self.0).unwrap();
        file.set_modified(a_while_ago).unwrap();
    }

    /// Writes the file; as far as anybody can tell it is still being written.
    pub fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
        only_for_its_owner(&self.0);
    }

    pub fn remove(&self) {
        fs::remove_file(&self.0).unwrap();
    }
}

impl Drop for SecretsFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
fn only_for_its_owner(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn only_for_its_owner(_: &Path) {}

/// The `[auth]` table with this secret, and `more` in it.
pub fn shared(cookie_secret: &str, more: &str) -> String {
    format!(
        "[auth]\nredirect_uri = \"{SITE}/oauth2callback\"\ncookie_secret = \"{cookie_secret}\"\n{more}\n"
    )
}

impl World {
    /// An app that has its settings from the file alone.
    pub fn of_file(provider: &dev::Provider, file: &SecretsFile) -> Self {
        Self::around(provider.clone(), |_| Auth::builder().file(file.path()))
    }

    /// A second later somebody begins a login, which waits until the file was looked at.
    pub async fn look(&self) {
        pass(Duration::from_secs(1)).await;
        self.browser().get("/auth/login").await;
    }
}
