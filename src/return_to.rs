//! A path on this site, or nothing: where a browser may be sent after a login or a logout.
//!
//! The same parser that browsers are specified by (the URL standard) reads what was asked for and
//! writes what is sent, so the two cannot disagree about where it leads.

use url::Url;

/// The longest path that is remembered, in bytes.
const MAX: usize = 512;

/// A path with its query, on the app's own origin; never one of keycard's own paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnTo(String);

impl ReturnTo {
    /// Reads a path on this site as the browser sees it, such as `/app/reports?year=2026`.
    ///
    /// `None` for whatever leads off the site, for anything that parsers disagree about, for what
    /// is longer than 512 bytes, and for the paths in `own`, which would log in or out again.
    pub(crate) fn parse<'a>(
        path: &str,
        origin: &Url,
        mut own: impl Iterator<Item = &'a str>,
    ) -> Option<Self> {
        // Browsers read `\` as `/` and drop tabs and line feeds; none of them is in an honest path.
        let honest = |byte: u8| byte > 0x20 && byte != 0x7f && byte != b'\\';
        if path.len() > MAX || !path.starts_with('/') || !path.bytes().all(honest) {
            return None;
        }
        let url = origin.join(path).ok()?;
        let path = url.path();
        // `/a/..//evil.example` stays here when resolved, yet alone in a Location it leads away.
        if url.origin() != origin.origin() || path.starts_with("//") {
            return None;
        }
        if own.any(|own| own == path) {
            return None;
        }
        let mut written = path.to_owned();
        if let Some(query) = url.query() {
            written.push('?');
            written.push_str(query);
        }
        if let Some(fragment) = url.fragment() {
            written.push('#');
            written.push_str(fragment);
        }
        (written.len() <= MAX).then_some(Self(written))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin() -> Url {
        Url::parse("https://app.example.com/").unwrap()
    }

    fn parse(path: &str) -> Option<String> {
        let own = ["/oauth2callback", "/auth/login", "/auth/logout"];
        ReturnTo::parse(path, &origin(), own.into_iter()).map(|path| path.as_str().to_owned())
    }

    /// Where a browser is led that stands on our origin and gets `written` as its Location.
    #[track_caller]
    fn stays(written: &str) {
        let led = origin().join(written).unwrap();
        assert_eq!(led.origin(), origin().origin(), "{written:?} leads away");
        let second = written.as_bytes().get(1);
        assert!(
            written.starts_with('/') && !matches!(second, Some(b'/' | b'\\')),
            "{written:?} has no one slash in front"
        );
        assert!(
            written.bytes().all(|byte| byte.is_ascii_graphic()),
            "{written:?} is no header"
        );
    }

    #[test]
    fn ret_01_an_address_with_a_scheme_is_no_path() {
        for path in [
            "https://evil.example",
            "http:evil.example",
            "HTTPS:evil.example",
            "https:/evil.example",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "ftp://evil.example",
            "https://app.example.com/x",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn ret_02_two_slashes_of_any_kind_lead_away() {
        for path in [
            "//evil.example",
            "///evil.example",
            "////evil.example",
            r"\\evil.example",
            r"/\evil.example",
            r"\/evil.example",
            r"//\evil.example",
            r"/x\..\..\evil.example",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn ret_03_white_space_and_controls_in_front_never_lead_away() {
        let odd = [
            '\t', '\n', '\r', '\u{b}', '\u{c}', '\0', ' ', '\u{a0}', '\u{2028}', '\u{3000}',
        ];
        for honest in ["//evil.example", r"/\evil.example", "/evil.example", "/a"] {
            for c in odd {
                let mut utf8 = [0; 4];
                let encoded: String = c
                    .encode_utf8(&mut utf8)
                    .bytes()
                    .map(|byte| format!("%{byte:02x}"))
                    .collect();
                for at in 0..4.min(honest.len()) {
                    for inserted in [c.to_string(), encoded.clone()] {
                        let path = format!("{}{inserted}{}", &honest[..at], &honest[at..]);
                        if let Some(written) = parse(&path) {
                            stays(&written);
                        }
                    }
                }
                if c.is_ascii() {
                    assert_eq!(parse(&format!("/{c}/evil.example")), None, "{c:?}");
                }
            }
        }
    }

    #[test]
    fn ret_04_dots_are_resolved_before_the_slashes_are_counted() {
        for path in [
            "/a/..//evil.example",
            "/..//evil.example",
            r"/./\evil.example",
            "/.//evil.example",
            "/%2e%2e//evil.example",
            "/a/%2E%2e//evil.example",
            "/%2e//evil.example",
            "/a/b/../..//evil.example",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert_eq!(parse("/a/../b").as_deref(), Some("/b"));
        assert_eq!(parse("/a//b").as_deref(), Some("/a//b"));
    }

    #[test]
    fn ret_05_line_ends_stay_encoded_and_raw_ones_are_refused() {
        assert_eq!(
            parse("/x%0d%0aSet-Cookie:a=b").as_deref(),
            Some("/x%0d%0aSet-Cookie:a=b")
        );
        for path in ["/x\r\nSet-Cookie:a=b", "/x\nY", "/x\rY", "/x\0"] {
            assert_eq!(parse(path), None, "{path:?}");
        }
        let written = parse("/über?ä=ö#ü").unwrap();
        assert_eq!(written, "/%C3%BCber?%C3%A4=%C3%B6#%C3%BC");
        stays(&written);
    }

    #[test]
    fn ret_06_what_is_encoded_stays_encoded() {
        for path in [
            "/%2f%2fevil.example",
            "/%2fevil.example",
            "/%5cevil.example",
            "/%5c%5cevil.example",
            "/%252f%252fevil.example",
            "/x?next=%2f%2fevil.example",
        ] {
            assert_eq!(parse(path).as_deref(), Some(path));
            stays(path);
        }
    }

    #[test]
    fn ret_07_paths_that_look_like_hosts_are_paths_and_the_rest_is_nothing() {
        for path in [
            "/@evil.example",
            "/.evil.example",
            "/evil.example",
            "/:443//x",
            "/x?y=//evil.example",
            "/",
            "/?x",
            "/#f",
        ] {
            assert_eq!(parse(path).as_deref(), Some(path));
            stays(path);
        }
        for path in [
            ":443//x",
            "@evil.example",
            "evil.example",
            "?x",
            "#f",
            "",
            ".",
            "..//evil.example",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn ret_08_an_origin_that_looks_like_ours_is_not_ours() {
        for path in [
            "https://app.example.com@evil.example",
            "https://app.example.com.evil.example/",
            "https://app.example.com:8443/",
            "http://app.example.com/",
            "//app.example.com@evil.example",
            "//app.example.com:8443/",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        // Only the path of it is ever written.
        assert_eq!(parse("//app.example.com/x").as_deref(), Some("/x"));
    }

    #[test]
    fn ret_14_our_own_paths_are_no_place_to_go() {
        for path in [
            "/auth/login",
            "/auth/login?provider=google",
            "/auth/login#x",
            "/auth/logout",
            "/oauth2callback",
            "/oauth2callback?code=x",
            "/x/../auth/logout",
            "/x/%2e%2E/auth/logout",
            "/./auth/login",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
        assert_eq!(parse("/auth/login2").as_deref(), Some("/auth/login2"));
    }

    #[test]
    fn ret_15_what_is_too_long_is_nothing() {
        let long = format!("/{}", "a".repeat(511));
        assert_eq!(parse(&long), Some(long.clone()));
        assert_eq!(parse(&format!("{long}a")), None);
        // Short as it comes and long as it is written.
        assert_eq!(parse(&format!("/{}", "ü".repeat(200))), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn ret_15_no_text_leads_away(text in any::<String>()) {
            if let Some(written) = parse(&text) {
                stays(&written);
            }
        }

        #[test]
        fn ret_15_no_text_of_a_parsers_favourites_leads_away(
            text in "/[/\\\\.:@%?#;a25eEfFcC\t\r\n \u{a0}\u{3000}\u{ff0f}]{0,24}",
        ) {
            if let Some(written) = parse(&text) {
                stays(&written);
                prop_assert_eq!(parse(&written), Some(written.clone()));
            }
        }
    }
}
