//! The page that a method of [`Pages`](super::Pages) returns: text that escapes, markup that the app
//! vouches for, a style; and what the browser is told of it.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderValue;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::form::Form;

/// A page: its title, its style, and what stands in its `<body>`. The rest, from the doctype to the
/// `<head>`, is keycard's.
///
/// Nothing that comes in as text can become markup: [`text`](Self::text) escapes it, and
/// [`markup`](Self::markup) takes only what stands in the program itself, so a `format!` with
/// somebody's name in it does not compile. [`trusted_markup`](Self::trusted_markup) takes in what a
/// template engine has made.
///
/// ```
/// use keycard::own_pages::Html;
///
/// let page = Html::new("Goodbye")
///     .style("body { font-family: sans-serif }")
///     .markup("<h1>Goodbye, ")
///     .text("<Ada>")
///     .markup("</h1>");
/// ```
#[derive(Clone)]
#[must_use = "a page is shown when it is returned"]
pub struct Html {
    title: String,
    language: Cow<'static, str>,
    style: &'static str,
    body: String,
}

impl Html {
    /// An empty page of this title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            language: "en".into(),
            style: USUAL_STYLE,
            body: String::new(),
        }
    }

    /// The language of the page, such as `de` (RFC 5646); English unless it is said.
    pub fn language(mut self, tag: impl Into<String>) -> Self {
        self.language = tag.into().into();
        self
    }

    /// The style of the page, in the place of keycard's own. It is part of the page, in its `<head>`,
    /// and the only one that the browser uses: `<style>`, `<link>` and `style="…"` in the body are
    /// ignored, as are scripts. Images come from the app's own origin.
    ///
    /// Who keeps keycard's style puts what is shown into `<main>`.
    pub fn style(mut self, css: &'static str) -> Self {
        self.style = css;
        self
    }

    /// Adds markup that stands in the program, or in a file that it includes.
    ///
    /// ```compile_fail
    /// # let name = "<script>";
    /// # use keycard::own_pages::Html;
    /// Html::new("Hello").markup(format!("<h1>{name}</h1>"));
    /// ```
    pub fn markup(mut self, markup: &'static str) -> Self {
        self.body.push_str(markup);
        self
    }

    /// Adds text, escaped for the inside of an element and of an attribute in quotes.
    pub fn text(mut self, text: impl AsRef<str>) -> Self {
        for c in text.as_ref().chars() {
            match c {
                '&' => self.body.push_str("&amp;"),
                '<' => self.body.push_str("&lt;"),
                '>' => self.body.push_str("&gt;"),
                '"' => self.body.push_str("&quot;"),
                '\'' => self.body.push_str("&#39;"),
                c => self.body.push(c),
            }
        }
        self
    }

    /// Begins a form, with what it has to send besides what people type and press.
    /// `.markup("</form>")` ends it.
    pub fn form(self, form: &Form) -> Self {
        let page = self.markup("<form method=\"").text(form.method());
        let page = page.markup("\" action=\"").text(form.action());
        let with_field = |page: Self, (name, value): (&str, &str)| {
            let page = page.markup("<input type=\"hidden\" name=\"").text(name);
            page.markup("\" value=\"").text(value).markup("\">")
        };
        form.fields().fold(page.markup("\">"), with_field)
    }

    /// Adds markup as it is: what a template engine has made that escapes whatever it is given, such
    /// as `html! { … }.into_string()` of maud, or `template.render()?` of askama.
    ///
    /// Never give it what `format!` has made: a value in it could bring markup of its own. No script
    /// would run, but a form in it could ask people for anything.
    pub fn trusted_markup(mut self, markup: impl Into<String>) -> Self {
        self.body.push_str(&markup.into());
        self
    }

    /// A page of keycard's own.
    pub(super) fn usual(title: &str, shown: &Markup) -> Self {
        let shown = html! { main { (shown) } };
        Self::new(title).trusted_markup(shown)
    }

    /// All of it, as it is sent; with a URL one that goes on to it by itself.
    pub(crate) fn document(&self, onwards: Option<&str>) -> String {
        let document = html! {
            (DOCTYPE)
            html lang=(self.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="robots" content="noindex";
                    title { (self.title) }
                    @if let Some(url) = onwards {
                        meta http-equiv="refresh" content=(format!("0; url={url}"));
                    }
                    style { (PreEscaped(as_parsed(self.style))) }
                }
                body { (PreEscaped(&self.body)) }
            }
        };
        document.into_string()
    }

    /// What the browser may do with it (Content-Security-Policy).
    pub(crate) fn policy(&self) -> HeaderValue {
        static USUAL: LazyLock<HeaderValue> = LazyLock::new(|| policy(USUAL_STYLE));
        match self.style == USUAL_STYLE {
            true => USUAL.clone(),
            false => policy(self.style),
        }
    }
}

// The page may be about a person.
impl fmt::Debug for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Html").finish_non_exhaustive()
    }
}

/// Nothing but this style; no `form-action`, which browsers apply to the redirect after a POST.
fn policy(style: &'static str) -> HeaderValue {
    let style = as_parsed(style);
    let hash = base64_simd::STANDARD.encode_to_string(digest(&SHA256, style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    // Base64 and fixed text are always a header.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// A style as browsers hash it: they read each end of a line as LF (HTML §13.2.3.5), and a checkout
/// on Windows has CR LF.
fn as_parsed(style: &'static str) -> Cow<'static, str> {
    match style.contains('\r') {
        true => style.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => style.into(),
    }
}

const USUAL_STYLE: &str = include_str!("usual.css");

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(policy: &HeaderValue) -> String {
        let policy = policy.to_str().unwrap();
        let (_, hash) = policy.split_once("style-src 'sha256-").unwrap();
        hash.split('\'').next().unwrap().to_owned()
    }

    #[test]
    fn text_cannot_leave_its_element_or_its_attribute() {
        let page = Html::new("</title><b>").language("\"><b>").markup("<a b='");
        let page = page.text("'\"><script>&amp;").markup("'>");

        let document = page.document(Some("/a?b=\"><b>"));

        assert!(document.contains("<a b='&#39;&quot;&gt;&lt;script&gt;&amp;amp;'>"));
        assert!(document.contains("<title>&lt;/title&gt;&lt;b&gt;</title>"));
        assert!(document.contains("<html lang=\"&quot;&gt;&lt;b&gt;\">"));
        assert!(document.contains("content=\"0; url=/a?b=&quot;&gt;&lt;b&gt;\""));
    }

    #[test]
    fn the_style_that_counts_is_the_one_that_the_browser_reads() {
        for (style, read) in [
            ("a{}\r\nb{}\rc{}\n", "a{}\nb{}\nc{}\n"),
            ("a{}\nb > c{}", "a{}\nb > c{}"),
            ("", ""),
        ] {
            let page = Html::new("").style(style);

            let expected = digest(&SHA256, read.as_bytes());
            let expected = base64_simd::STANDARD.encode_to_string(expected);
            assert_eq!(hash(&page.policy()), expected, "{style:?}");
            let document = page.document(None);
            let (_, after) = document.split_once("<style>").unwrap();
            assert_eq!(after.split_once("</style>").unwrap().0, read);
        }
        let usual = Html::new("").policy();
        assert_eq!(usual, policy(USUAL_STYLE));
        assert_ne!(usual, Html::new("").style("a{}").policy());
    }
}
