//! `expose_tokens`: which tokens of a person the app may see.

use super::diagnostic::Report;
use super::tree::Table;

/// The tokens of a person that the app may see; none, unless the file says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExposedTokens {
    pub(crate) id: bool,
    pub(crate) access: bool,
    pub(crate) refresh: bool,
}

impl ExposedTokens {
    /// Whether the refresh token is kept: for the app, or to renew its access token.
    pub(crate) fn keeps_refresh(self) -> bool {
        self.access || self.refresh
    }
}

/// One of three names, a list of them, or false; `None` where the table says nothing.
pub(super) fn read(table: &Table, report: &mut Report) -> Option<ExposedTokens> {
    let key = "expose_tokens";
    table.brought(key, report)?;
    let mut ignored = Report::default();
    let names = match table.boolean(key, &mut ignored) {
        Some(false) => Some(Vec::new()),
        Some(true) => None,
        None => table.strings(key, &mut ignored),
    };
    let known = |name: &String| matches!(name.as_str(), "access" | "id" | "refresh");
    let Some(names) = names.filter(|names| names.iter().all(known)) else {
        report.error(
            table
                .mistake(key)
                .found("it says something else than which tokens")
                .cure("write \"id\", \"access\" or \"refresh\", a list of them, or false"),
        );
        return None;
    };
    let has = |name: &str| names.iter().any(|it| it == name);
    Some(ExposedTokens {
        id: has("id"),
        access: has("access"),
        refresh: has("refresh"),
    })
}
