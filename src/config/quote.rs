//! A line of a source as a message may show it: its keys, and none of its values.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// A line of which every value and comment is blanked out, and the part of it that is meant, in
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote {
    pub(super) line: String,
    pub(super) marked: Range<usize>,
}

/// The words of a text, each with whether it is part of a key.
#[derive(Debug)]
pub(super) struct Words(Vec<(Token, bool)>);

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut reader = KeyReader::default();
        let told = Source::new(text).lex().into_vec().into_iter().map(|token| {
            let is_key = reader.is_key(token.kind());
            (token, is_key)
        });
        Self(told.collect())
    }

    /// The line of `text` that `line` spans, with what lies in `meant` marked. A key stays if
    /// `may_show` says so.
    pub(super) fn quote(
        &self,
        text: &str,
        line: &Range<usize>,
        meant: &Range<usize>,
        may_show: impl Fn(&str) -> bool,
    ) -> Quote {
        let mut shown = String::new();
        let mut width = 0;
        let mut marked: Option<Range<usize>> = None;
        let first = self
            .0
            .partition_point(|(token, _)| token.span().end() <= line.start);
        for (token, is_key) in &self.0[first..] {
            let span = token.span();
            if span.start() >= line.end || token.kind() == TokenKind::Newline {
                break;
            }
            let written = text.get(span.start()..span.end()).unwrap_or_default();
            let piece = match token.kind() {
                TokenKind::Comment | TokenKind::Newline | TokenKind::Eof => "",
                TokenKind::Whitespace => written,
                TokenKind::Atom | TokenKind::Dot if !is_key && shown.ends_with('…') => "",
                TokenKind::Dot if !is_key => "…",
                kind if is_word(kind) && !(*is_key && may_show(written)) => blank(kind),
                _ => written,
            };
            shown.push_str(&piece.replace('\t', " "));
            let end = width + piece.chars().count();
            if span.start() < meant.end.max(meant.start + 1) && span.end() > meant.start {
                let from = marked.map_or(width, |marked| marked.start);
                marked = Some(from..end);
            }
            width = end;
        }
        let line = shown.trim_end().to_owned();
        let width = line.chars().count();
        let marked = marked.unwrap_or(width..width);
        let from = marked.start.min(width);
        Quote {
            marked: from..marked.end.clamp(from + 1, width.max(from + 1)),
            line,
        }
    }
}

fn is_word(kind: TokenKind) -> bool {
    use TokenKind::{Atom, BasicString, LiteralString, MlBasicString, MlLiteralString};
    matches!(
        kind,
        Atom | BasicString | LiteralString | MlBasicString | MlLiteralString
    )
}

fn blank(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Atom => "…",
        _ => "\"…\"",
    }
}

/// Tells keys from values, word by word. Right for every text that is TOML.
#[derive(Debug, Default)]
struct KeyReader {
    /// The brackets around the next word, `[` of a list and `{` of an inline table.
    brackets: Vec<TokenKind>,
    in_value: bool,
    in_header: bool,
}

impl KeyReader {
    fn is_key(&mut self, kind: TokenKind) -> bool {
        match kind {
            TokenKind::Newline if self.brackets.is_empty() => {
                (self.in_value, self.in_header) = (false, false);
            }
            TokenKind::Equals => self.in_value = true,
            TokenKind::Comma if self.brackets.last() == Some(&TokenKind::LeftCurlyBracket) => {
                self.in_value = false;
            }
            TokenKind::LeftSquareBracket if self.brackets.is_empty() && !self.in_value => {
                self.in_header = true;
            }
            TokenKind::RightSquareBracket if self.in_header => {
                // What comes after a header is neither, but for a comment.
                (self.in_value, self.in_header) = (true, false);
            }
            TokenKind::LeftSquareBracket => {
                self.brackets.push(kind);
                self.in_value = true;
            }
            TokenKind::LeftCurlyBracket => {
                self.brackets.push(kind);
                self.in_value = false;
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                self.brackets.pop();
                self.in_value = true;
            }
            _ => {}
        }
        !self.in_value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line of the text as it is shown.
    fn shown(text: &str) -> Vec<String> {
        let words = Words::of(text);
        let mut begin = 0;
        let mut lines = Vec::new();
        for line in text.split_inclusive('\n') {
            let span = begin..begin + line.len();
            lines.push(words.quote(text, &span, &(begin..begin), |_| true).line);
            begin += line.len();
        }
        lines
    }

    #[test]
    fn keys_are_shown_and_values_are_not() {
        let text = r##"[auth."my provider"] # ca11ary
client_id="ca11ary"
a.b  =  'ca11ary' # ca11ary
number = 1.5e7
list = ["ca11ary", { key = "ca11ary", 'key 2'.b = [1, "ca11ary"] }, ca11ary]
table = { scope = "ca11ary", "prompt" = ca11ary }
long = """ca11ary
ca11ary = "ca11ary"
"""
lines = [
  "ca11ary",
  'ca11ary',
]
[[auth.list]]
broken = "ca11ary
"##;
        assert_eq!(
            shown(text),
            [
                r#"[auth."my provider"]"#,
                r#"client_id="…""#,
                r#"a.b  =  "…""#,
                r#"number = …"#,
                r#"list = ["…", { key = "…", 'key 2'.b = […, "…"] }, …]"#,
                r#"table = { scope = "…", "prompt" = … }"#,
                r#"long = "…""#,
                r#""…""#,
                r#""…""#,
                r#"lines = ["#,
                r#"  "…","#,
                r#"  "…","#,
                r#"]"#,
                r#"[[auth.list]]"#,
                r#"broken = "…""#,
            ]
        );
    }

    #[test]
    fn what_is_meant_is_marked_where_the_blanked_line_has_it() {
        let text = "a = { b = \"ca11ary\", c = 7 }\n";
        let words = Words::of(text);
        let at = text.find('7').unwrap();
        let quote = words.quote(text, &(0..text.len()), &(at..at + 1), |_| true);
        assert_eq!(quote.line, "a = { b = \"…\", c = … }");
        assert_eq!(quote.marked, 19..20);

        let end = words.quote(text, &(0..text.len()), &(text.len()..text.len()), |_| false);
        assert_eq!(end.line, "… = { … = \"…\", … = … }");
        assert_eq!(end.marked, 22..23);
    }
}
