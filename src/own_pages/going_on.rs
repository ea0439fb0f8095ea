//! The page between the steps of a login that is too long for one answer.

use std::fmt;

use maud::html;

use super::html::Html;

/// A login that goes on by itself at once; people see the page only where their browser does not
/// follow.
#[derive(Clone)]
pub struct GoingOnPage {
    pub(crate) url: String,
}

impl GoingOnPage {
    /// Where it goes on: a path of this app.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let title = "Logging you in";
        let shown = html! {
            h1 { (title) }
            p { "If this page stays, please go on by yourself." }
            p.actions { a.button href=(self.url) { "Go on" } }
        };
        Html::usual(title, &shown)
    }
}

// The address may hold the rest of an identity, sealed.
impl fmt::Debug for GoingOnPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoingOnPage").finish_non_exhaustive()
    }
}
