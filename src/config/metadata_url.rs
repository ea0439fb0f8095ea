//! `server_metadata_url`: where a provider tells what there is to know about it.

use url::Url;

use super::diagnostic::Report;
use super::keys::required;
use super::provider::WELL_KNOWN;
use super::site::may_be_http;
use super::tree::Table;

pub(super) fn metadata_url(
    section: &Table,
    allow_http: &[String],
    report: &mut Report,
) -> Option<Url> {
    let key = "server_metadata_url";
    let written = required(section, key, report)?;
    let mut refuse = |found: &str, cure: String| {
        report.error(section.mistake(key).found(found).cure(cure));
        None
    };
    if written.contains(['{', '}', '<', '>']) {
        return refuse(
            "a part of it is not filled in",
            "replace what stands in { } or < > with your own".to_owned(),
        );
    }
    let Ok(url) = Url::parse(&written) else {
        return refuse(
            "it is not a URL",
            format!("write \"https://…{WELL_KNOWN}\""),
        );
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse(
            "it is neither http nor https",
            format!("write \"https://…{WELL_KNOWN}\""),
        );
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return refuse(
            "it has a user or a fragment",
            "leave out what stands before @ and after #".to_owned(),
        );
    }
    if url.scheme() == "http" && !may_be_http(&url, allow_http) {
        return refuse(
            "http is only for the machine itself",
            "write https; an intranet host can be named in allow_http".to_owned(),
        );
    }
    if !url.path().contains("/.well-known/") {
        let whole = format!("{}{WELL_KNOWN}", written.trim_end_matches('/'));
        return refuse(
            "it is not the address of a metadata document",
            format!("write \"{whole}\""),
        );
    }
    Some(url)
}
