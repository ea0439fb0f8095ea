//! `keycard dev`.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use keycard::Auth;

use crate::folder::Folder;
use crate::run::{fresh_secret, keycard};

/// A provider that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts it, and reads the lines that it prints.
fn start(port: u16, arguments: &[&str]) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keycard"));
    let command = command
        .args(["dev", "--port", &port.to_string()])
        .args(arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let section = lines
        .map_while(Result::ok)
        .take_while(|line| !line.starts_with('#'));
    (running, section.map(|line| line + "\n").collect())
}

#[test]
fn a_provider_runs_by_itself_and_its_lines_pass_every_check() {
    let folder = Folder::new("dev");
    let port = free_port();
    let (_running, section) = start(
        port,
        &[
            "--name",
            "google",
            "--client-secret",
            "it's \"kept\"",
            "--person",
            "ada,Ada,ada@example.com",
        ],
    );
    assert!(
        section.contains(r#"client_secret = "it's \"kept\"""#),
        "{section}"
    );
    let shared = format!(
        "[auth]\nredirect_uri = \"http://localhost:8501/oauth2callback\"\ncookie_secret = \"{}\"\n",
        fresh_secret()
    );
    let path = folder.write("secrets.toml", shared + &section);
    Auth::from_file(&path).unwrap();

    let said = keycard(&folder.path(""), &["check", "secrets.toml"]).run();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.contains("registered: login_required"),
        "{}",
        said.out
    );
    let second = keycard(&folder.path(""), &["dev", "--port", &port.to_string()]).run();
    assert_eq!((second.code, second.out.as_str()), (1, ""));
    assert_eq!(
        second.err,
        format!("keycard: port {port} of 127.0.0.1 is taken by another program\n")
    );
}

#[test]
fn people_come_from_a_file_of_their_claims() {
    let folder = Folder::new("dev-people");
    let path = folder.write(
        "people.json",
        r#"[{"sub":"ada","groups":["staff"]},{"sub":"bob"}]"#,
    );
    let (_running, section) = start(free_port(), &["--people", path.to_str().unwrap()]);
    assert!(section.starts_with("[auth.dev]\n"), "{section}");

    for (text, said) in [
        (
            "{\"ca11ary\": 1}",
            "people.json is not a JSON array of objects",
        ),
        (
            "[{\"name\": \"ca11ary\"}]",
            "people.json has somebody without a `sub`",
        ),
        (
            "[{\"sub\": \"x\"}, {\"sub\": \"x\"}]",
            "two people have the subject `x`",
        ),
    ] {
        folder.write("people.json", text);
        let refused = keycard(
            &folder.path(""),
            &["dev", "--port", "0", "--people", "people.json"],
        )
        .run();
        assert_eq!(
            (refused.code, refused.err),
            (1, format!("keycard: {said}\n"))
        );
    }
}
