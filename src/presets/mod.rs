//! The providers that keycard knows, as data: what a section of theirs leaves out, and what of a
//! login they cannot do.
//!
//! Lowest first: `template` is an address with parts to fill in, `preset` what can be said of a
//! provider, and `rows` says it of each. Nothing else in keycard knows a provider by its name or its
//! host.

#[cfg(test)]
mod made_up;
mod preset;
mod rows;
mod template;

#[cfg(any(test, feature = "cli"))]
pub(crate) use preset::Checked;
pub(crate) use preset::{
    Address, Emails, Facts, IssuerOfTenant, Parameter, Preset, Relaxation, Use, Userinfo,
};
pub(crate) use template::Template;

use self::rows::ROWS;

/// The preset of that name.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    all().find(|preset| preset.is_called(name))
}

/// Every preset, in alphabetical order.
pub(crate) fn all() -> impl Iterator<Item = &'static Preset> {
    let rows = ROWS.iter();
    #[cfg(test)]
    let rows = rows.chain([&made_up::ROW]);
    rows
}

/// Whether sections of some preset have this key.
pub(crate) fn have_parameter(name: &str) -> bool {
    all().any(|preset| preset.parameters.iter().any(|it| it.name == name))
}

/// The preset whose own metadata document stands at `url`, whatever a section is called.
pub(crate) fn with_metadata(url: &str) -> Option<&'static Preset> {
    let url = url.split('?').next().unwrap_or_default();
    all().find(|preset| {
        let mut addresses = preset.addresses.iter();
        addresses.any(|address| match address {
            Address::OpenId { metadata } => metadata.has_host() && metadata.matches(url),
            Address::OAuth2 { .. } => false,
        })
    })
}

/// The preset whose own endpoints of OAuth 2 these are: authorization, token, userinfo.
pub(crate) fn with_endpoints(urls: [&str; 3]) -> Option<&'static Preset> {
    all().find(|preset| {
        let mut addresses = preset.addresses.iter();
        addresses.any(|address| match address {
            Address::OAuth2 {
                authorization,
                token,
                userinfo,
                ..
            } => {
                let templates = [authorization, token, userinfo];
                let mut pairs = templates.into_iter().zip(urls);
                pairs.all(|(template, url)| template.has_host() && template.matches(url))
            }
            Address::OpenId { .. } => false,
        })
    })
}

/// Whether this key of some preset says whose people may log in.
pub(crate) fn restricts(name: &str) -> bool {
    let is_it = |parameter: &Parameter| {
        let used = parameter.used;
        parameter.name == name && matches!(used, Use::Allowed { .. } | Use::SentAndDemanded { .. })
    };
    all().any(|preset| preset.parameters.iter().any(is_it))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    const DOCS: &str = include_str!("../../docs/providers.md");

    /// What names providers for a reason of its own: `init` asks which, files of other programs name
    /// theirs, the example shows one, and the vectors are of cookies.
    const MAY_NAME_ONE: &[&str] = &[
        "cli/import/",
        "cli/init.rs",
        "config/example.rs",
        "cookies/vectors.rs",
        "presets/",
    ];

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    sources(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }

    /// The hosts of a row that it says itself, whole or from the first `.` behind a parameter on.
    fn hosts(preset: &Preset) -> Vec<&'static str> {
        let templates = preset.addresses.iter().flat_map(|address| match *address {
            Address::OpenId { metadata } => vec![metadata],
            Address::OAuth2 {
                issuer,
                authorization,
                token,
                userinfo,
            } => vec![issuer, authorization, token, userinfo],
        });
        let host = |template: Template| template.0.split('/').nth(2).unwrap_or_default();
        let hosts = templates.map(|it| host(it).rsplit('}').next().unwrap_or_default());
        hosts.filter(|host| !host.is_empty()).collect()
    }

    #[test]
    fn no_code_elsewhere_knows_a_provider_by_its_name_or_host() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut looked_at = 0;
        for path in sources(&root) {
            let shown = path.strip_prefix(&root).unwrap().to_str().unwrap();
            if MAY_NAME_ONE.iter().any(|it| shown.starts_with(it)) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("mod tests {").next().unwrap();
            for line in code.lines().filter(|it| !it.trim_start().starts_with("//")) {
                for row in ROWS {
                    let mut names = row.also.iter().chain([&row.name]);
                    let named = names.any(|name| line.contains(&format!("\"{name}\"")));
                    let found = hosts(row).into_iter().find(|host| line.contains(host));
                    assert!(!named && found.is_none(), "{} in {shown}: {line}", row.name);
                }
            }
            looked_at += 1;
        }
        assert!(looked_at > 50, "{looked_at}");
    }

    #[test]
    fn the_docs_have_a_section_of_each_row_that_says_whether_it_was_checked() {
        let parts = DOCS.split("\n## ").skip(1);
        let parts: Vec<_> = parts.filter_map(|part| part.split_once('\n')).collect();
        let mut names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let rows: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names, rows);
        for (name, text) in parts {
            let row = find(name).unwrap();
            let (_, said) = text.split_once("\n- Checked: ").unwrap();
            let by_itself = !said.starts_with("library only");
            match row.checked {
                Checked::At { date, .. } => {
                    assert!(by_itself && said.contains(date), "{name}");
                }
                Checked::Unverified => assert!(!by_itself, "{name}"),
            }
            assert!(text.contains("\n- Unverified: "), "{name}");
            assert!(DOCS.contains(&format!("\n| {name} | id, secret")), "{name}");
            for also in row.also {
                assert!(text.contains(&format!("`{also}`")), "{name} {also}");
            }
            for parameter in row.parameters {
                assert!(text.contains(parameter.name), "{name} {}", parameter.name);
            }
        }
    }
}
