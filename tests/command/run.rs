//! Starts the command, and keeps what it said.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rand::{TryRng, rngs::SysRng};

/// One call of the command, in a directory of its own and with no environment but what is given.
pub struct Call<'a> {
    directory: &'a Path,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    input: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn keycard<'a>(directory: &'a Path, arguments: &[&str]) -> Call<'a> {
    Call {
        directory,
        arguments: arguments.iter().map(ToString::to_string).collect(),
        environment: BTreeMap::new(),
        input: String::new(),
    }
}

impl Call<'_> {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    pub fn run(self) -> Said {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut child = Command::new(env!("CARGO_BIN_EXE_keycard"))
            .args(&self.arguments)
            .current_dir(self.directory)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.directory)
            .envs(&self.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Whoever does not read has gone already.
        let _ = stdin.write_all(self.input.as_bytes());
        drop(stdin);
        Said::from(child.wait_with_output().unwrap())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// Compares with what is kept in `snapshots`.
#[track_caller]
pub fn snapshot(name: &str, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, said));
}

pub fn fresh_secret() -> String {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).unwrap();
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}
