//! A section's preset: what it leaves out, filled in.

use super::address::is_filled_in;
use super::belonging::missing;
use super::diagnostic::{Mistake, Report};
use super::keys::{self, Level};
use super::provider::Demand;
use super::tree::Table;
use crate::presets::{self, Address, Parameter, Preset, Template, Use};

/// The keys that say where a provider is, so that its preset does not.
const WHERE: &[&str] = &[
    "authorization_endpoint",
    "authorize_url",
    "server_metadata_url",
];

/// A preset, and what its section says to it.
pub(super) struct Filled {
    pub(super) preset: &'static Preset,
    /// What stands for each name in its templates.
    values: Vec<(&'static str, String)>,
}

/// The addresses of a preset, filled in.
pub(super) enum FilledAddress {
    OAuth2 {
        issuer: String,
        authorization: String,
        token: String,
        userinfo: String,
    },
    OpenId {
        metadata: String,
    },
}

impl Filled {
    /// The preset that the section names, or is named after. One that only has the name of a preset,
    /// and says itself that it is elsewhere, has none.
    pub(super) fn read(section: &Table, name: &str, report: &mut Report) -> Option<Self> {
        let preset = match section.string("preset", report) {
            Some(written) => named(section, written, report)?,
            None => presets::find(name).filter(|preset| is_at(section, preset))?,
        };
        Some(Self::of(section, preset, report))
    }

    /// What the section says to this preset.
    pub(super) fn of(section: &Table, preset: &'static Preset, report: &mut Report) -> Self {
        Self {
            preset,
            values: values(section, preset, report),
        }
    }

    /// The first of the preset's addresses that can be filled in. What is missing is reported.
    pub(super) fn address(
        &self,
        section: &Table,
        strays: &[&Table],
        report: &mut Report,
    ) -> Option<FilledAddress> {
        let mut addresses = self.preset.addresses.iter();
        let address = addresses.find_map(|address| self.fill(address));
        if address.is_none() {
            for parameter in self.missing(section) {
                let cure = format!("add {} = \"{}\"", parameter.name, parameter.example);
                let key = parameter.name;
                report.error(missing(section, key, Level::Provider, strays, cure));
            }
        }
        address
    }

    fn fill(&self, address: &Address) -> Option<FilledAddress> {
        let filled = |template: &Template| template.filled(|name| self.value(name));
        Some(match address {
            Address::OpenId { metadata } => FilledAddress::OpenId {
                metadata: filled(metadata)?,
            },
            Address::OAuth2 {
                issuer,
                authorization,
                token,
                userinfo,
            } => FilledAddress::OAuth2 {
                issuer: filled(issuer)?,
                authorization: filled(authorization)?,
                token: filled(token)?,
                userinfo: filled(userinfo)?,
            },
        })
    }

    /// What the last address, which asks for least, lacks. A value that is there and was refused is
    /// not missing.
    fn missing(&self, section: &Table) -> Vec<&'static Parameter> {
        let Some(
            Address::OpenId { metadata }
            | Address::OAuth2 {
                authorization: metadata,
                ..
            },
        ) = self.preset.addresses.last()
        else {
            return Vec::new();
        };
        let lacks = |name: &&str| self.value(name).is_none() && !section.contains(name);
        let parameter = |name| self.preset.parameters.iter().find(|it| it.name == name);
        metadata
            .parameters()
            .filter(lacks)
            .filter_map(parameter)
            .collect()
    }

    /// What stands for a name in the preset's templates.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.values.iter();
        let (_, value) = values.find(|(known, _)| *known == name)?;
        Some(value)
    }

    /// What the section's own parameters send to the authorization endpoint.
    pub(super) fn sent(&self) -> Vec<(String, String)> {
        let sent = |parameter: &Parameter| {
            let (Use::Sent { name } | Use::SentAndDemanded { name, .. }) = parameter.used else {
                return None;
            };
            Some((name.to_owned(), self.value(parameter.name)?.to_owned()))
        };
        self.preset.parameters.iter().filter_map(sent).collect()
    }

    /// What the ID token must say besides, by the section's own parameters.
    pub(super) fn demands(&self, section: &Table, report: &mut Report) -> Vec<Demand> {
        let mut demands = Vec::new();
        for parameter in self.preset.parameters {
            let (claim, values) = match parameter.used {
                Use::SentAndDemanded { claim, .. } => {
                    let value = self.value(parameter.name).map(str::to_owned);
                    (claim, value.into_iter().collect())
                }
                Use::Allowed {
                    claim,
                    unless_one,
                    several,
                } => {
                    let at = self.value(unless_one);
                    let is_several =
                        |at: &str| several.iter().any(|it| it.eq_ignore_ascii_case(at));
                    let is_one = at.is_none_or(|at| !is_several(at));
                    (claim, allowed(section, parameter, is_one, report))
                }
                Use::Address | Use::Fact | Use::Sent { .. } | Use::Signer => continue,
            };
            if !values.is_empty() {
                demands.push(Demand { claim, values });
            }
        }
        demands
    }
}

fn named(section: &Table, written: &str, report: &mut Report) -> Option<&'static Preset> {
    let found = presets::find(written);
    if found.is_none() {
        let near = presets::all().find(|preset| keys::is_near(written, preset.name));
        let cure = match near {
            Some(preset) => format!("did you mean {}?", preset.name),
            None => {
                let names: Vec<_> = presets::all().map(|preset| preset.name).collect();
                format!("take it out, or write one of {}", names.join(", "))
            }
        };
        let mistake = section.mistake("preset");
        report.error(mistake.found("there is no such preset").cure(cure));
    }
    found
}

/// Whether a section named after a preset is at that provider, as far as it says where it is.
fn is_at(section: &Table, preset: &Preset) -> bool {
    let mut ignored = Report::default();
    let mut keys = section.keys().filter(|key| {
        let near = || keys::nearest(key, Level::Provider);
        WHERE.contains(key)
            || keys::find(key, Level::Provider).is_none()
                && near().is_some_and(|near| WHERE.contains(&near.name))
    });
    keys.all(|key| {
        let text = section.text(key, &mut ignored);
        text.is_some_and(|written| {
            preset
                .addresses
                .iter()
                .any(|it| stands_at(it, key, written))
        })
    })
}

fn stands_at(address: &Address, key: &str, written: &str) -> bool {
    match address {
        Address::OAuth2 { authorization, .. } => {
            key.starts_with("authoriz") && authorization.matches(written)
        }
        Address::OpenId { metadata } => key == "server_metadata_url" && metadata.matches(written),
    }
}

fn values(
    section: &Table,
    preset: &'static Preset,
    report: &mut Report,
) -> Vec<(&'static str, String)> {
    let mut values = bound(section, preset);
    for parameter in preset.parameters {
        if matches!(parameter.used, Use::Allowed { .. }) {
            continue;
        }
        let given = given(section, parameter, report);
        let bound = values.iter().find(|(name, _)| *name == parameter.name);
        if let (Some(given), Some((_, bound))) = (&given, bound)
            && given != bound
        {
            report.error(
                section
                    .mistake(parameter.name)
                    .found("server_metadata_url says another one")
                    .cure("take one of the two lines out: the address is what counts"),
            );
        }
        let default = parameter
            .default
            .filter(|_| !section.contains(parameter.name));
        if let Some(value) = given.or(default.map(str::to_owned)) {
            values.retain(|(name, _)| *name != parameter.name);
            values.push((parameter.name, value));
        }
    }
    let mut ignored = Report::default();
    if let Some(client_id) = section.string("client_id", &mut ignored) {
        values.push(("client_id", client_id.to_owned()));
    }
    values
}

/// What the section's own address has in the places of the parameters.
fn bound(section: &Table, preset: &'static Preset) -> Vec<(&'static str, String)> {
    let mut ignored = Report::default();
    let written = section.text("server_metadata_url", &mut ignored);
    let bound = written.and_then(|written| {
        preset.addresses.iter().find_map(|address| match address {
            Address::OpenId { metadata } => metadata.bound(written),
            Address::OAuth2 { .. } => None,
        })
    });
    bound.unwrap_or_default()
}

/// The value of a parameter, as it goes into an address.
fn given(section: &Table, parameter: &Parameter, report: &mut Report) -> Option<String> {
    let key = parameter.name;
    let written = section.string(key, report)?;
    let Some((found, cure)) = objection(written, parameter.used) else {
        return Some(written.trim_end_matches('/').to_owned());
    };
    let cure = match cure {
        "" => format!("write {key} = \"{}\"", parameter.example),
        cure => cure.to_owned(),
    };
    report.error(section.mistake(key).found(found).cure(cure));
    None
}

/// What is wrong with a value, and the cure; empty where an example tells best.
fn objection(written: &str, used: Use) -> Option<(&'static str, &'static str)> {
    if written.trim().is_empty() {
        return Some(("it is empty", ""));
    }
    if !is_filled_in(written) {
        return Some((
            "it is not filled in",
            "replace what stands in { } or < > with your own",
        ));
    }
    if used != Use::Address {
        return None;
    }
    if written.contains(char::is_whitespace) || written.contains(['?', '#', '@', '\\', '%']) {
        return Some(("it has what no address has there", ""));
    }
    let bare = written.split_once("://").map_or(written, |(_, bare)| bare);
    let leads_away = |segment: &str| matches!(segment, "" | "." | "..");
    if bare.trim_end_matches('/').split('/').any(leads_away) {
        return Some(("it has an empty segment", ""));
    }
    None
}

/// The values that are allowed. Where there are several to choose from, which of
/// them has to be said.
fn allowed(
    section: &Table,
    parameter: &Parameter,
    is_one: bool,
    report: &mut Report,
) -> Vec<String> {
    let key = parameter.name;
    let cure = format!(
        "write {key} = [\"{}\"] with the ids of those whose people may log in; [\"*\"] lets in \
         anybody's",
        parameter.example
    );
    if !section.contains(key) {
        if !is_one {
            report.error(
                Mistake::missing(&section.named(key))
                    .at(section.place())
                    .found("people of every tenant could log in")
                    .cure(cure),
            );
        }
        return Vec::new();
    }
    let Some(values) = section.strings(key, report) else {
        return Vec::new();
    };
    if values == ["*"] {
        return values;
    }
    if values.is_empty() || !values.iter().all(|value| is_guid(value)) {
        let found = "a tenant's id is a GUID";
        report.error(section.mistake(key).found(found).cure(cure));
    }
    values
        .iter()
        .map(|value| value.to_ascii_lowercase())
        .collect()
}

/// `8-4-4-4-12` hexadecimal digits (RFC 9562 §4).
pub(crate) fn is_guid(text: &str) -> bool {
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex)
}

/// Warns about keys of presets in a section that is of another one, or of none.
pub(super) fn check_parameters(section: &Table, presets: &[&Preset], report: &mut Report) {
    for key in section.keys() {
        let has = |preset: &&Preset| preset.parameters.iter().any(|it| it.name == key);
        let mut owners = presets::all().filter(|preset| has(preset)).peekable();
        if owners.peek().is_none() || presets.iter().any(has) {
            continue;
        }
        let names: Vec<_> = owners.map(|preset| preset.name).collect();
        // Whoever wrote that only some may log in believes it.
        let tell = match presets::restricts(key) {
            true => Report::error,
            false => Report::warn,
        };
        tell(
            report,
            Mistake::new(format!("`{}` counts for nothing", section.named(key)))
                .at(section.place_of(key))
                .cure(format!(
                    "it is a key of {}: take it out, or add preset = \"{}\"",
                    names.join(", "),
                    names[0]
                )),
        );
    }
}
