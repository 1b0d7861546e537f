//! Waiting for what comes by itself, and giving up: a bug fails a test and does not hang it.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Longest wait for anything, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long to leave it alone before one looks again.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see.
pub async fn until<T>(what: &str, seen: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, seen).await
}

/// The same with another patience.
pub async fn within<T>(patience: Duration, what: &str, mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    let until = Instant::now() + patience;
    loop {
        if let Some(seen) = seen().await {
            return seen;
        }
        assert!(Instant::now() < until, "waited for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads again and again until what is read is as awaited; says what it was instead.
pub async fn until_is<T: Debug>(what: &str, mut read: impl AsyncFnMut() -> T, is: impl Fn(&T) -> bool) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        let value = read().await;
        if is(&value) {
            return value;
        }
        assert!(Instant::now() < until, "waited for {what}, but it is {value:#?}");
        tokio::time::sleep(PAUSE).await;
    }
}
