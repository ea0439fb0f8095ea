//! What keeps a text from being TOML, in words that quote nothing of it.
//!
//! The parser's own words quote the text, and it stumbles over the first thing alone. So what people
//! write by mistake is looked for in the words of the text, all of it at once; the parser's place
//! counts where none of it is found.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

use super::diagnostic::Mistake;
use super::keys;
use super::place::{Origin, Place};

/// More mistakes than this are the same one over and over.
const MOST: usize = 20;

/// The mistakes in a text that is not TOML; the parser stumbled at `stumbled`.
pub(super) fn mistakes(
    text: &str,
    origin: &Arc<Origin>,
    stumbled: Option<Range<usize>>,
) -> Vec<Mistake> {
    let tokens = Source::new(text).lex().into_vec();
    let place = |span: Range<usize>| Some(origin.spot(span).place());
    let mut mistakes = wrong_characters(text, &tokens, &place);
    mistakes.extend(parentheses(text, &tokens, &place));
    mistakes.extend(repetitions(text, &tokens, &place));
    mistakes.truncate(MOST);
    if mistakes.is_empty() {
        mistakes.push(match unclosed(text, &tokens, stumbled.as_ref()) {
            Some((at, cure)) => not_toml(place(at..at + 1)).cure(cure),
            None => {
                let cure = stumbled
                    .as_ref()
                    .and_then(|span| cure_at(text, &tokens, span.start))
                    .unwrap_or("each line is [section] or key = \"value\"");
                let place = stumbled.and_then(|span| place(span.start..span.start + 1));
                not_toml(place).cure(cure)
            }
        });
    }
    mistakes
}

fn not_toml(place: Option<Place>) -> Mistake {
    Mistake::new("this is not TOML").at(place)
}

fn written<'a>(text: &'a str, token: &Token) -> &'a str {
    text.get(span(token)).unwrap_or_default()
}

fn span(token: &Token) -> Range<usize> {
    token.span().start()..token.span().end()
}

/// Characters that look like others, or like nothing, outside of strings and comments; the first of
/// each line.
fn wrong_characters(
    text: &str,
    tokens: &[Token],
    place: &impl Fn(Range<usize>) -> Option<Place>,
) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut line_is_told = false;
    for token in tokens {
        let within = written(text, token);
        let wrong = within.char_indices().find_map(|(at, c)| {
            let next = within[at..].chars().nth(1);
            let judged = judge(token.kind(), c, next)?;
            Some((token.span().start() + at, c, judged))
        });
        if token.kind() == TokenKind::Newline && within.ends_with('\n') {
            line_is_told = false;
        }
        let Some((at, c, (what, cure))) = wrong.filter(|_| !line_is_told) else {
            continue;
        };
        line_is_told = true;
        mistakes.push(
            not_toml(place(at..at + c.len_utf8()))
                .found(format!("U+{:04X}, {what}", u32::from(c)))
                .cure(cure),
        );
    }
    mistakes
}

/// What a character is that may not stand in a word of that kind, and the cure.
fn judge(kind: TokenKind, c: char, next: Option<char>) -> Option<(&'static str, &'static str)> {
    Some(match (kind, c) {
        (TokenKind::Atom, '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '`') => {
            ("a quote of another kind", "use straight quotes (\")")
        }
        (TokenKind::Atom, '\u{a0}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{3000}') => {
            ("a space of another kind", "replace it with a plain space")
        }
        (_, '\t' | '\n') => return None,
        (_, '\r') if next == Some('\n') => return None,
        (_, '\r') => (
            "a line end of another kind",
            "save the file with the line ends of Unix (LF) or Windows (CRLF)",
        ),
        (_, c) if c.is_ascii_control() => {
            ("a control character", "write the line once more by hand")
        }
        _ => return None,
    })
}

/// `key = ( "…" )`, as Python would have it, and as Streamlit's documentation had it for a while.
fn parentheses(
    text: &str,
    tokens: &[Token],
    place: &impl Fn(Range<usize>) -> Option<Place>,
) -> Vec<Mistake> {
    let words: Vec<_> = tokens
        .iter()
        .filter(|token| token.kind() != TokenKind::Whitespace)
        .collect();
    let opened = words.windows(3).filter(|three| {
        three[1].kind() == TokenKind::Equals && written(text, three[2]).starts_with('(')
    });
    let told = opened.map(|three| {
        let key = Some(written(text, three[0])).filter(|key| keys::is_familiar(key));
        let at = three[2].span().start();
        not_toml(place(at..at + 1))
            .found("a parenthesis")
            .cure(format!(
                "TOML has no parentheses: write {} = \"…\" on one line",
                key.unwrap_or("key")
            ))
    });
    told.collect()
}

/// Keys and sections that stand there twice, each with where it stood before.
fn repetitions(
    text: &str,
    tokens: &[Token],
    place: &impl Fn(Range<usize>) -> Option<Place>,
) -> Vec<Mistake> {
    let mut taken = Taken::default();
    let repeated = statements(tokens).into_iter().filter_map(|line| {
        let (first, last) = line.name.first().zip(line.name.last())?;
        let at = first.span().start()..last.span().end();
        let parts = line.name.iter();
        let name = parts.map(|part| written(text, part).trim_matches(['"', '\'']).to_owned());
        let before = taken.take(line.kind, name.collect(), at.clone())?;
        Some(
            not_toml(place(at))
                .found("it stands there twice")
                .beside(place(before), "first")
                .cure("keep one of the two"),
        )
    });
    repeated.collect()
}

/// The names that stood in a text so far, each as the whole way to it.
#[derive(Default)]
struct Taken {
    /// What only came into being as a part of dotted keys is a `List` here.
    paths: BTreeMap<Vec<String>, (Kind, Range<usize>)>,
    section: Vec<String>,
    unnamed: usize,
}

impl Taken {
    /// Takes the name that stands at `at`: where it was taken before, if it was.
    fn take(&mut self, kind: Kind, name: Vec<String>, at: Range<usize>) -> Option<Range<usize>> {
        let path = match kind {
            Kind::Key => [self.section.as_slice(), &name].concat(),
            Kind::Section => name,
            Kind::List => {
                self.enter_unnamed();
                return None;
            }
        };
        let before = self.earlier(&path, kind);
        match kind {
            // The keys in it need not be told as well.
            Kind::Section if before.is_some() => self.enter_unnamed(),
            Kind::Section => self.section.clone_from(&path),
            _ => {
                for end in self.section.len() + 1..path.len() {
                    let dotted = self.paths.entry(path[..end].to_vec());
                    dotted.or_insert((Kind::List, at.clone()));
                }
            }
        }
        self.paths.entry(path).or_insert((kind, at));
        before
    }

    /// Begins a section whose keys are nobody else's.
    fn enter_unnamed(&mut self) {
        self.unnamed += 1;
        self.section = vec![format!("\u{0}{}", self.unnamed)];
    }

    /// Where the path was taken before: by itself, or by a value where it needs a table.
    fn earlier(&self, path: &[String], kind: Kind) -> Option<Range<usize>> {
        if let Some((_, at)) = self.paths.get(path) {
            return Some(at.clone());
        }
        let from = match kind {
            Kind::Section => 1,
            _ => self.section.len() + 1,
        };
        (from..path.len()).find_map(|end| match self.paths.get(&path[..end]) {
            Some((Kind::Key, at)) => Some(at.clone()),
            _ => None,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `key = …`
    Key,
    /// `[[…]]`
    List,
    /// `[…]`
    Section,
}

/// The beginning of a line that says something.
struct Statement<'a> {
    kind: Kind,
    name: Vec<&'a Token>,
}

/// What begins outside of all brackets and before any `=`.
fn statements(tokens: &[Token]) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut depth = 0_usize;
    let mut line = Vec::new();
    for token in tokens {
        match token.kind() {
            TokenKind::Newline if depth == 0 => statements.extend(statement(&line)),
            TokenKind::Newline | TokenKind::Whitespace | TokenKind::Comment => continue,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if token.kind() == TokenKind::Newline {
            line.clear();
        } else {
            line.push(token);
        }
    }
    statements.extend(statement(&line));
    statements
}

fn statement<'a>(line: &[&'a Token]) -> Option<Statement<'a>> {
    let brackets = line
        .iter()
        .take_while(|token| token.kind() == TokenKind::LeftSquareBracket)
        .count();
    let kind = match brackets {
        0 if line.iter().any(|token| token.kind() == TokenKind::Equals) => Kind::Key,
        0 => return None,
        1 => Kind::Section,
        _ => Kind::List,
    };
    let end = |token: &&&Token| {
        !matches!(
            token.kind(),
            TokenKind::Equals | TokenKind::RightSquareBracket
        )
    };
    let name = line[brackets..].iter().take_while(end);
    Some(Statement {
        kind,
        name: name
            .filter(|token| token.kind() != TokenKind::Dot)
            .copied()
            .collect(),
    })
}

/// Where something begins that goes on over the place at which the parser stumbled.
fn unclosed(
    text: &str,
    tokens: &[Token],
    stumbled: Option<&Range<usize>>,
) -> Option<(usize, &'static str)> {
    let at = stumbled?.start;
    let mut brackets = Vec::new();
    let mut in_value = false;
    for token in tokens.iter().take_while(|token| token.span().start() < at) {
        let kind = token.kind();
        match kind {
            TokenKind::MlBasicString | TokenKind::MlLiteralString
                if !is_closed(written(text, token)) =>
            {
                let cure = "end the value with the three quotes that it begins with";
                return Some((token.span().start(), cure));
            }
            TokenKind::Newline if brackets.is_empty() => in_value = false,
            TokenKind::Equals => in_value = true,
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket if in_value => {
                brackets.push(token);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                brackets.pop();
            }
            _ => {}
        }
    }
    let line = |at: usize| text.get(..at).map(|before| before.matches('\n').count());
    let open = brackets.first()?.span().start();
    let cure = "close the bracket, and put a comma between two values";
    (line(open) != line(at)).then_some((open, cure))
}

/// The cure for what the parser stumbled over.
fn cure_at(text: &str, tokens: &[Token], at: usize) -> Option<&'static str> {
    let line_start = text.get(..at)?.rfind('\n').map_or(0, |before| before + 1);
    let words: Vec<_> = tokens
        .iter()
        .filter(|token| token.span().end() > line_start)
        .skip_while(|token| token.kind() == TokenKind::Whitespace)
        .take_while(|token| token.kind() != TokenKind::Newline)
        .filter(|token| !matches!(token.kind(), TokenKind::Whitespace | TokenKind::Comment))
        .collect();
    let first = words.first()?;
    let equals = words
        .iter()
        .position(|token| token.kind() == TokenKind::Equals);
    let value = equals.and_then(|equals| words.get(equals + 1));
    let cure = match (first.kind(), equals, value) {
        (TokenKind::LeftSquareBracket, None, _) => "write a section as [auth.google] on one line",
        (_, None, _) if written(text, first).contains(':') => {
            "write key = \"value\": = and no colon"
        }
        (_, None, _) => "write key = \"value\", or # before a remark",
        (_, Some(0), _) => "write a key before the =",
        (_, Some(_), None) => "write a value behind the =, on the same line",
        (_, Some(_), Some(value)) => value_cure(text, value),
    };
    Some(cure)
}

fn value_cure(text: &str, value: &Token) -> &'static str {
    let text = written(text, value);
    match value.kind() {
        TokenKind::Eof => "write a value behind the =, on the same line",
        TokenKind::Atom => match text {
            "True" | "TRUE" => "write true in small letters",
            "False" | "FALSE" => "write false in small letters",
            "None" | "null" | "nil" => "leave the line out: TOML has no empty value",
            _ => "put the value in quotes: key = \"value\"",
        },
        TokenKind::BasicString | TokenKind::LiteralString if !is_closed(text) => {
            "end the value with the quote that it begins with, on the same line"
        }
        TokenKind::MlBasicString | TokenKind::MlLiteralString if !is_closed(text) => {
            "end the value with the three quotes that it begins with"
        }
        TokenKind::BasicString | TokenKind::MlBasicString if text.contains('\\') => {
            "write the value in single quotes ('): in double quotes \\ begins an escape"
        }
        TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
            "close the bracket, and put a comma between two values"
        }
        _ => "nothing stands behind a value on its line, but for a # and a remark",
    }
}

fn is_closed(text: &str) -> bool {
    let quotes = if text.len() >= 6 && (text.starts_with("\"\"\"") || text.starts_with("'''")) {
        3
    } else {
        1
    };
    text.len() >= 2 * quotes && text.ends_with(&text[..quotes])
}
