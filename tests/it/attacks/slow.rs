//! Whoever takes for ever: over the head of a request, over its body, or over saying anything at all.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::routing::post;
use holmes_bot::web::serve::{BODY_PAUSE, BODY_WITHIN, HEAD_WITHIN, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

async fn served() -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let whole = |body: Result<Bytes, BytesRejection>| async move { format!("whole: {}", body.is_ok()) };
    let router = Router::new().route("/", post(whole));
    (address, stop.clone(), tokio::spawn(serve(listener, router, stop)))
}

// The clock stands still while anybody has something to do, and jumps when all wait: ten seconds take none.
#[tokio::test(start_paused = true)]
async fn who_dawdles_over_the_head_is_hung_up_on() {
    // Half a head, nothing at all, and what may become the beginning of HTTP/2.
    for sent in ["GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "", "PRI * HTTP/2"] {
        let (address, stop, server) = served().await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        let began = tokio::time::Instant::now();
        slow.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(HEAD_WITHIN * 3, slow.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{sent:?} holds the connection");
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let waited = began.elapsed();
        // What cannot become HTTP/1.1 may be refused at once.
        let least = if sent.starts_with("PRI") { Duration::ZERO } else { HEAD_WITHIN };
        assert!(waited >= least && waited < HEAD_WITHIN * 2, "{sent:?}: {waited:?}");
        stop.cancel();
        server.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_dawdles_over_the_body_is_not_waited_for() {
    for (pause, least, most) in [
        // Nothing more comes, and a byte in time for the next wait, for ever.
        (BODY_PAUSE * 100, BODY_PAUSE, BODY_PAUSE * 2),
        (BODY_PAUSE / 2, BODY_PAUSE * 2, BODY_WITHIN + BODY_PAUSE),
    ] {
        let (address, stop, server) = served().await;
        let (mut reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        let began = tokio::time::Instant::now();
        writing.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nx").await.unwrap();
        let drip = tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                if writing.write_all(b"x").await.is_err() {
                    return;
                }
            }
        });
        let mut answer = vec![0; 4096];
        let read = tokio::time::timeout(BODY_WITHIN * 3, reading.read(&mut answer)).await;
        let read = read.unwrap_or_else(|_| panic!("a byte every {pause:?} holds the connection")).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]);
        assert!(answer.contains("whole: false"), "{answer}");
        let waited = began.elapsed();
        assert!(waited >= least && waited <= most, "{pause:?}: {waited:?}");
        drip.abort();
        stop.cancel();
        server.await.unwrap();
    }
}
