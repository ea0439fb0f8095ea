//! A client's end of what stays open: a WebSocket (RFC 6455), or an answer that goes on.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::world::settle;

/// How long what is waited for may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Serves an app on a port of its own.
pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// A connection that has shown a request.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What came and was not read yet.
    came: Vec<u8>,
}

/// What a server sends over a WebSocket.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    /// The code and the reason.
    Close(u16, String),
}

impl Connection {
    /// Asks for a page with these header lines: its status, and the connection.
    pub async fn get(address: SocketAddr, path: &str, headers: &str) -> (u16, Self) {
        let mut connection = Self::ask(address, path, headers).await;
        let head = connection.until("\r\n\r\n").await;
        (head[9..12].parse().unwrap(), connection)
    }

    /// Asks for a page with these header lines, and does not wait for what comes.
    pub async fn ask(address: SocketAddr, path: &str, headers: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let came = Vec::new();
        let mut connection = Self { stream, came };
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:8501\r\n{headers}\r\n");
        connection
            .stream
            .write_all(request.as_bytes())
            .await
            .unwrap();
        connection
    }

    /// Asks for a WebSocket as a page of this origin does: the status, and the connection.
    pub async fn upgrade(
        address: SocketAddr,
        path: &str,
        cookies: &str,
        origin: Option<&str>,
    ) -> (u16, Self) {
        let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
        let headers = format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nCookie: {cookies}\r\n{origin}"
        );
        Self::get(address, path, &headers).await
    }

    /// All that came up to this text, and the text.
    pub async fn until(&mut self, text: &str) -> String {
        let length = loop {
            let found = self
                .came
                .windows(text.len())
                .position(|bytes| bytes == text.as_bytes());
            match found {
                Some(at) => break at + text.len(),
                None => assert!(self.read().await, "it hung up: {:?}", self.came),
            }
        };
        let rest = self.came.split_off(length);
        String::from_utf8(std::mem::replace(&mut self.came, rest)).unwrap()
    }

    /// All that comes until the server hangs up.
    pub async fn rest(&mut self) -> String {
        while self.read().await {}
        String::from_utf8(std::mem::take(&mut self.came)).unwrap()
    }

    /// The next frame: a byte of its kind, a byte of its length, and what it holds.
    pub async fn frame(&mut self) -> Frame {
        while self.came.len() < 2 || self.came.len() < 2 + usize::from(self.came[1]) {
            assert!(self.read().await, "it hung up: {:?}", self.came);
        }
        let rest = self.came.split_off(2 + usize::from(self.came[1]));
        let frame = std::mem::replace(&mut self.came, rest);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        match frame[0] {
            0x81 => Frame::Text(text(&frame[2..])),
            0x88 => Frame::Close(u16::from_be_bytes([frame[2], frame[3]]), text(&frame[4..])),
            other => panic!("a frame of another kind: {other:#x}"),
        }
    }

    /// Sends a short text; the mask is of zeros.
    pub async fn say(&mut self, text: &str) {
        let length = u8::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    /// Whether nothing comes, once everything has had its turn.
    pub async fn is_quiet(&mut self) -> bool {
        settle().await;
        let mut bytes = [0; 1];
        let quiet = self.stream.try_read(&mut bytes);
        self.came.is_empty() && quiet.is_err_and(|why| why.kind() == std::io::ErrorKind::WouldBlock)
    }

    /// Whether there was more to read.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 1024];
        let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await;
        let length = read.expect("something comes").unwrap();
        self.came.extend_from_slice(&bytes[..length]);
        length > 0
    }
}
