//! The pages of a logout: the question before it, and the end of one that the provider was not told of.

use std::fmt;

use maud::html;

use super::form::Form;
use super::html::Html;

/// Whether somebody wants to log out.
#[derive(Clone, Debug)]
pub struct LogoutPage {
    pub(crate) form: Form,
    pub(crate) home: String,
}

impl LogoutPage {
    /// The form around the button that logs out; a button in it needs no name.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The app's start page, for who stays logged in.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let shown = html! {
            h1 { "Log out" }
            p { "Do you want to log out of this app?" }
            (self.form.with(&html! { button.button type="submit" { "Log out" } }))
            p.actions { a.quiet href=(self.home) { "Stay logged in" } }
        };
        Html::usual("Log out", &shown)
    }
}

/// Somebody is logged out of this app, but the provider could not be told.
#[derive(Clone)]
pub struct LoggedOutHerePage {
    pub(crate) provider: String,
    pub(crate) goal: String,
}

impl LoggedOutHerePage {
    /// The label of the provider, whose session may still be open.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Where it goes on: a path of this app.
    #[must_use]
    pub fn goal(&self) -> &str {
        &self.goal
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let title = "Logged out of this app";
        let shown = html! {
            h1 { (title) }
            p {
                (self.provider) " could not be reached, so your session there may still be open. On a \
                 computer that others use, log out there too, or close the browser."
            }
            p.actions { a.button href=(self.goal) { "Go on" } }
        };
        Html::usual(title, &shown)
    }
}

// The goal is about the person.
impl fmt::Debug for LoggedOutHerePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedOutHerePage")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
