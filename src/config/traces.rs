//! Where spans go, by OpenTelemetry's own names of variables:
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>.

use std::path::PathBuf;

use reqwest::header::HeaderName;
use secrecy::SecretString;

use super::Reader;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
/// What is told of ourselves where nobody says otherwise.
const SERVICE: &str = "holmes-bot";

/// A collector of traces.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// Where spans are posted, path included.
    pub endpoint: String,
    /// Headers of each request; values as they are written, percent-encoded.
    pub headers: Vec<(String, SecretString)>,
    /// PEM file of an extra certificate authority.
    pub ca_file: Option<PathBuf>,
    /// Our name.
    pub service: String,
    /// What else is told of us, such as `k8s.namespace.name`.
    pub attributes: Vec<(String, String)>,
}

impl Reader<'_> {
    /// `None` where no endpoint is set. The other variables are no mistake then: an operator may set them for every pod.
    pub(super) fn traces(&mut self) -> Option<TracesConfig> {
        let base = self.url(ENDPOINT);
        let own = self.url(TRACES_ENDPOINT);
        let endpoint = own.or_else(|| base.map(|base| format!("{base}/v1/traces")));
        let headers = self.pairs(HEADERS, |name| HeaderName::try_from(name).is_ok());
        let headers = headers.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
        let mut attributes = self.pairs(ATTRIBUTES, |_| true);
        let named = attributes.iter().position(|(name, _)| name == "service.name").map(|at| attributes.remove(at).1);
        let service = self.get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| SERVICE.to_owned());
        let ca_file = self.file("OTEL_EXPORTER_OTLP_CERTIFICATE");
        endpoint.map(|endpoint| TracesConfig { endpoint, headers, ca_file, service, attributes })
    }

    /// `name=value,name=value`. Values may be secrets: a problem names none.
    fn pairs(&mut self, variable: &str, is_name: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let text = self.get(variable).unwrap_or_default();
        let mut pairs = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some((name, value)) if !name.is_empty() && is_name(name) => {
                    pairs.push((name.to_owned(), value.to_owned()));
                }
                _ => {
                    self.wrong(variable, "is not like name=value,name=value");
                    break;
                }
            }
        }
        pairs
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::super::tests::read;

    #[test]
    fn the_specifications_endpoints_are_understood() {
        for (variables, endpoint) in [
            (&[][..], None),
            (&[("OTEL_SERVICE_NAME", "x")][..], None),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318")][..], Some("http://otel:4318/v1/traces")),
            (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318/a/")], Some("http://otel:4318/a/v1/traces")),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318"),
                    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://vt:10428/insert/opentelemetry/v1/traces"),
                ],
                Some("http://vt:10428/insert/opentelemetry/v1/traces"),
            ),
        ] {
            let traces = read(variables).unwrap().traces;
            assert_eq!(traces.map(|traces| traces.endpoint).as_deref(), endpoint, "{variables:?}");
        }
    }

    #[test]
    fn headers_and_attributes_are_lists() {
        let traces = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cret, x-tenant=7"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=bot,k8s.pod.name=holmes-0"),
        ]);
        let traces = traces.unwrap().traces.unwrap();
        let headers: Vec<_> =
            traces.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(headers, [("authorization", "Bearer%20s3cret"), ("x-tenant", "7")]);
        assert_eq!((traces.service.as_str(), traces.attributes.len()), ("bot", 1));
        assert!(!format!("{traces:?}").contains("s3cret"));
        let wrong = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "otel:4317"), ("OTEL_EXPORTER_OTLP_HEADERS", "s3cret")]);
        insta::assert_snapshot!(wrong.unwrap_err(), @r"
        the configuration has 2 problem(s):
          OTEL_EXPORTER_OTLP_ENDPOINT: `otel:4317` is not an address like http://host:8428
          OTEL_EXPORTER_OTLP_HEADERS: is not like name=value,name=value
        ");
    }
}
