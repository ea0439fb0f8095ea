//! Every log line of the thread that a test runs on, at every level.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// The lines written since [`Logs::capture`].
#[derive(Debug)]
pub struct Logs {
    lines: Arc<Mutex<Vec<Line>>>,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub level: Level,
    pub target: String,
    pub text: String,
    pub code: Option<String>,
    labels: Vec<(&'static str, String)>,
}

impl Logs {
    pub fn capture() -> Self {
        // Where threads race to a line's first look at who listens, it may find nobody, and stay
        // silent. Somebody who listens everywhere, and forgets, is always found.
        static SOMEBODY: Once = Once::new();
        SOMEBODY.call_once(|| {
            let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        });
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Recorder(lines.clone()));
        Self {
            lines,
            // Takes in the lines of crates that write to `log`, too.
            _guard: subscriber.set_default(),
        }
    }

    /// The lines of keycard that somebody would be called for: warnings and errors.
    pub fn complaints(&self) -> Vec<Line> {
        let of_ours =
            |line: &&Line| line.target.starts_with("keycard") && line.level <= Level::WARN;
        self.lines
            .lock()
            .unwrap()
            .iter()
            .filter(of_ours)
            .cloned()
            .collect()
    }

    /// Everything that anything logged, at every level.
    pub fn everything(&self) -> String {
        let mut text = String::new();
        for line in self.lines.lock().unwrap().iter() {
            let _ = writeln!(text, "{} {} {}", line.level, line.target, line.text);
        }
        text
    }

    /// Every field of keycard's lines, with its name.
    pub fn labels(&self) -> Vec<(&'static str, String)> {
        let lines = self.lines.lock().unwrap();
        let ours = lines
            .iter()
            .filter(|line| line.target.starts_with("keycard"));
        ours.flat_map(|line| line.labels.clone()).collect()
    }

    pub fn clear(&self) {
        self.lines.lock().unwrap().clear();
    }
}

struct Recorder(Arc<Mutex<Vec<Line>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.keep(event.metadata(), fields);
    }

    fn on_new_span(&self, span: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.keep(span.metadata(), fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(metadata) = context.metadata(id) {
            self.keep(metadata, fields);
        }
    }
}

impl Recorder {
    fn keep(&self, metadata: &Metadata<'_>, fields: Fields) {
        self.0.lock().unwrap().push(Line {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            text: fields.text,
            code: fields.code,
            labels: fields.labels,
        });
    }
}

#[derive(Default)]
struct Fields {
    text: String,
    code: Option<String>,
    labels: Vec<(&'static str, String)>,
}

impl Fields {
    fn add(&mut self, name: &'static str, value: String) {
        let _ = write!(self.text, "{name}={value} ");
        self.labels.push((name, value));
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            self.code = Some(value.to_owned());
        }
        self.add(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.add(field.name(), format!("{value:?}"));
    }
}
