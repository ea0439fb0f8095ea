//! How somebody's login is granted: by a code that the browser brings, or by a password typed into the
//! app.

use super::diagnostic::Report;
use super::provider::Grant;
use super::site::Site;
use super::tree::Table;

const KEY: &str = "grant";

/// What the section says of it.
pub(super) fn read(section: &Table, site: Option<&Site>, report: &mut Report) -> Grant {
    match section.string(KEY, report) {
        None | Some("authorization_code") => Grant::Code,
        Some("password") => password(section, site, report),
        Some(_) => {
            let cure = "write \"password\", or take the line out";
            let found = "keycard knows no such grant";
            report.error(section.mistake(KEY).found(found).cure(cure));
            Grant::Code
        }
    }
}

/// A mistake where an app that others reach would ask people for their passwords, and a warning
/// everywhere else.
#[cfg(feature = "password")]
fn password(section: &Table, site: Option<&Site>, report: &mut Report) -> Grant {
    if site.is_some_and(|site| !site.is_loopback()) {
        let found = "passwords would be typed into an app that others can reach";
        let cure = "take the line out, or use a redirect_uri on localhost";
        report.error(section.mistake(KEY).found(found).cure(cure));
        return Grant::Code;
    }
    report.warn(
        section
            .mistake(KEY)
            .found("people type the provider's password into this app")
            .cure("take the line out where a browser can go to the provider (RFC 9700 §2.4)"),
    );
    Grant::Password
}

#[cfg(not(feature = "password"))]
fn password(section: &Table, _: Option<&Site>, report: &mut Report) -> Grant {
    report.error(
        section
            .mistake(KEY)
            .found("the app was built without the form for passwords")
            .cure(
                "turn on keycard's feature `password`, in Cargo.toml: features = [\"password\"]; or \
                 take the line out",
            ),
    );
    Grant::Code
}
