//! A browser's cookies, as RFC 6265 and its prefixes have them.

/// Cookies by name and path.
#[derive(Clone, Debug, Default)]
pub struct Jar(Vec<Stored>);

#[derive(Clone, Debug)]
struct Stored {
    name: String,
    value: String,
    path: String,
    /// Whether it goes along with every request of other sites.
    goes_anywhere: bool,
}

impl Jar {
    /// Keeps what a Set-Cookie line says, or forgets it.
    #[track_caller]
    pub fn take_in(&mut self, line: &str, https: bool) {
        let mut attributes = line.split("; ");
        let (name, value) = attributes.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<_> = attributes.collect();
        let valued = |wanted: &str| {
            attributes
                .iter()
                .find_map(|attribute| attribute.strip_prefix(wanted))
                .map(str::to_owned)
        };
        let path = valued("Path=").unwrap_or_else(|| "/".to_owned());
        let secure = attributes.contains(&"Secure");
        assert!(
            !secure || https,
            "a browser refuses Secure over http: {line}"
        );
        let goes_anywhere = attributes.contains(&"SameSite=None");
        assert!(
            !goes_anywhere || secure,
            "a browser refuses SameSite=None without Secure: {line}"
        );
        assert!(
            name.len() + value.len() <= 4096,
            "a browser drops {} bytes",
            value.len()
        );
        if name.starts_with("__Host-") {
            assert!(
                secure && path == "/" && valued("Domain=").is_none(),
                "{line}"
            );
        }
        if name.starts_with("__Secure-") {
            assert!(secure, "{line}");
        }
        self.0
            .retain(|stored| stored.name != name || stored.path != path);
        if valued("Max-Age=").as_deref() != Some("0") {
            self.0.push(Stored {
                name: name.to_owned(),
                value: value.to_owned(),
                path,
                goes_anywhere,
            });
        }
    }

    /// The Cookie header for a path; none where there is no cookie.
    pub fn header(&self, path: &str) -> Option<String> {
        self.header_of(path, |_| true)
    }

    /// The same of a POST from another site.
    pub fn header_from_elsewhere(&self, path: &str) -> Option<String> {
        self.header_of(path, |stored| stored.goes_anywhere)
    }

    fn header_of(&self, path: &str, goes: impl Fn(&Stored) -> bool) -> Option<String> {
        let fits = |stored: &&Stored| {
            let below = path.strip_prefix(stored.path.as_str());
            below.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('/') || stored.path.ends_with('/')
            })
        };
        let pairs: Vec<_> = self
            .0
            .iter()
            .filter(fits)
            .filter(|stored| goes(stored))
            .map(|stored| format!("{}={}", stored.name, stored.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|stored| stored.name.as_str()).collect()
    }

    /// The names of the pending logins.
    pub fn pending(&self) -> Vec<String> {
        let pending = self.names().into_iter().filter(|name| name.contains("-p-"));
        pending.map(str::to_owned).collect()
    }

    pub fn value(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|stored| stored.name == name)
            .map(|stored| stored.value.as_str())
    }

    pub fn put(&mut self, name: &str, value: &str) {
        self.0.retain(|stored| stored.name != name);
        let path = "/".to_owned();
        self.0.push(Stored {
            name: name.to_owned(),
            value: value.to_owned(),
            path,
            goes_anywhere: false,
        });
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|stored| stored.name != name);
    }
}
