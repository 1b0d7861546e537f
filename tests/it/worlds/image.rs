//! Images that cannot be pulled.

use serde_json::json;

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::Recording;

const IMAGE: &str = "registry.example/team/web:9.9.9";

fn pull(rec: &mut Recording, image: &str, error: &str, reason: &str) {
    let message =
        if reason == "ImagePullBackOff" { format!("Back-off pulling image \"{image}\"") } else { error.to_owned() };
    let pods = vec![Pod::healthy(0, -9000.0), Pod::waiting(1, -6.0, reason, &message)];
    let workload =
        Workload::deployment("web", "registry.example/team/web:9.9.8", pods).rolled_out(-6.0, json!({"image": image}));
    let names = rec.workload(&workload);
    let pod = format!("Pod {}", names[1]);
    rec.event(&pod, false, "Pulling", &format!("Pulling image \"{image}\""), 5, (-6.0, 4.0));
    rec.event(&pod, true, "Failed", error, 5, (-6.0, 4.0));
    rec.event(&pod, true, "Failed", "Error: ErrImagePull", 5, (-6.0, 4.0));
    rec.event(&pod, false, "BackOff", &format!("Back-off pulling image \"{image}\""), 20, (-5.9, 5.0));
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubePodNotReady",
        &[("namespace", &namespace), ("pod", &names[1])],
        "Pod has been in a non-ready state for longer than 15 minutes.",
    );
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("tag does not exist", "web", "image_pull", "", "9.9.9|not", |rec| {
            pull(
                rec,
                IMAGE,
                "Failed to pull image \"registry.example/team/web:9.9.9\": rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example/team/web:9.9.9\": failed to resolve reference \"registry.example/team/web:9.9.9\": registry.example/team/web:9.9.9: not found",
                "ImagePullBackOff",
            );
        }),
        case("registry says 401", "web", "image_pull", "", "registry.example", |rec| {
            pull(
                rec,
                IMAGE,
                "Failed to pull image \"registry.example/team/web:9.9.9\": failed to pull and unpack image \"registry.example/team/web:9.9.9\": failed to resolve reference \"registry.example/team/web:9.9.9\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://registry.example/token?scope=repository%3Ateam%2Fweb%3Apull: 401 Unauthorized",
                "ErrImagePull",
            );
        }),
        case("registry says 429", "web", "image_pull", "", "docker.io", |rec| {
            pull(
                rec,
                "docker.io/library/web:9.9.9",
                "Failed to pull image \"docker.io/library/web:9.9.9\": failed to pull and unpack image: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/web/manifests/sha256:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
                "ImagePullBackOff",
            );
        }),
        case("registry refuses", "web", "image_pull", "", "10.0.0.5:5000", |rec| {
            pull(
                rec,
                "10.0.0.5:5000/web:9.9.9",
                "Failed to pull image \"10.0.0.5:5000/web:9.9.9\": failed to do request: Head \"https://10.0.0.5:5000/v2/web/manifests/9.9.9\": dial tcp 10.0.0.5:5000: connect: connection refused",
                "ImagePullBackOff",
            );
        }),
        case("no image for this platform", "web", "image_pull|config_error", "", "", |rec| {
            pull(
                rec,
                IMAGE,
                "Failed to pull image \"registry.example/team/web:9.9.9\": rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example/team/web:9.9.9\": no match for platform in manifest: not found",
                "ImagePullBackOff",
            );
        }),
        case("invalid name", "web", "image_pull", "", "web:9.9:9", |rec| {
            pull(
                rec,
                "registry.example/team/web:9.9:9",
                "Failed to apply default image tag \"registry.example/team/web:9.9:9\": couldn't parse image name \"registry.example/team/web:9.9:9\": invalid reference format",
                "InvalidImageName",
            );
        }),
        case("registry's certificate expired", "web", "image_pull", "", "registry.example", |rec| {
            pull(
                rec,
                IMAGE,
                "Failed to pull image \"registry.example/team/web:9.9.9\": failed to do request: Head \"https://registry.example/v2/team/web/manifests/9.9.9\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-10-05T03:14:00Z is after 2026-10-04T00:00:00Z",
                "ImagePullBackOff",
            );
        }),
    ]
}
