//! Requests that fail because of something behind the thing that answers them.

use serde_json::json;

use super::case::{Case, Expected, case};
use super::cluster::{Pod, Workload};
use super::recording::{Collector, NOW, Recording, SECRET};
use super::startup::usual_line;

const SINCE: f64 = -4.0;

/// A healthy Deployment with its Service that logs `usual`, and from four minutes before the onset `bad` as well.
fn caller(
    rec: &mut Recording,
    name: &str,
    port: u16,
    usual: impl Fn(u64) -> String,
    bad: impl Fn(u64) -> String,
) -> String {
    let names = rec.workload(&Workload::deployment(name, "registry.example/x:1", vec![Pod::healthy(0, -9000.0)]));
    rec.chatter(&names[0], name, (-65.0, NOW), 5.0, usual);
    rec.chatter(&names[0], name, (SINCE, NOW), 4.0, bad);
    rec.service(name, port, &[&names[0]], &[]);
    names[0].clone()
}

/// A service whose only pod is not ready since four minutes before the onset, with the lines it logs since.
fn broken(
    rec: &mut Recording,
    name: &str,
    port: u16,
    usual: impl Fn(u64) -> String,
    bad: impl Fn(u64) -> String,
) -> String {
    let names = rec.workload(&Workload::deployment(name, "registry.example/y:1", vec![Pod::unready(0, -9000.0)]));
    rec.chatter(&names[0], name, (-65.0, SINCE), 5.0, usual);
    rec.chatter(&names[0], name, (SINCE, NOW), 4.0, bad);
    rec.service(name, port, &[], &[&names[0]]);
    rec.event(
        &format!("Pod {}", names[0]),
        true,
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        40,
        (SINCE, NOW - 0.1),
    );
    names[0].clone()
}

fn errors_alert(rec: &mut Recording, name: &str, service: &str) {
    let namespace = rec.namespace.clone();
    rec.alert(
        name,
        &[("namespace", &namespace), ("service", service), ("severity", "critical")],
        "More than 5% of requests fail with 5xx",
    );
}

fn envoy(service: &str, status: u16, flags: &str, n: u64) -> String {
    let upstream = if status == 200 { "10.42.2.10:8080".to_owned() } else { "-".to_owned() };
    format!(
        "[2026-10-05T03:18:{:02}.101Z] \"GET /api/{service}/{n} HTTP/1.1\" {status} {flags} upstream_reset_before_response_started{{connection_failure}} - \"-\" 0 91 12 - \"10.1.2.3\" \"curl/8.5\" \"a-{n}\" \"{service}\" \"{upstream}\" outbound|8080||{service}.prod-7.svc.cluster.local - 10.96.4.4:8080 10.1.2.3:51012 - default",
        n % 60
    )
}

fn nginx(status: u16, n: u64) -> String {
    format!(
        "10.1.6.{} - - [05/Oct/2026:03:18:{:02} +0000] \"GET /items/{n} HTTP/1.1\" {status} 157 \"-\" \"Mozilla/5.0\" rt=0.00{}",
        n % 250,
        n % 60,
        n % 9
    )
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "envoy, then a Go service, then PostgreSQL that is gone",
            record: |rec| {
                caller(rec, "edge", 8080, |n| envoy("orders", 200, "-", n), |n| envoy("orders", 503, "UF", n));
                broken(rec, "orders", 8080, usual_line, |n| {
                    format!(
                        r#"{{"level":"error","ts":1791170300.{n},"caller":"store/pg.go:71","msg":"query failed","error":"failed to connect to `host=orders-db user=orders`: dial tcp 10.96.9.9:5432: connect: connection refused"}}"#
                    )
                });
                let pods = vec![Pod::crashing(0, -9000.0, 6, 1, "Error")];
                let names = rec.workload(&Workload::deployment("orders-db", "postgres:17", pods).kind("StatefulSet"));
                rec.chatter(&names[0], "orders-db", (-65.0, -5.0), 20.0, |_| {
                    "LOG:  checkpoint complete: wrote 12 buffers".into()
                });
                rec.chatter(&names[0], "orders-db", (-4.5, NOW), 60.0, |_| {
                    "PANIC:  could not write to file \"pg_wal/xlogtemp.27\": No space left on device".into()
                });
                rec.service("orders-db", 5432, &[], &[&names[0]]);
                errors_alert(rec, "ServiceHigh5xxRate", "edge");
                let namespace = rec.namespace.clone();
                rec.alert(
                    "KubePodCrashLooping",
                    &[("namespace", &namespace), ("pod", "orders-db-0"), ("container", "orders-db")],
                    "",
                );
            },
            expected: vec![
                Expected {
                    subject: "edge",
                    kinds: "dependency_unreachable",
                    about: "orders|orders-db",
                    says: "orders",
                },
                Expected { subject: "orders-db", kinds: "disk_full", about: "", says: "space" },
            ],
        },
        Case {
            name: "nginx, then Node, then Redis that was OOM-killed",
            record: |rec| {
                rec.collector = Collector::Promtail;
                caller(
                    rec,
                    "web",
                    80,
                    |n| nginx(200, n),
                    |n| {
                        if n % 2 == 0 {
                            nginx(502, n)
                        } else {
                            format!(
                                "2026/10/05 03:18:{:02} [error] 31#31: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.2.3, server: _, request: \"GET /items/{n} HTTP/1.1\", upstream: \"http://10.96.3.3:3000/items/{n}\", host: \"shop.example\"",
                                n % 60
                            )
                        }
                    },
                );
                let api = broken(rec, "items-api", 3000, usual_line, |_| {
                    r#"{"level":50,"time":1791170300000,"pid":1,"msg":"redis error","err":{"type":"Error","message":"connect ECONNREFUSED 10.96.7.7:6379","code":"ECONNREFUSED"}}"#.into()
                });
                rec.log(
                    &api,
                    "items-api",
                    SINCE + 0.1,
                    &format!("reconnecting to redis://default:{SECRET}@redis:6379/0"),
                );
                let pods = vec![Pod::crashing(0, -9000.0, 7, 137, "OOMKilled")];
                let names = rec.workload(
                    &Workload::deployment("redis", "redis:8", pods)
                        .kind("StatefulSet")
                        .with(json!({"resources": {"limits": {"memory": "64Mi"}}})),
                );
                rec.chatter(&names[0], "redis", (-65.0, NOW), 30.0, |n| {
                    format!("1:M 05 Oct 2026 03:10:00.000 * {n} changes in 300 seconds. Saving...")
                });
                rec.memory(&names[0], "redis", |_| Some(63.0));
                rec.service("redis", 6379, &[], &[&names[0]]);
                errors_alert(rec, "NginxHighHttp5xxErrorRate", "web");
                let namespace = rec.namespace.clone();
                rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &api)], "");
            },
            expected: vec![
                Expected {
                    subject: "web",
                    kinds: "dependency_unreachable",
                    about: "items-api|redis",
                    says: "items-api",
                },
                Expected { subject: "items-api", kinds: "dependency_unreachable", about: "redis", says: "redis" },
            ],
        },
        case(
            "Kafka's brokers are not available, Java",
            "shipping",
            "dependency_unreachable",
            "kafka-bootstrap",
            "9092",
            |rec| {
                caller(
                    rec,
                    "shipping",
                    8080,
                    |n| format!("2026-10-05 03:10:00,001 INFO  [consumer-1] c.a.Shipping - shipped {n}"),
                    |_| {
                        "2026-10-05 03:18:00,001 WARN  [kafka-producer-network-thread | producer-1] o.a.k.clients.NetworkClient - [Producer clientId=producer-1] Connection to node -1 (kafka-bootstrap.kafka.svc/10.96.5.5:9092) could not be established. Node may not be available.".into()
                    },
                );
                errors_alert(rec, "HighErrorRate", "shipping");
            },
        ),
        case("names do not resolve, Python", "enricher", "dependency_unreachable", "", "", |rec| {
            caller(rec, "enricher", 8080, usual_line, |_| {
                "ERROR:root:lookup failed: HTTPConnectionPool(host='geo.internal', port=80): Max retries exceeded with url: /v1 (Caused by NameResolutionError(\"<urllib3.connection.HTTPConnection object>: Failed to resolve 'geo.internal' ([Errno -3] Temporary failure in name resolution)\"))".into()
            });
            errors_alert(rec, "HighErrorRate", "enricher");
        }),
        case("upstream's certificate expired", "payments", "certificate_invalid", "", "bank", |rec| {
            caller(rec, "payments", 8080, usual_line, |_| {
                r#"{"level":"error","msg":"charge failed","error":"Post \"https://api.bank.example/v2/charges\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-10-05T03:18:00Z is after 2026-10-05T03:15:00Z"}"#.into()
            });
            errors_alert(rec, "PaymentsErrorRateHigh", "payments");
        }),
        case("database refuses the password", "crm", "auth_failed", "pg-crm", "", |rec| {
            caller(rec, "crm", 8080, usual_line, |_| {
                "sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at \"pg-crm\" (10.96.1.4), port 5432 failed: FATAL:  password authentication failed for user \"crm\"".into()
            });
            errors_alert(rec, "HighErrorRate", "crm");
        }),
        case("connection pool is used up, Hikari", "booking", "dependency_unreachable", "", "", |rec| {
            caller(
                rec,
                "booking",
                8080,
                |n| {
                    format!(
                        "2026-10-05T03:10:00.000Z  INFO 1 --- [booking] [nio-8080-exec-{n}] c.a.BookingController : booked {n}"
                    )
                },
                |n| {
                    format!(
                        "2026-10-05T03:18:00.000Z ERROR 1 --- [booking] [nio-8080-exec-{n}] o.h.engine.jdbc.spi.SqlExceptionHelper : HikariPool-1 - Connection is not available, request timed out after 30000ms (total=10, active=10, idle=0, waiting=47)"
                    )
                },
            );
            errors_alert(rec, "BookingHighErrorRate", "booking");
        }),
        case(
            "own rollout throws, Java",
            "basket",
            "bad_rollout|new_errors|http_errors",
            "",
            "NullPointerException|2.0",
            |rec| {
                let workload =
                    Workload::deployment("basket", "registry.example/basket:1.9", vec![Pod::healthy(1, -5.0)])
                        .rolled_out(-5.0, json!({"image": "registry.example/basket:2.0"}));
                let names = rec.workload(&workload);
                rec.chatter(&names[0], "basket", (-65.0, NOW), 5.0, |n| {
                    format!("2026-10-05 03:10:00.000  INFO 1 --- [exec-1] c.a.Basket : basket {n} saved")
                });
                rec.chatter(&names[0], "basket", (-4.8, NOW), 6.0, |_| "2026-10-05 03:18:00.000 ERROR 1 --- [exec-1] o.a.c.c.C.[dispatcherServlet] : Servlet.service() for servlet [dispatcherServlet] threw exception\njava.lang.NullPointerException: Cannot invoke \"com.acme.Coupon.rate()\" because \"coupon\" is null\n\tat com.acme.Basket.total(Basket.java:114)\n\tat com.acme.BasketController.get(BasketController.java:40)".into());
                rec.service("basket", 8080, &[&names[0]], &[]);
                errors_alert(rec, "BasketHighErrorRate", "basket");
            },
        ),
        case("behind it is scaled to zero", "portal", "dependency_unreachable", "identity", "identity", |rec| {
            caller(rec, "portal", 8080, usual_line, |_| {
                r#"level=error msg="token exchange failed" err="Post \"http://identity.prod-7.svc:8080/token\": dial tcp 10.96.3.200:8080: connect: connection refused""#.into()
            });
            rec.workload(&Workload::deployment("identity", "registry.example/identity:1", vec![]));
            rec.service("identity", 8080, &[], &[]);
            errors_alert(rec, "HighErrorRate", "portal");
        }),
        case("somebody else's API times out", "rates", "dependency_unreachable", "", "api.exchange.example", |rec| {
            caller(rec, "rates", 8080, usual_line, |_| {
                r#"{"level":"error","msg":"refresh failed","error":"Get \"https://api.exchange.example/latest\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"}"#.into()
            });
            errors_alert(rec, "HighErrorRate", "rates");
        }),
        case(
            "image of the service behind cannot be pulled",
            "site",
            "dependency_unreachable",
            "reviews",
            "reviews",
            |rec| {
                caller(
                    rec,
                    "site",
                    80,
                    |n| nginx(200, n),
                    |n| {
                        format!(
                            "2026/10/05 03:18:{:02} [error] 31#31: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.2.3, server: _, request: \"GET /reviews/{n} HTTP/1.1\", upstream: \"http://reviews:9080/reviews/{n}\", host: \"shop.example\"",
                            n % 60
                        )
                    },
                );
                let names = rec.workload(
                    &Workload::deployment(
                        "reviews",
                        "registry.example/reviews:1",
                        vec![Pod::waiting(
                            1,
                            -5.0,
                            "ImagePullBackOff",
                            "Back-off pulling image \"registry.example/reviews:2\"",
                        )],
                    )
                    .rolled_out(-5.0, json!({"image": "registry.example/reviews:2"})),
                );
                rec.event(&format!("Pod {}", names[0]), true, "Failed", "Failed to pull image \"registry.example/reviews:2\": rpc error: code = NotFound desc = registry.example/reviews:2: not found", 5, (-5.0, 4.0));
                rec.service("reviews", 9080, &[], &[&names[0]]);
                errors_alert(rec, "NginxHigh5xxRate", "site");
            },
        ),
        case("Russian: no connection to the database", "sklad", "dependency_unreachable", "", "", |rec| {
            rec.collector = Collector::Otel;
            caller(
                rec,
                "sklad",
                8080,
                |n| format!("2026-10-05 03:10:00 ИНФО обработан заказ {n}"),
                |_| {
                    "2026-10-05 03:18:00 ОШИБКА не удалось подключиться к базе данных postgres-sklad:5432: в соединении отказано".into()
                },
            );
            errors_alert(rec, "HighErrorRate", "sklad");
        }),
        case(
            "gRPC: the service behind is unavailable",
            "composer",
            "dependency_unreachable",
            "lyrics",
            "lyrics",
            |rec| {
                caller(rec, "composer", 8080, usual_line, |_| {
                    r#"{"severity":"ERROR","message":"compose failed: rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial tcp 10.96.3.77:50051: connect: connection refused\"","service":"lyrics"}"#.into()
                });
                let pods = vec![Pod::crashing(1, -5.0, 5, 1, "Error")];
                let names = rec.workload(
                    &Workload::deployment("lyrics", "registry.example/lyrics:1", pods)
                        .rolled_out(-5.0, json!({"image": "registry.example/lyrics:2"})),
                );
                rec.chatter(&names[0], "lyrics", (-4.9, NOW), 60.0, |_| {
                    "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.main()".into()
                });
                rec.service("lyrics", 50051, &[], &[&names[0]]);
                errors_alert(rec, "GrpcErrorRateHigh", "composer");
            },
        ),
        case(
            "too many connections",
            "forum",
            "dependency_unreachable|quota_exceeded",
            "",
            "no connection left",
            |rec| {
                caller(rec, "forum", 8080, usual_line, |_| {
                    "PG::ConnectionBad: FATAL:  sorry, too many clients already".into()
                });
                errors_alert(rec, "HighErrorRate", "forum");
            },
        ),
        case("queue of RabbitMQ: access refused", "courier", "auth_failed", "", "", |rec| {
            caller(rec, "courier", 8080, usual_line, |_| {
                "amqp.exceptions.AccessRefused: (0, 0): (403) ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.".into()
            });
            errors_alert(rec, "HighErrorRate", "courier");
        }),
    ]
}
