//! The page of a login or a request that failed, was denied or was cancelled.

use std::fmt;

use http::StatusCode;
use maud::html;

use super::html::Html;
use super::link::{Link, to_home};

/// What did not work, and how it goes on.
///
/// The texts are keycard's, in English, one set for each [`code`](Self::code), which is stable:
/// whoever shows others goes by it.
#[derive(Clone)]
pub struct FailurePage {
    pub(crate) code: &'static str,
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) what_happened: &'static str,
    pub(crate) cure: &'static str,
    pub(crate) way_on: Option<Link>,
    pub(crate) home: String,
    pub(crate) request_id: String,
    pub(crate) details: Vec<String>,
}

impl FailurePage {
    /// The stable name of the failure, such as `login_expired`: [`Error::code`](crate::Error::code).
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The status that the page is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A heading.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// What happened, in a sentence.
    #[must_use]
    pub fn what_happened(&self) -> &'static str {
        self.what_happened
    }

    /// What the person can do about it, in a sentence.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        self.cure
    }

    /// The way on, such as to log in again and end where they were going, if there is one.
    #[must_use]
    pub fn way_on(&self) -> Option<&Link> {
        self.way_on.as_ref()
    }

    /// The app's start page.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// What the person can quote, and the line of the log is found by.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What the log says, in sentences, for the developer: nothing unless browser and app are on one
    /// machine. What a stranger or a provider said may stand in them.
    #[must_use]
    pub fn details(&self) -> &[String] {
        &self.details
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let shown = html! {
            h1 { (self.title) }
            p { (self.what_happened) }
            p { (self.cure) }
            p.actions {
                @if let Some(link) = &self.way_on { a.button href=(link.url) { (link.label) } }
                (to_home(&self.home))
            }
            @if !self.details.is_empty() {
                section aria-labelledby="details" {
                    h2 #details { "For the developer, on this machine only" }
                    @for detail in &self.details { p { (detail) } }
                }
            }
            dl {
                dt { "Code" } dd { code { (self.code) } }
                dt { "Request id" } dd { code { (self.request_id) } }
            }
        };
        Html::usual(self.title, &shown)
    }
}

// Where the person was going is nobody else's concern, and details are for one machine.
impl fmt::Debug for FailurePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailurePage")
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
