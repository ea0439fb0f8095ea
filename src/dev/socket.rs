//! The loopback socket: it can be closed and opened again on the same port, and closing it cuts
//! every connection that is still open.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Handle,
    sync::watch,
};

/// The socket that everybody comes in by.
pub(super) struct Gate {
    address: SocketAddr,
    runtime: Handle,
    entrance: Mutex<Entrance>,
    hang_up: watch::Sender<()>,
}

struct Entrance {
    door: Door,
    waiting: Option<Waker>,
}

enum Door {
    Open(TcpListener),
    /// A bound socket that does not listen keeps the port ours.
    Closed(Option<TcpSocket>),
}

impl Gate {
    /// Listens on 127.0.0.1 at this port, or at any free one if it is 0.
    pub(super) fn open(port: u16) -> io::Result<Self> {
        let listener = bind((Ipv4Addr::LOCALHOST, port).into())?.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            runtime: Handle::current(),
            entrance: Mutex::new(Entrance {
                door: Door::Open(listener),
                waiting: None,
            }),
            hang_up: watch::Sender::new(()),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, hangs up on everybody, and keeps the port.
    pub(super) fn close(&self) {
        let mut entrance = lock(&self.entrance);
        // The listener has to be gone before its port can be bound again.
        entrance.door = Door::Closed(None);
        entrance.door = Door::Closed(bind(self.address).ok());
        self.hang_up.send_replace(());
    }

    /// Listens again; nothing happens to a gate that is open.
    pub(super) fn reopen(&self) -> io::Result<()> {
        let mut entrance = lock(&self.entrance);
        let Door::Closed(reserved) = &mut entrance.door else {
            return Ok(());
        };
        let socket = match reserved.take() {
            Some(socket) => socket,
            None => bind(self.address)?,
        };
        let _inside = self.runtime.enter();
        entrance.door = Door::Open(socket.listen(BACKLOG)?);
        if let Some(waiting) = entrance.waiting.take() {
            waiting.wake();
        }
        Ok(())
    }

    /// Stops listening for good, and lets the port go.
    pub(super) fn abandon(&self) {
        lock(&self.entrance).door = Door::Closed(None);
        self.hang_up.send_replace(());
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Line, SocketAddr)>> {
        let mut entrance = lock(&self.entrance);
        entrance.waiting = Some(cx.waker().clone());
        let Door::Open(listener) = &entrance.door else {
            return Poll::Pending;
        };
        let (stream, peer) = ready!(listener.poll_accept(cx))?;
        stream.set_nodelay(true)?;
        // Still under the lock: whoever closes the gate next hangs up on this line too.
        Poll::Ready(Ok((Line::new(stream, self.hang_up.subscribe()), peer)))
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // On Windows the option would let another program take the port over.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

const BACKLOG: u32 = 1024;

/// The gate as the server sees it.
pub(super) struct Entry(pub(super) Arc<Gate>);

impl Listener for Entry {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            if let Ok(accepted) = std::future::poll_fn(|cx| self.0.poll_accept(cx)).await {
                return accepted;
            }
            // Out of file descriptors, most likely: asking again at once would spin.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.address)
    }
}

/// A connection that the gate can hang up on.
pub(super) struct Line {
    stream: TcpStream,
    hang_up: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl Line {
    fn new(stream: TcpStream, mut hang_up: watch::Receiver<()>) -> Self {
        Self {
            stream,
            hang_up: Box::pin(async move {
                // An error means that the gate is gone, which ends the line as well.
                let _ = hang_up.changed().await;
            }),
            is_cut: false,
        }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        self.is_cut = self.is_cut || self.hang_up.as_mut().poll(cx).is_ready();
        if self.is_cut {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Locks, even after a panic elsewhere: what is behind our locks is whole at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
