//! The faults that are felt on the wire: answers that hang, trickle, never end or break off.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody, to_bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body::Frame;
use tokio::time::{Instant, Interval, Sleep, interval_at, sleep};

use super::{fault::Fault, request::Endpoint};

/// The answer that the fault puts in place of the real one, and the wait before.
pub(super) async fn instead(fault: Option<&Fault>, called: Endpoint) -> Option<Response> {
    match fault {
        Some(Fault::Answer {
            endpoint,
            status,
            headers,
            body,
        }) if *endpoint == called => Some(scripted(*status, headers, body)),
        Some(Fault::Redirect {
            endpoint,
            status,
            location,
        }) if *endpoint == called => {
            let headers = [("location".to_owned(), location.clone())];
            Some(scripted(*status, &headers, b""))
        }
        Some(Fault::Hang { endpoint }) if *endpoint == called => std::future::pending().await,
        Some(Fault::Late { endpoint, delay }) if *endpoint == called => {
            sleep(*delay).await;
            None
        }
        _ => None,
    }
}

/// The real answer, on its way through the fault.
pub(super) async fn through(fault: Option<&Fault>, called: Endpoint, real: Response) -> Response {
    match fault {
        Some(Fault::Cut { endpoint }) if *endpoint == called => {
            replace_body(real, |body| {
                let length = body.len() + 64;
                (Some(length), Body::new(BreaksOff::Whole(body)))
            })
            .await
        }
        Some(Fault::Endless { endpoint, bytes }) if *endpoint == called => {
            replace_body(real, |_| (None, Body::new(Spaces { left: *bytes }))).await
        }
        Some(Fault::Trickle { endpoint }) if *endpoint == called => {
            replace_body(real, |body| {
                let length = body.len();
                let second = Duration::from_secs(1);
                let second = interval_at(Instant::now() + second, second);
                let drip = Drip { rest: body, second };
                (Some(length), Body::new(drip))
            })
            .await
        }
        _ => real,
    }
}

fn scripted(status: u16, headers: &[(String, String)], body: &[u8]) -> Response {
    let Ok(status) = StatusCode::from_u16(status) else {
        return unusable(&format!("{status} is not a status code"));
    };
    let mut response = Response::new(Body::from(body.to_vec()));
    *response.status_mut() = status;
    for (name, value) in headers {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(header), Ok(value)) = parsed else {
            return unusable(&format!("the header `{name}` cannot be sent"));
        };
        response.headers_mut().append(header, value);
    }
    response
}

fn unusable(reason: &str) -> Response {
    let text = format!("The fault cannot be acted out: {reason}.\n");
    (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
}

async fn replace_body(
    real: Response,
    replace: impl FnOnce(Bytes) -> (Option<usize>, Body),
) -> Response {
    let (mut parts, body) = real.into_parts();
    // Our own bodies are in memory: reading them neither fails nor takes long.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let (length, body) = replace(body);
    parts.headers.remove(header::CONTENT_LENGTH);
    if let Some(length) = length {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, body)
}

/// The whole body, and then a broken connection.
enum BreaksOff {
    Whole(Bytes),
    /// What was sent has to leave before the connection goes.
    Leaving(Pin<Box<Sleep>>),
}

impl HttpBody for BreaksOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        match &mut *self {
            Self::Whole(body) => {
                let body = std::mem::take(body);
                *self = Self::Leaving(Box::pin(sleep(Duration::from_millis(10))));
                Poll::Ready(Some(Ok(Frame::data(body))))
            }
            Self::Leaving(pause) => {
                ready!(pause.as_mut().poll(cx));
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
        }
    }
}

/// This many spaces.
struct Spaces {
    left: usize,
}

impl HttpBody for Spaces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Next> {
        let chunk = &SPACES[..SPACES.len().min(self.left)];
        self.left -= chunk.len();
        let next = (!chunk.is_empty()).then(|| Ok(Frame::data(Bytes::from_static(chunk))));
        Poll::Ready(next)
    }
}

static SPACES: [u8; 16 * 1024] = [b' '; 16 * 1024];

/// One byte of the body a second.
struct Drip {
    rest: Bytes,
    second: Interval,
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(self.second.poll_tick(cx));
        let byte = self.rest.split_to(1);
        Poll::Ready(Some(Ok(Frame::data(byte))))
    }
}

type Next = Option<Result<Frame<Bytes>, io::Error>>;
