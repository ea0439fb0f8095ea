//! A provider's own `redirect_uri`: the app's, with the provider's name behind it.

use super::diagnostic::Report;
use super::site::{CALLBACK, Site, segment};
use super::tree::Table;

const KEY: &str = "redirect_uri";

/// What the section has of it. Whatever is not meant to be one is left aside, since Streamlit looks
/// at no `redirect_uri` but that of `[auth]`.
pub(super) fn read(
    section: &Table,
    name: &str,
    site: &Site,
    port: u16,
    report: &mut Report,
) -> Option<String> {
    let written = section.string(KEY, report)?;
    let written = written.replace("{port}", &port.to_string());
    // Browsers take them out of a path.
    let has_path = !matches!(name, "." | "..");
    let own = site.redirect_uri_of(name);
    if has_path && written == own {
        return Some(own);
    }
    let right = match section.is_quotable(KEY) {
        true => format!("write \"{own}\""),
        false => format!(
            "write the redirect_uri of [auth] with /{} behind it",
            segment(name)
        ),
    };
    if !is_meant(&written) {
        report.warn(
            section
                .mistake(KEY)
                .found("it counts for nothing: it is no callback of this provider's own")
                .cure(match has_path {
                    true => format!("take it out, or {right}"),
                    false => "take it out".to_owned(),
                }),
        );
        return None;
    }
    let (found, cure) = match has_path {
        true => (
            "it is not the redirect_uri of [auth] with the provider's name behind it",
            right,
        ),
        false => (
            "no path ends in the provider's name",
            "give the section another name".to_owned(),
        ),
    };
    report.error(section.mistake(KEY).found(found).cure(cure));
    None
}

/// Whether something stands behind the path that all providers share.
fn is_meant(written: &str) -> bool {
    let behind = written.split_once(&format!("{CALLBACK}/"));
    behind.is_some_and(|(_, name)| !name.is_empty())
}
