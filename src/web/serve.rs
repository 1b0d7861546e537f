//! Serves the router to connections that keep to time: whoever takes too long over a request's head or body is hung up
//! on.
//!
//! A client that sends one header a minute, or nothing, would otherwise hold a connection for ever, and a few thousand of
//! them all that the process may have. HTTP/1.1 alone is spoken: to tell HTTP/2 from it a server must wait for first bytes
//! that may never come, and whoever speaks TLS before the bot speaks HTTP/2 there.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tower_http::timeout::{RequestBodyDeadlineLayer, RequestBodyTimeoutLayer};

/// Longest time from a connection's or a request's beginning to the end of its head.
pub const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Longest pause between two pieces of a request's body: a slower sender is gone or means harm.
pub const BODY_PAUSE: Duration = Duration::from_secs(10);
/// Longest time for a whole body, whatever its pauses: the largest notification (16 MiB) at 280 KiB/s.
pub const BODY_WITHIN: Duration = Duration::from_secs(60);
/// Connections open at once: pages that are open, neighbours that keep theirs, and a storm's.
const MAX_CONNECTIONS: usize = 2_048;
/// How long is waited when the process has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop`, then lets what was begun come to its end.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let router =
        router.layer(RequestBodyTimeoutLayer::new(BODY_PAUSE)).layer(RequestBodyDeadlineLayer::new(BODY_WITHIN));
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let router = router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            let router = router.clone();
            async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away in the middle is nobody's fault.
            if let Err(error) = watched.await {
                tracing::debug!(%peer, "a connection ended: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let permit = Arc::clone(connections).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small answers should not wait for more to send.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer, permit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn served() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }));
        (address, stop.clone(), tokio::spawn(serve(listener, router, stop)))
    }

    #[tokio::test]
    async fn handlers_know_who_is_there_and_a_stop_ends_well() {
        let (address, stop, server) = served().await;
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        quick.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        stop.cancel();
        server.await.unwrap();
        TcpStream::connect(address).await.unwrap_err();
    }
}
