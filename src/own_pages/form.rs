//! What a form has to send, whatever it looks like.

use std::fmt;

use maud::{Markup, html};

/// Where a form leads, and the fields that people do not see.
/// [`Html::form`](super::Html::form) writes it.
#[derive(Clone)]
pub struct Form {
    pub(crate) method: &'static str,
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    /// `get` or `post`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The path that it is sent to.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Names and values of the hidden fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.fields.iter();
        fields.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The form around this.
    pub(super) fn with(&self, shown: &Markup) -> Markup {
        html! {
            form method=(self.method) action=(self.action) {
                @for (name, value) in &self.fields {
                    input type="hidden" name=(name) value=(value);
                }
                (shown)
            }
        }
    }
}

// The fields say where the person was going, and may hold the state of a login.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form")
            .field("method", &self.method)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}
