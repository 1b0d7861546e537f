//! A wire between two processes that a test can cut.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A listener that passes on what it receives; ends with its value.
pub struct TcpProxy {
    pub port: u16,
    cuts: Arc<watch::Sender<u64>>,
    _serving: JoinSet<()>,
}

impl TcpProxy {
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Arc::new(watch::channel(0).0);
        let mut serving = JoinSet::new();
        let of_listener = Arc::clone(&cuts);
        serving.spawn(async move {
            let mut wires = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = of_listener.subscribe();
                wires.spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
                while wires.try_join_next().is_some() {}
            }
        });
        Self { port, cuts, _serving: serving }
    }

    /// Ends every connection, in the middle of whatever it carries.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}
