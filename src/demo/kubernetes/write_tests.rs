//! Writes as kube-rs sends them, and as the real server (1.34) answered them.
