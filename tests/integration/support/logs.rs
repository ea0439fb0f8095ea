//! Every log line of the thread that a test runs on, at every level.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use tracing::Level;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

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
}

impl Logs {
    pub fn capture() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let subscriber = tracing_subscriber::registry().with(Recorder(lines.clone()));
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
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

    pub fn clear(&self) {
        self.lines.lock().unwrap().clear();
    }
}

struct Recorder(Arc<Mutex<Vec<Line>>>);

impl<S: tracing::Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(Line {
            level: *event.metadata().level(),
            target: event.metadata().target().to_owned(),
            text: fields.text,
            code: fields.code,
        });
    }
}

#[derive(Default)]
struct Fields {
    text: String,
    code: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            self.code = Some(value.to_owned());
        }
        let _ = write!(self.text, "{}={value} ", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.text, "{}={value:?} ", field.name());
    }
}
