//! Pages of the app's own in the place of keycard's: the look and the words are the app's, all else
//! stays keycard's.
//!
//! [`Pages`] has a method for each page. It is given all that the page has to say and to send, and
//! returns an [`Html`]; what it leaves out is as keycard shows it. The usual pages live here too, each
//! as `usual()` of what it has to say.
//!
//! ```no_run
//! use keycard::Auth;
//! use keycard::own_pages::{ChooserPage, FailurePage, Html, Pages};
//!
//! struct Ours;
//!
//! impl Pages for Ours {
//!     fn chooser(&self, page: &ChooserPage) -> Html {
//!         let mut shown = html("Wer sind Sie?").form(page.form());
//!         for choice in page.choices() {
//!             shown = shown
//!                 .markup("<button name=\"provider\" value=\"")
//!                 .text(choice.name())
//!                 .markup("\">")
//!                 .text(choice.label())
//!                 .markup(if choice.is_last_used() { " (zuletzt)</button>" } else { "</button>" });
//!         }
//!         shown.markup("</form>")
//!     }
//!
//!     fn error(&self, page: &FailurePage) -> Html {
//!         match page.code() {
//!             "login_expired" => html("Das hat zu lange gedauert.")
//!                 .markup("<a href=\"")
//!                 .text(page.way_on().map_or(page.home(), |way_on| way_on.url()))
//!                 .markup("\">Noch einmal</a>"),
//!             _ => page.usual(),
//!         }
//!     }
//! }
//!
//! fn html(title: &str) -> Html {
//!     let page = Html::new(title).language("de").style("body { font: 1.2rem serif }");
//!     page.markup("<h1>").text(title).markup("</h1>")
//! }
//!
//! # fn main() -> Result<(), keycard::ConfigError> {
//! let auth = Auth::builder().secrets().pages(Ours).build()?;
//! # Ok(()) }
//! ```
//!
//! # What stays keycard's
//!
//! Status, headers and cookies; the JSON that scripts get in the place of a page (RFC 9457); the line
//! in the log. The browser is told to run no script, to use no style but the page's, to load images
//! from the app's own origin alone, and to show the page in no frame (Content-Security-Policy), and
//! nothing keeps it (`no-store`).

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

mod form;
mod html;
mod link;

mod chooser;
mod failure;
mod going_on;
mod logout;
mod question;

pub use chooser::{Choice, ChooserPage};
pub use failure::FailurePage;
pub use form::Form;
pub use going_on::GoingOnPage;
pub use html::Html;
pub use link::Link;
pub use logout::{LoggedOutHerePage, LogoutPage};
pub use question::{Input, QuestionPage};

/// The pages that keycard answers with, one method a page; [`AuthBuilder::pages`] takes them.
///
/// They are made while the browser waits, so what they need should be there already. Where a method
/// panics keycard's own page is shown, and the log has a line (`page_panicked`). A panic is caught
/// where panics unwind, which is the default, and printed by the app's panic hook as any other.
///
/// [`AuthBuilder::pages`]: crate::AuthBuilder::pages
pub trait Pages: Send + Sync {
    /// The choice among several providers.
    fn chooser(&self, page: &ChooserPage) -> Html {
        page.usual()
    }

    /// A login or a request that failed, and how it goes on.
    fn error(&self, page: &FailurePage) -> Html {
        page.usual()
    }

    /// A page that is not for this account, with the way to log in with another one.
    fn denied(&self, page: &FailurePage) -> Html {
        self.error(page)
    }

    /// A login that somebody cancelled at the provider, or the provider for them.
    fn cancelled(&self, page: &FailurePage) -> Html {
        self.error(page)
    }

    /// The question whether somebody wants to log out.
    fn logout(&self, page: &LogoutPage) -> Html {
        page.usual()
    }

    /// The end of a logout of this app alone: the provider could not be told.
    fn logged_out_here(&self, page: &LoggedOutHerePage) -> Html {
        page.usual()
    }

    /// A login that goes on by itself, in its second step. keycard adds what makes it go on.
    fn going_on(&self, page: &GoingOnPage) -> Html {
        page.usual()
    }

    /// A question of a provider of the app's own ([`own_provider::Page`](crate::own_provider::Page)),
    /// or for a password (feature `password`).
    fn question(&self, page: &QuestionPage) -> Html {
        page.usual()
    }
}

/// The pages of an app: its own, or keycard's.
#[derive(Clone)]
pub(crate) struct OwnPages(Arc<dyn Pages>);

/// A page of the app's own panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

impl OwnPages {
    pub(crate) fn new(pages: impl Pages + 'static) -> Self {
        Self(Arc::new(pages))
    }

    /// The page that these pages make of it.
    pub(crate) fn show(&self, page: impl Fn(&dyn Pages) -> Html) -> Result<Html, Panicked> {
        // It is given a page to read, and leaves nothing of ours behind.
        catch_unwind(AssertUnwindSafe(|| page(&*self.0))).map_err(|_| Panicked)
    }
}

impl Default for OwnPages {
    fn default() -> Self {
        Self::new(Usual)
    }
}

impl fmt::Debug for OwnPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnPages")
    }
}

/// keycard's own.
pub(crate) struct Usual;

impl Pages for Usual {}
