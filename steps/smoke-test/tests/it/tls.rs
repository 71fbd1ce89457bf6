//! Certificates: trusted, foreign, and how long they last.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::service::{Project, Run, Service, ok};

/// An authority whose certificates last so many days from now.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    fn acceptor(&self, hours: i64) -> TlsAcceptor {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let seconds = jiff::Timestamp::now().as_second() + hours * 3600;
        let since_1970 = Duration::from_secs(seconds.try_into().unwrap());
        params.not_after = date_time_ymd(1970, 1, 1) + since_1970;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

const CHECK: &str = "[[check]]\nname = \"x\"\npath = \"/\"\ntls_days_left = 14\n";

/// The step against a service whose certificate lasts so long; it trusts only this authority.
async fn run(trusted: &Authority, issued_by: &Authority, hours: i64) -> (Run, Project) {
    let service = Service::start_tls(issued_by.acceptor(hours), |_, _| ok("")).await;
    let project = Project::new(CHECK);
    project.write("ca.pem", &trusted.issuer.pem());
    let url = service.url().replace("http://", "https://");
    let args = ["--url", &url, "--timeout", "1s"];
    let run = project.run_with(&args, &[("SSL_CERT_FILE", "ca.pem")]).await;
    (run, project)
}

#[tokio::test]
async fn a_certificate_that_lasts_long_enough_passes() {
    let authority = Authority::new();
    let (run, _) = run(&authority, &authority, 14 * 24 + 1).await;
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[tokio::test]
async fn a_certificate_that_ends_too_soon_fails_with_its_days() {
    let authority = Authority::new();
    let (run, project) = run(&authority, &authority, 14 * 24 - 1).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let told = "expected a certificate that is valid for 14 more days, got one that ends in 13 days, at 20";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(project.junit().contains("failures=\"1\" errors=\"0\""), "{}", project.junit());
}

#[tokio::test]
async fn a_certificate_that_has_ended_is_not_trusted_and_the_clock_is_mentioned() {
    let authority = Authority::new();
    let (run, project) = run(&authority, &authority, -1).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stderr.contains("certificate expired"), "{}", run.stderr);
    assert!(run.stderr.contains("compare the clock of this machine"), "{}", run.stderr);
    assert!(project.read(".landfall/verdict.json").contains("\"failed\""));
}

#[tokio::test]
async fn a_certificate_of_a_foreign_authority_is_not_trusted() {
    let (run, _) = run(&Authority::new(), &Authority::new(), 999).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stderr.contains("invalid peer certificate"), "{}", run.stderr);
    assert!(run.stderr.contains("SSL_CERT_FILE=FILE"), "{}", run.stderr);
}
