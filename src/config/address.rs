//! The addresses of a provider.

use url::Url;

use super::belonging::required;
use super::diagnostic::{Mistake, Report};
use super::provider::WELL_KNOWN;
use super::site::may_be_http;
use super::tree::Table;

/// `server_metadata_url`: where a provider tells what there is to know about it.
pub(super) fn metadata_url(
    section: &Table,
    strays: &[&Table],
    allow_http: &[String],
    report: &mut Report,
) -> Option<Url> {
    let key = "server_metadata_url";
    let written = required(section, key, strays, report)?;
    let example = format!("https://…{WELL_KNOWN}");
    let url = parse(section, key, written, &example, allow_http, report)?;
    if url.path().contains("/.well-known/") {
        return Some(url);
    }
    let whole = match section.is_quotable(key) {
        true => format!("{}{WELL_KNOWN}", written.trim_end_matches('/')),
        false => example,
    };
    report.error(
        section
            .mistake(key)
            .found("it is not the address of a metadata document")
            .cure(format!("write \"{whole}\"")),
    );
    None
}

/// The address under the first of `keys` that is there, as it is written.
pub(super) fn endpoint(
    section: &Table,
    keys: &[&str],
    allow_http: &[String],
    report: &mut Report,
) -> Option<String> {
    let key = keys.iter().find(|key| section.contains(key))?;
    let written = section.string(key, report)?;
    parse(section, key, written, "https://…", allow_http, report).map(|_| written.to_owned())
}

/// An address that a preset and its section make together.
pub(super) fn of_preset(
    section: &Table,
    filled: &str,
    allow_http: &[String],
    report: &mut Report,
) -> Option<Url> {
    let refuse = |found: &str, cure: &str| {
        Mistake::new(format!("`{}` leads to no address", section.path()))
            .at(section.place())
            .found(found)
            .cure(cure)
    };
    let Ok(url) = Url::parse(filled) else {
        report.error(refuse("what it has is no host", "correct its own keys"));
        return None;
    };
    if let Some((found, cure)) = objection(&url, allow_http) {
        report.error(refuse(found, cure));
        return None;
    }
    Some(url)
}

/// `issuer`, as the metadata has it. It is compared and never asked, so that some that would be
/// refused as an address will do.
pub(super) fn issuer(section: &Table, report: &mut Report) -> Option<String> {
    let key = "issuer";
    let written = section.string(key, report)?;
    let is_url = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if Url::parse(written).is_ok_and(is_url) {
        return Some(written.to_owned());
    }
    report.error(
        section
            .mistake(key)
            .found("it is not a URL")
            .cure("write \"https://…\", as issuer in the provider's metadata document has it"),
    );
    None
}

fn parse(
    section: &Table,
    key: &str,
    written: &str,
    example: &str,
    allow_http: &[String],
    report: &mut Report,
) -> Option<Url> {
    let example = format!("write \"{example}\"");
    let (found, cure) = if !is_filled_in(written) {
        (
            "a part of it is not filled in",
            "replace what stands in { } or < > with your own",
        )
    } else if written.contains(char::is_whitespace) {
        ("it has white space", "take it out")
    } else {
        match Url::parse(written) {
            Err(_) => ("it is not a URL", example.as_str()),
            Ok(url) => match objection(&url, allow_http) {
                None => return Some(url),
                Some((found, "")) => (found, example.as_str()),
                Some(objection) => objection,
            },
        }
    };
    report.error(section.mistake(key).found(found).cure(cure));
    None
}

/// Whether no part is left as an example had it.
pub(super) fn is_filled_in(written: &str) -> bool {
    !written.contains(['{', '}', '<', '>'])
}

/// What is wrong with it, and the cure; empty where an example tells best.
fn objection(url: &Url, allow_http: &[String]) -> Option<(&'static str, &'static str)> {
    if !matches!(url.scheme(), "http" | "https") {
        return Some(("it is neither http nor https", ""));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Some((
            "it has a user or a fragment",
            "leave out what stands before @ and after #",
        ));
    }
    let open = url.scheme() == "http" && !may_be_http(url, allow_http);
    open.then_some((
        "http is only for the machine itself",
        "write https; an intranet host can be named in allow_http",
    ))
}
