//! A way from one page to another.

use std::fmt;

use maud::{Markup, html};

/// A link: what it says, and where it leads.
#[derive(Clone)]
pub struct Link {
    pub(crate) label: &'static str,
    pub(crate) url: String,
}

impl Link {
    /// What keycard's own page says, in English.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// A path of this app.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

// The address says where the person was going.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// The quiet way out that most pages have.
pub(super) fn to_home(home: &str) -> Markup {
    html! { a.quiet href=(home) { "Go to the start page" } }
}
