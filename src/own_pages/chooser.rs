//! The page on which people choose a provider.

use maud::html;

use super::form::Form;
use super::html::Html;
use super::link::to_home;

/// Which provider to log in with.
#[derive(Clone, Debug)]
pub struct ChooserPage {
    pub(crate) form: Form,
    pub(crate) choices: Vec<Choice>,
    pub(crate) home: String,
}

impl ChooserPage {
    /// The form around the buttons.
    #[must_use]
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The providers as their buttons stand, the one used last first.
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The `name` of every button: its `value` is [`Choice::name`].
    #[must_use]
    pub fn button_name(&self) -> &'static str {
        "provider"
    }

    /// The app's start page.
    #[must_use]
    pub fn home(&self) -> &str {
        &self.home
    }

    /// The page as keycard shows it.
    pub fn usual(&self) -> Html {
        let shown = html! {
            h1 { "Log in" }
            (self.form.with(&html! {
                @for choice in &self.choices {
                    button.button type="submit" name=(self.button_name()) value=(choice.name) {
                        "Log in with " (choice.label)
                        @if choice.is_last_used { " " small { "last used" } }
                    }
                }
            }))
            p.actions { (to_home(&self.home)) }
        };
        Html::usual("Log in", &shown)
    }
}

/// A provider that can be chosen.
#[derive(Clone, Debug)]
pub struct Choice {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) is_last_used: bool,
}

impl Choice {
    /// The provider's name, which its button sends.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a button says: `label` of the section, else the name.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is the one of this browser's last login.
    #[must_use]
    pub fn is_last_used(&self) -> bool {
        self.is_last_used
    }
}
