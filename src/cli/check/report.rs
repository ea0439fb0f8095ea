//! Everything that was found, for a terminal and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::finding::{Finding, Verdict};
use super::provider::Asked;
use crate::cli::outcome::Outcome;
use crate::config::{Config, ConfigError, Mistake};

/// Everything that was found.
#[derive(Debug)]
pub(super) struct Report {
    /// Mistakes and warnings of the settings.
    settings: ConfigError,
    /// `None` where the settings do not say.
    redirect_uri: Option<String>,
    providers: Vec<Asked>,
}

impl Report {
    pub(super) fn of_mistakes(settings: ConfigError) -> Self {
        Self {
            settings,
            redirect_uri: None,
            providers: Vec::new(),
        }
    }

    pub(super) fn new(config: &Config, providers: Vec<Asked>) -> Self {
        Self {
            settings: config.faults(),
            redirect_uri: Some(config.site.redirect_uri().to_owned()),
            providers,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let mut findings = self.providers.iter().flat_map(|asked| &asked.findings);
        let fails = findings.any(|finding| finding.verdict == Verdict::Failure);
        if fails || !self.settings.mistakes().is_empty() {
            Outcome::Failed
        } else {
            Outcome::Fine
        }
    }

    pub(super) fn write(&self, out: &mut impl Write, in_colours: bool) -> io::Result<()> {
        if self.settings.mistakes().is_empty() && self.settings.warnings().is_empty() {
            writeln!(out, "no mistakes in the settings")?;
        } else if in_colours {
            writeln!(out, "{}", self.settings.in_colours())?;
        } else {
            writeln!(out, "{:#}", self.settings)?;
        }
        for asked in &self.providers {
            writeln!(out, "\n{}", asked.name.escape_debug())?;
            for finding in &asked.findings {
                write_finding(finding, out, in_colours)?;
            }
        }
        self.write_console(out)
    }

    /// What has to stand in the providers' consoles, letter by letter.
    fn write_console(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(redirect_uri) = &self.redirect_uri else {
            return Ok(());
        };
        writeln!(out, "\nfor the provider's console, letter by letter")?;
        writeln!(out, "  redirect URI     {redirect_uri}")?;
        for asked in &self.providers {
            if asked.redirect_uri != *redirect_uri {
                let name = asked.name.escape_debug();
                writeln!(out, "  for {name} alone  {}", asked.redirect_uri)?;
            }
        }
        // The way back from a logout is the callback without an answer, which goes home.
        writeln!(out, "  post-logout URI  {redirect_uri}")
    }

    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let providers: Vec<_> = self.providers.iter().map(provider).collect();
        let mistakes = |mistakes: &[Mistake]| mistakes.iter().map(mistake).collect::<Vec<_>>();
        let report = json!({
            "format": 1,
            "ok": self.outcome() == Outcome::Fine,
            "mistakes": mistakes(self.settings.mistakes()),
            "warnings": mistakes(self.settings.warnings()),
            "redirect_uri": self.redirect_uri,
            "post_logout_redirect_uri": self.redirect_uri,
            "providers": providers,
        });
        writeln!(out, "{report:#}")
    }
}

/// Where the text of a finding begins.
const INDENT: usize = 24;

fn write_finding(finding: &Finding, out: &mut impl Write, in_colours: bool) -> io::Result<()> {
    let (on, off) = match finding.verdict {
        _ if !in_colours => ("", ""),
        Verdict::Failure => ("\u{1b}[1;31m", "\u{1b}[0m"),
        Verdict::Note | Verdict::Unknown => ("\u{1b}[1;33m", "\u{1b}[0m"),
        Verdict::Ok => ("\u{1b}[32m", "\u{1b}[0m"),
    };
    let point = finding.point.name();
    write!(out, "  {on}{:4}{off}  {point:14}  ", finding.verdict)?;
    for (nth, line) in wrapped(&finding.text).enumerate() {
        let indent = if nth == 0 { 0 } else { INDENT };
        writeln!(out, "{:indent$}{line}", "")?;
    }
    for (nth, line) in wrapped(&finding.cure).enumerate() {
        let mark = if nth == 0 { "=" } else { " " };
        writeln!(out, "{:indent$}{mark} {line}", "", indent = INDENT)?;
    }
    Ok(())
}

/// The text in lines that a terminal has room for, unless a word is longer.
fn wrapped(text: &str) -> impl Iterator<Item = String> {
    const ROOM: usize = 76;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= ROOM => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter()
}

fn provider(asked: &Asked) -> Value {
    let findings: Vec<_> = asked.findings.iter().map(finding).collect();
    json!({
        "name": asked.name,
        "redirect_uri": asked.redirect_uri,
        "server_metadata_url": asked.metadata_url,
        "findings": findings,
        "cookie": asked.cookie.map(|size| json!({ "bytes": size.bytes, "cookies": size.cookies })),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "point": finding.point.name(),
        "verdict": finding.verdict.name(),
        "text": finding.text,
        "cure": finding.cure,
    })
}

fn mistake(mistake: &Mistake) -> Value {
    let (file, at) = mistake.whereabouts().unzip();
    let at = at.flatten();
    json!({
        "text": mistake.to_string(),
        "cure": mistake.how_to_cure(),
        "file": file,
        "line": at.map(|(line, _)| line),
        "column": at.map(|(_, column)| column),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::finding::Point;

    #[test]
    fn colours_change_nothing_but_the_colour() {
        for verdict in [
            Verdict::Failure,
            Verdict::Note,
            Verdict::Ok,
            Verdict::Unknown,
        ] {
            let text = "a word, and more than one line has room for ".repeat(3);
            let finding = Finding::new(Point::Keys, verdict, text).cure("do it");
            let shown = |in_colours| {
                let mut shown = Vec::new();
                write_finding(&finding, &mut shown, in_colours).unwrap();
                String::from_utf8(shown).unwrap()
            };
            let mut stripped = shown(true);
            assert_ne!(stripped, shown(false));
            for code in ["\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[32m", "\u{1b}[0m"] {
                stripped = stripped.replace(code, "");
            }
            assert_eq!(stripped, shown(false));
            assert!(shown(false).lines().all(|line| line.chars().count() <= 100));
        }
    }
}
