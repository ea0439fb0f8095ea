//! The path that a login is asked to end at.

use http::HeaderValue;
use url::Url;

use super::app::App;
use crate::return_to::ReturnTo;

/// Reads the input as a path, and follows whatever is accepted as a browser would.
pub fn return_to(input: &[u8]) -> bool {
    let Ok(path) = std::str::from_utf8(input) else {
        return false;
    };
    let app = App::of_this_process();
    let (origin, own) = (app.config.site.origin(), || app.own_paths.all_seen());
    let Some(accepted) = ReturnTo::parse(path, origin, own()) else {
        return false;
    };
    let written = accepted.as_str();

    assert!(written.len() <= 512, "{written:?} is long");
    assert!(written.starts_with('/'), "{written:?} is no path");
    assert!(!written.starts_with("//"), "{written:?} is another host");
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let (path, _) = written.split_at(written.find('?').unwrap_or(written.len()));
    assert!(path.bytes().all(plain), "{path:?} is read in two ways");
    assert!(
        written.bytes().all(|byte| byte.is_ascii_graphic()),
        "{written:?} is no header"
    );
    assert!(HeaderValue::from_str(written).is_ok());
    assert_eq!(
        ReturnTo::parse(written, origin, own()).as_ref(),
        Some(&accepted),
        "{written:?} is read in another way when it comes back"
    );
    for page in ["/", "/oauth2callback?code=c&state=s", "/a/b/../c?d#e"] {
        let page = origin.join(page).expect("a page of the app");
        let led = page.join(written).expect("an address");
        assert_eq!(led.origin(), origin.origin(), "{written:?} leads away");
        assert!(
            !own().any(|own| own == led.path()),
            "{written:?} leads to {led}, which is keycard's"
        );
        assert_eq!(path_and_more(&led), written, "{written:?} leads elsewhere");
    }
    true
}

fn path_and_more(url: &Url) -> &str {
    &url[url::Position::BeforePath..]
}
