//! Jobs that fail and Jobs that do not run.

use serde_json::{Value, json};

use super::case::{Case, case};
use super::cluster::{Pod, Run};
use super::recording::{NOW, Recording};

const LIMIT: (&str, &str) = ("BackoffLimitExceeded", "Job has reached the specified backoff limit");

fn container(name: &str) -> Value {
    json!({"name": name, "image": format!("registry.example/{name}:4")})
}

/// Three runs of a CronJob: one that went well, two that failed saying `words`.
fn fails(rec: &mut Recording, name: &str, code: i32, words: &str) {
    let container = container(name);
    rec.cron_job(name, &container, false, -5.0);
    let good = Run { started: -30.0, pods: vec![Pod::ended(-30.0, 0, "Completed")], ..Run::default() };
    let pods = rec.job(&format!("{name}-29910647"), Some(name), &container, &good);
    rec.log(&pods[0], name, -29.9, "starting\ndone, 1204 rows");
    for (number, started) in [(29_910_667, -15.0), (29_910_677, -5.0)] {
        let failed = vec![Pod::ended(started, code, "Error"), Pod::ended(started + 0.4, code, "Error")];
        let run = Run { started, failed: 2, failure: Some(LIMIT), pods: failed, ..Run::default() };
        let pods = rec.job(&format!("{name}-{number}"), Some(name), &container, &run);
        for (index, pod) in pods.iter().enumerate() {
            rec.log(pod, name, started + 0.1 + index as f64 * 0.4, &format!("starting\n{words}"));
        }
        rec.event(
            &format!("Job {name}-{number}"),
            true,
            "BackoffLimitExceeded",
            LIMIT.1,
            1,
            (started + 1.0, started + 1.0),
        );
    }
    let namespace = rec.namespace.clone();
    let job = format!("{name}-29910677");
    rec.alert(
        "KubeJobFailed",
        &[("namespace", &namespace), ("job_name", &job), ("condition", "true"), ("job", "kube-state-metrics")],
        "Job failed to complete.",
    );
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("a table is missing", "nightly-sum", "job_failed", "", "sales_2026_10", |rec| {
            fails(
                rec,
                "nightly-sum",
                3,
                "ERROR:  relation \"sales_2026_10\" does not exist at character 22\nSTATEMENT:  INSERT INTO daily SELECT * FROM sales_2026_10",
            );
        }),
        case("the input file is missing", "price-import", "job_failed", "", "/inbox/prices.csv", |rec| {
            fails(
                rec,
                "price-import",
                1,
                "Traceback (most recent call last):\n  File \"/app/import.py\", line 9, in <module>\n    rows = open(\"/inbox/prices.csv\")\nFileNotFoundError: [Errno 2] No such file or directory: '/inbox/prices.csv'",
            );
        }),
        case("the input does not parse", "feed", "job_failed", "", "line 1 column 5", |rec| {
            fails(
                rec,
                "feed",
                1,
                "Traceback (most recent call last):\n  File \"/app/feed.py\", line 30, in <module>\n    data = json.loads(body)\njson.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 5 (char 4)",
            );
        }),
        case("a variable is missing", "mailshot", "config_error|job_failed", "", "SMTP_HOST", |rec| {
            fails(
                rec,
                "mailshot",
                1,
                "Traceback (most recent call last):\n  File \"/app/mail.py\", line 3, in <module>\n    host = os.environ[\"SMTP_HOST\"]\nKeyError: 'SMTP_HOST'",
            );
        }),
        case("the bucket is not reached", "backup", "dependency_unreachable|job_failed", "", "s3.internal", |rec| {
            fails(
                rec,
                "backup",
                1,
                "pg_dump: done\nupload failed: dial tcp: lookup s3.internal on 10.96.0.10:53: no such host",
            );
        }),
        case("the bucket refuses the key", "backup", "auth_failed|job_failed", "", "", |rec| {
            fails(
                rec,
                "backup",
                1,
                "upload failed: An error occurred (InvalidAccessKeyId) when calling the PutObject operation: The AWS Access Key Id you provided does not exist in our records.",
            );
        }),
        case("the Job's deadline passes", "reindex", "job_failed", "", "", |rec| {
            let container = container("reindex");
            let run = Run {
                started: -35.0,
                failed: 1,
                failure: Some(("DeadlineExceeded", "Job was active longer than specified deadline")),
                ..Run::default()
            };
            rec.job("reindex", None, &container, &run);
            rec.event(
                "Job reindex",
                true,
                "DeadlineExceeded",
                "Job was active longer than specified deadline",
                1,
                (-5.0, -5.0),
            );
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeJobFailed",
                &[
                    ("namespace", &namespace),
                    ("job_name", "reindex"),
                    ("condition", "true"),
                    ("reason", "DeadlineExceeded"),
                ],
                "Job failed to complete.",
            );
        }),
        case("a CronJob is suspended", "digest", "job_failed", "", "", |rec| {
            let container = container("digest");
            rec.cron_job("digest", &container, true, -1500.0);
            let good = Run { started: -1500.0, pods: vec![], ..Run::default() };
            rec.job("digest-29909177", Some("digest"), &container, &good);
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubernetesCronjobSuspended",
                &[("namespace", &namespace), ("cronjob", "digest")],
                "CronJob is suspended",
            );
        }),
        case("a CronJob missed its schedule", "digest", "job_failed", "", "", |rec| {
            let container = container("digest");
            rec.cron_job("digest", &container, false, -190.0);
            rec.event("CronJob digest", true, "FailedNeedsStart", "Cannot determine if job needs to be started: too many missed start times (> 100). Set or decrease .spec.startingDeadlineSeconds or check clock skew", 30, (-20.0, NOW - 1.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "CronJobNotStarting",
                &[("namespace", &namespace), ("cronjob", "digest")],
                "CronJob has not been scheduled in time",
            );
        }),
        case("the Job's image is not there", "seed", "image_pull", "", "seed", |rec| {
            let container = container("seed");
            let pod = Pod::waiting(0, -6.0, "ImagePullBackOff", "Back-off pulling image \"registry.example/seed:4\"");
            let pods = rec.job(
                "seed",
                None,
                &container,
                &Run { started: -6.0, active: true, pods: vec![pod], ..Run::default() },
            );
            rec.event(&format!("Pod {}", pods[0]), true, "Failed", "Failed to pull image \"registry.example/seed:4\": rpc error: code = NotFound desc = registry.example/seed:4: not found", 4, (-6.0, 3.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeJobNotCompleted",
                &[("namespace", &namespace), ("job_name", "seed")],
                "Job did not complete in time",
            );
        }),
        case("a Go program panics", "settle", "job_failed|crash_loop", "", "index out of range", |rec| {
            fails(
                rec,
                "settle",
                2,
                "panic: runtime error: index out of range [7] with length 7\n\ngoroutine 1 [running]:\nmain.run(0xc000012345)\n\t/src/main.go:77 +0x1f",
            );
        }),
        case("a check fails in words of nobody's list", "audit", "job_failed", "", "balance", |rec| {
            fails(rec, "audit", 4, "2026-10-05 03:15:00 audit: balance of account 1893 is off by 12.50, giving up");
        }),
    ]
}
