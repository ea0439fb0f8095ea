//! What has led browsers away from other people's sites after a login, class by class: no more than a
//! path, and no path.

/// Every one of them.
pub(crate) fn all() -> Vec<String> {
    [
        ret_01(),
        ret_02(),
        ret_03(),
        ret_04(),
        ret_05(),
        ret_06(),
        ret_07(),
        ret_08(),
        ret_09(),
        ret_10(),
        ret_11(),
    ]
    .concat()
}

/// Each of these texts in front of each of those.
pub(crate) fn products(texts: &[&str], ends: &[&str]) -> Vec<String> {
    let pairs = texts
        .iter()
        .flat_map(|text| ends.iter().map(move |end| (text, end)));
    pairs.map(|(text, end)| format!("{text}{end}")).collect()
}

const EVIL: &[&str] = &[
    "evil.example",
    "evil.example/x",
    "evil.example:443/",
    "user@evil.example",
    "localhost:8501@evil.example",
    "127.0.0.1",
];

pub(crate) fn ret_01() -> Vec<String> {
    let schemes = [
        "https://",
        "http://",
        "HTTPS://",
        "https:",
        "http:",
        "HtTp:/",
        "ftp://",
        "file:///",
        "ws://",
        "javascript:",
        "JavaScript:alert(1)//",
        "data:text/html,",
        "vbscript:",
        "mailto:",
        "blob:",
        "view-source:https://",
        "about:blank#",
        "x:",
    ];
    products(&schemes, &EVIL[..3])
}

pub(crate) fn ret_02() -> Vec<String> {
    let slashes = [
        "//", "///", "////", "/////", r"\\", r"\/", r"/\", r"//\", r"/\/", r"\\\", r"/\\", r"\//",
    ];
    products(&slashes, &EVIL[3..])
}

/// White space and controls at every one of the first places, as they are and percent-encoded once.
pub(crate) fn ret_03() -> Vec<String> {
    let odd = [
        '\t', '\n', '\r', '\u{b}', '\u{c}', '\0', ' ', '\u{85}', '\u{a0}', '\u{2028}', '\u{3000}',
    ];
    let mut paths = Vec::new();
    for c in odd {
        let encoded: String = c
            .to_string()
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        for honest in ["//evil.example", "/evil.example"] {
            for at in 0..3 {
                for inserted in [c.to_string(), encoded.clone()] {
                    paths.push(format!("{}{inserted}{}", &honest[..at], &honest[at..]));
                }
            }
        }
    }
    paths
}

pub(crate) fn ret_04() -> Vec<String> {
    let ways = [
        "/a/..//",
        "/..//",
        r"/./\",
        "/.//",
        "/%2e%2e//",
        "/%2E%2e//",
        "/%2e//",
        "/a/b/../..//",
        r"/a/..\/",
        "/a/%2e%2e/%2e%2e//",
        "/a/../..//",
        "/././/",
    ];
    products(&ways, &EVIL[..4])
}

pub(crate) fn ret_05() -> Vec<String> {
    let breaks = [
        "%0d%0a",
        "\r\n",
        "\n",
        "\r",
        "%0a",
        "%0D",
        "\u{2028}",
        "%E5%98%8A%E5%98%8D",
        "\u{560a}\u{560d}",
    ];
    let headers = [
        "Set-Cookie:a=b",
        "Location:https://evil.example",
        "\r\n<script>",
        "x",
    ];
    products(
        &["/x", "/"],
        &products(&breaks, &headers)
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )
}

pub(crate) fn ret_06() -> Vec<String> {
    let encoded = [
        "/%2f",
        "/%2f%2f",
        "/%5c",
        "/%5C%5c",
        "/%252f",
        "/%252f%252f",
        "/%255c",
        "/%25252f",
        "/x/%2f%2f",
        "/x?next=%2f%2f",
        "/x?next=%252f%252f",
        "/%2e%2f%2f",
    ];
    products(&encoded, &EVIL[..3])
}

pub(crate) fn ret_07() -> Vec<String> {
    let odd = [
        "/@", "/.", "/..", "/:443//", "/;", "/?", "/#", "/x?", "/x#", "/&", "/~", "/*",
    ];
    let mut paths = products(&odd, &EVIL[..3]);
    paths.extend(products(
        &["", "@", ".", ":443//", "?", "#", ";"],
        &EVIL[..2],
    ));
    paths.push(String::new());
    paths
}

pub(crate) fn ret_08() -> Vec<String> {
    let like_ours = [
        "http://localhost:8501@evil.example/",
        "http://localhost.evil.example/",
        "http://localhost:8502/",
        "https://localhost:8501/",
        "http://localhost/",
        "//localhost:8501@evil.example/",
        "//localhost.evil.example/",
        "//localhost:8502/",
        "//localhost/",
        "//LOCALHOST.evil.example/",
    ];
    products(&like_ours, &["", "x", "x?y", "auth/login"])
}

/// There is no list of hosts that are as good as ours, so nothing is compared by its end.
pub(crate) fn ret_09() -> Vec<String> {
    let hosts = [
        "evil-localhost:8501",
        "localhost.evil.example",
        "localhost.:8502",
        "LocalHost:8502",
        "[::1]:8501",
        "127.0.0.1:8501",
        "127.1:8501",
        "2130706433",
        "0x7f.1",
        "xlocalhost:8501",
        "localhost:85010",
        "localhost:08502",
    ];
    products(&["//", "http://", r"/\"], &hosts)
}

pub(crate) fn ret_10() -> Vec<String> {
    let broken = [
        "http://[::",
        "//[::",
        "/[::",
        "/%",
        "/%%",
        "/%zz",
        "/%2",
        "//%",
        "/?%",
        "/#%",
        "http://%",
        "//a b",
        "/\u{fffd}",
        "/\u{202e}gro.live//",
        "/\u{0}",
        "//:@:/",
        "//:99999/",
        "///:",
    ];
    let mut paths = products(&broken, &["", "x"]);
    paths.push(format!("/{}", "a".repeat(3000)));
    paths.push("/".repeat(2000));
    paths.push(format!("/x?{}", "%2f".repeat(1000)));
    paths
}

/// Hosts that are another one when they are normalized (RFC 3490, UTS 46).
pub(crate) fn ret_11() -> Vec<String> {
    let twins = [
        "xn--localhost-.example",
        "locаlhost:8501",
        "ⓛocalhost:8502",
        "ｌocalhost:8502",
        "localhost。evil.example",
        "localhost\u{ad}:8502",
        "evil。example",
        "evil．example",
        "ｅvil.example",
        "℀evil.example",
        "evil.example\u{2044}x",
        "ß.example",
    ];
    products(&["//", "http://", r"/\"], &twins)
}
