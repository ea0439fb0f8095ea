//! An address with parts to fill in.

/// An address in which `{name}` stands for a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub(crate) &'static str);

impl Template {
    /// The address, if there is a value for each of its parameters.
    ///
    /// A value that names its own scheme, such as `http://localhost:8080`, brings it along.
    pub(crate) fn filled<'a>(self, value: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
        let mut filled = String::new();
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            filled.push_str(before);
            let value = value(name)?;
            if value.contains("://") && filled == "https://" {
                filled.clear();
            }
            filled.push_str(value);
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled)
    }

    /// The names of its parameters.
    pub(crate) fn parameters(self) -> impl Iterator<Item = &'static str> {
        let parts = self.0.split('{').skip(1);
        parts.filter_map(|part| part.split_once('}').map(|(name, _)| name))
    }

    /// Whether it says itself at which host it is.
    pub(crate) fn has_host(self) -> bool {
        let host = self.0.split('/').nth(2);
        host.is_some_and(|host| !host.starts_with('{') && !host.ends_with('}'))
    }

    /// Whether `url` is this address with something in the place of each parameter.
    pub(crate) fn matches(self, url: &str) -> bool {
        self.bound(url).is_some()
    }

    /// What stands in `url` in the places of the parameters, if it is this address. A parameter is
    /// one segment of the path, or one label or more of the host.
    pub(crate) fn bound(self, url: &str) -> Option<Vec<(&'static str, String)>> {
        // Most addresses differ from the first letters on.
        let fixed = self.0.split('{').next().unwrap_or_default();
        if !url.starts_with(fixed) {
            return None;
        }
        let (ours, theirs) = (self.0.split('/'), url.split('/'));
        if ours.clone().count() != theirs.clone().count() {
            return None;
        }
        let mut bound = Vec::new();
        for (ours, theirs) in ours.zip(theirs) {
            let Some((before, after)) = ours.split_once('{') else {
                if ours != theirs {
                    return None;
                }
                continue;
            };
            let (name, behind) = after.split_once('}')?;
            let value = theirs.strip_prefix(before)?.strip_suffix(behind)?;
            if value.is_empty() || value.contains(['?', '#', '@', ':']) {
                return None;
            }
            bound.push((name, value.to_owned()));
        }
        Some(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Template = Template("https://login.example/{tenant}/v2.0/metadata");
    const REGION: Template = Template("https://pool.{region}.example/{pool}");

    #[test]
    fn a_template_is_filled_in_with_all_of_its_parameters_or_not_at_all() {
        let tenant = |name: &str| (name == "tenant").then_some("t");
        assert_eq!(
            TENANT.filled(tenant).as_deref(),
            Some("https://login.example/t/v2.0/metadata")
        );
        assert_eq!(TENANT.filled(|_| None), None);
        let all = |_: &str| Some("a");
        assert_eq!(
            REGION.filled(all).as_deref(),
            Some("https://pool.a.example/a")
        );
        let host = Template("https://{host}/realms/{realm}");
        let http = |name: &str| {
            Some(if name == "host" {
                "http://localhost:8080"
            } else {
                "r"
            })
        };
        assert_eq!(
            host.filled(http).as_deref(),
            Some("http://localhost:8080/realms/r")
        );
        assert_eq!(REGION.parameters().collect::<Vec<_>>(), ["region", "pool"]);
    }

    #[test]
    fn an_address_is_a_template_s_own_only_with_its_host_and_path() {
        for (url, tenant) in [
            ("https://login.example/common/v2.0/metadata", Some("common")),
            ("https://login.example/a.b/v2.0/metadata", Some("a.b")),
            ("https://login.example//v2.0/metadata", None),
            ("https://login.example/a/b/v2.0/metadata", None),
            ("https://login.example/a/v2.0/metadata/", None),
            ("https://login.example/a?/v2.0/metadata", None),
            ("https://login.example/a/v2.0/metadata?b", None),
            ("https://login.example.evil/a/v2.0/metadata", None),
            ("https://evil/login.example/a/v2.0/metadata", None),
            ("https://login.example@evil/a/v2.0/metadata", None),
            ("http://login.example/a/v2.0/metadata", None),
            ("https://LOGIN.example/a/v2.0/metadata", None),
        ] {
            let bound = TENANT.bound(url).map(|bound| bound[0].1.clone());
            assert_eq!(bound.as_deref(), tenant, "{url}");
        }
        for (url, is_own) in [
            ("https://pool.eu-west-1.example/p", true),
            ("https://pool.evil:443#.example/p", false),
            ("https://pool.evil@x.example/p", false),
            ("https://pool..example/p", false),
            ("https://pool.example/p", false),
            ("https://xpool.a.example/p", false),
        ] {
            assert_eq!(REGION.matches(url), is_own, "{url}");
        }
        assert!(TENANT.has_host() && REGION.has_host());
        assert!(!Template("https://{host}/a").has_host());
    }
}
