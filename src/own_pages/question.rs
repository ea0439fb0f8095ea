//! The page that asks for something to be typed: a password, or what a provider of the app's own
//! wants to know; without an input it only tells something.

use std::fmt;

use maud::html;

use super::form::Form;
use super::html::Html;
use super::link::to_home;

/// What has to be typed for a login to go on.
#[derive(Clone)]
pub struct QuestionPage {
    pub(crate) title: String,
    pub(crate) paragraphs: Vec<String>,
    pub(crate) form: Form,
    pub(crate) inputs: Vec<Input>,
    pub(crate) button: String,
    pub(crate) home: String,
}

impl QuestionPage {
    /// A heading.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What is said below it.
    #[must_use]
    pub fn paragraphs(&self) -> &[String] {
        &self.paragraphs
    }

    /// The form around the inputs and the button, which needs no name.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// What is asked for. Where it is nothing there is nothing to send.
    #[must_use]
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// What the button says.
    #[must_use]
    pub fn button(&self) -> &str {
        &self.button
    }

    /// The app's start page.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let shown = html! {
            h1 { (self.title) }
            @for paragraph in &self.paragraphs { p { (paragraph) } }
            @if !self.inputs.is_empty() {
                (self.form.with(&html! {
                    @for input in &self.inputs {
                        label { (input.label)
                            input name=(input.name) type=(input.kind)
                                autocomplete=(input.autocomplete) autocapitalize="none"
                                spellcheck="false" required; }
                    }
                    button.button type="submit" { (self.button) }
                }))
            }
            p.actions { (to_home(&self.home)) }
        };
        Html::usual(&self.title, &shown)
    }
}

// The app may show a code there.
impl fmt::Debug for QuestionPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuestionPage").finish_non_exhaustive()
    }
}

/// Something to type.
#[derive(Clone, Debug)]
pub struct Input {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) kind: &'static str,
    pub(crate) autocomplete: &'static str,
}

impl Input {
    /// The `name` of the input.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is asked for, in words.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The `type` of the input: `password` or `text`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What browsers may fill in: the `autocomplete` of the input.
    #[must_use]
    pub fn autocomplete(&self) -> &'static str {
        self.autocomplete
    }
}
