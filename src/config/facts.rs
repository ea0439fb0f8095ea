//! Where facts about a person stand among their claims.

use super::diagnostic::Report;
use super::preset::Filled;
use super::provider::Facts;
use super::tree::Table;
use crate::pointer::{Pointer, escaped};
use crate::presets::{self, Relaxation, Template};

/// Where the section or its preset says that they stand.
pub(super) fn read(section: &Table, filled: Option<&Filled>, report: &mut Report) -> Facts {
    let rows = filled.map_or(presets::Facts::STANDARD, |filled| filled.preset.facts);
    let plain = |templates: &[&'static str]| fill(templates, filled);
    Facts {
        name: pointers(section, "user_key", rows.name, filled, report),
        email: plain(rows.email),
        email_verified: Pointer::to_claim("email_verified"),
        picture: plain(rows.picture),
        roles: plain(rows.roles),
        groups: plain(rows.groups),
        permissions: plain(rows.permissions),
    }
}

impl Facts {
    /// The same at a provider that can do no better.
    #[must_use]
    pub(super) fn with(mut self, relaxations: &[Relaxation]) -> Self {
        for relaxation in relaxations {
            if let Relaxation::EmailVerifiedBy(claim) = relaxation {
                self.email_verified = Pointer::to_claim(claim);
            }
        }
        self
    }
}

/// The pointer, or the name of a claim, that the section has under `key`; else the preset's.
pub(super) fn pointers(
    section: &Table,
    key: &str,
    templates: &[&'static str],
    filled: Option<&Filled>,
    report: &mut Report,
) -> Vec<Pointer> {
    let Some(written) = section.string(key, report) else {
        return fill(templates, filled);
    };
    if written.trim().is_empty() {
        let cure = "write the name of a claim, or a JSON pointer such as /user/id";
        report.error(section.mistake(key).found("it is empty").cure(cure));
    }
    vec![Pointer::parse(written).unwrap_or_else(|| Pointer::to_claim(written))]
}

/// The pointers of which every part is known.
fn fill(templates: &[&'static str], filled: Option<&Filled>) -> Vec<Pointer> {
    let fill = |template: &&'static str| {
        let parts = Template(template).parameters();
        let values: Vec<_> = parts
            .map(|name| Some((name, escaped(filled?.value(name)?))))
            .collect::<Option<_>>()?;
        let value = |name: &str| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some(value.as_str())
        };
        Pointer::parse(&Template(template).filled(value)?)
    };
    templates.iter().filter_map(fill).collect()
}
