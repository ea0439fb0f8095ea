//! The app's own word on who may see a page: a hook that a guard asks, and what it answers.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use http::request::Parts;

use crate::user::User;

/// What the hook of [`Guard::authorize`](crate::Guard::authorize) answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// They see the page.
    Allow,
    /// They are told that this account may not see it.
    Deny,
    /// They are sent to this path of the app, as the browser sees it, such as `/welcome`. Whatever
    /// leads elsewhere is the start page. A script, which wants no page, is denied.
    GoTo(String),
}

/// What a hook may return: a [`Decision`], or one in a `Result` of which an error denies.
pub trait IntoDecision {
    /// The decision, or why there is none.
    ///
    /// # Errors
    ///
    /// What the hook failed with, in words.
    fn into_decision(self) -> Result<Decision, String>;
}

impl IntoDecision for Decision {
    fn into_decision(self) -> Result<Decision, String> {
        Ok(self)
    }
}

impl<E: fmt::Display> IntoDecision for Result<Decision, E> {
    fn into_decision(self) -> Result<Decision, String> {
        self.map_err(|error| error.to_string())
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Decision, String>> + Send>>;

/// The hook of a guard.
#[derive(Clone)]
pub(crate) struct Hook(Arc<dyn Fn(User, Parts) -> Answer + Send + Sync>);

impl Hook {
    pub(crate) fn new<F, A>(hook: F) -> Self
    where
        F: Fn(User, Parts) -> A + Send + Sync + 'static,
        A: Future<Output: IntoDecision> + Send + 'static,
    {
        Self(Arc::new(move |user, parts| {
            let answer = hook(user, parts);
            Box::pin(async move { answer.await.into_decision() })
        }))
    }

    /// What the hook says; an error, for the log, where it says nothing.
    pub(crate) async fn ask(self, user: User, parts: Parts) -> Result<Decision, String> {
        const PANICKED: &str = "it panicked";
        // A hook that panics leaves nothing of ours behind: each has a user and a request of its own.
        let begun = catch_unwind(AssertUnwindSafe(|| (self.0)(user, parts)));
        let mut answer = begun.map_err(|_| PANICKED)?;
        poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
            polled.unwrap_or_else(|_| Err(PANICKED.to_owned()).into())
        })
        .await
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}
