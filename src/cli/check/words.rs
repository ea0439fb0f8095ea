//! What a provider says in its own words: cleaned of markup and of characters that move a cursor,
//! and shortened.

/// The most characters of it that are shown.
const MOST: usize = 160;

/// The text on one line, without control characters and those that reorder a line.
pub(super) fn clean(text: &str) -> String {
    let mut words = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
    }
    match words.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

/// What a person would see of a page, a line for each heading, paragraph or the like.
pub(super) fn visible(html: &str) -> String {
    let mut seen = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        seen.push_str(&rest[..at]);
        seen.push(if is_within_a_line(&rest[at..]) {
            ' '
        } else {
            '\n'
        });
        rest = after_tag(&rest[at..]);
    }
    seen.push_str(rest);
    // `&amp;` last: `&amp;lt;` is `&lt;` to a reader.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(seen, |seen, (written, meant)| seen.replace(written, meant))
}

fn is_within_a_line(tag: &str) -> bool {
    let name = tag.trim_start_matches(['<', '/']);
    let end = name.find(|c: char| !c.is_ascii_alphanumeric());
    matches!(
        &name[..end.unwrap_or(name.len())],
        "a" | "b" | "bdi" | "code" | "em" | "i" | "kbd" | "samp" | "small" | "span" | "strong"
    )
}

/// What follows the tag that the text begins with; of some elements, what follows the whole. What
/// is never closed has nothing behind it, so no page is gone through twice.
fn after_tag(html: &str) -> &str {
    if html.starts_with("<!--") {
        return after(html, "-->");
    }
    let opens = |name: &&str| begins_with(&html[1..], name);
    let Some(name) = ["script", "style", "svg"].into_iter().find(opens) else {
        return after(html, ">");
    };
    let mut rest = html;
    while let Some(at) = rest.find("</") {
        rest = &rest[at + 2..];
        if begins_with(rest, name) {
            return after(rest, ">");
        }
    }
    ""
}

fn after<'a>(html: &'a str, end: &str) -> &'a str {
    html.split_once(end).map_or("", |(_, rest)| rest)
}

fn begins_with(html: &str, name: &str) -> bool {
    let begin = html.get(..name.len());
    begin.is_some_and(|begin| begin.eq_ignore_ascii_case(name))
}

/// Has no width, or turns the direction of what follows (Unicode's `Default_Ignorable`, in part).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_page_is_shown_without_markup_scripts_and_what_moves_a_cursor() {
        for (page, seen) in [
            ("plain", "plain"),
            (
                "<h1>invalid_client</h1>\n<p>no such client",
                "invalid_client no such client",
            ),
            ("<SCRIPT>let a = '<b>';</Script >after", "after"),
            ("<style>p > a {}</style><!-- a > b --><p>text</p>", "text"),
            (
                "redirect &amp;lt; &quot;it&#39;s&quot;",
                "redirect &lt; \"it's\"",
            ),
            (
                "a\u{1b}[31mred\u{1b}[0m\u{7}\r\nb\u{202e}c\u{200b}d\u{9b}2J",
                "a [31mred [0m b c d 2J",
            ),
            ("<p>never closed <b", "never closed"),
            ("<script>never closed", ""),
            ("<é><p>text", "text"),
            ("", ""),
        ] {
            assert_eq!(clean(&visible(page)), seen, "{page}");
        }
    }

    #[test]
    fn the_worst_of_pages_is_gone_through_once() {
        let began = Instant::now();
        for piece in [
            "<",
            "<b>",
            "<script",
            "<script></script>",
            "<!--",
            "</",
            "<é",
        ] {
            visible(&piece.repeat(256 * 1024 / piece.len()));
        }
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_is_long_is_cut() {
        let shown = clean(&"word ".repeat(1000));
        assert!(
            shown.chars().count() <= MOST + 1 && shown.ends_with("word…"),
            "{shown}"
        );
        assert_eq!(clean(&"ö".repeat(MOST)), "ö".repeat(MOST));
    }
}
