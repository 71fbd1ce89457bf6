//! TLS: which authorities a database server is verified with.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use step_core::Fail;

/// Where the authorities of RDS are looked for; the base image has them there.
pub(crate) const RDS_BUNDLE: &str = "/usr/local/share/landfall/rds-ca.pem";

/// Where AWS publishes them.
const RDS_BUNDLE_URL: &str = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";

/// Whether a host is a database of RDS, by its name.
pub(crate) fn is_rds(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    [".rds.amazonaws.com", ".rds.amazonaws.com.cn"].iter().any(|end| host.ends_with(end))
}

/// The certificates of the authorities that may vouch for `host`: those in the file `ca`, if one is
/// named; else those that the machine trusts, and for RDS those of its bundle, where it is there.
///
/// # Errors
/// Exit 2: a file holds no certificates.
pub(crate) fn roots(host: &str, ca: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Fail> {
    roots_with(host, ca, Path::new(RDS_BUNDLE))
}

fn roots_with(
    host: &str,
    ca: Option<&Path>,
    bundle: &Path,
) -> Result<Vec<CertificateDer<'static>>, Fail> {
    if let Some(ca) = ca {
        return read(ca);
    }
    let mut roots = rustls_native_certs::load_native_certs().certs;
    if is_rds(host) && bundle.exists() {
        roots.extend(read(bundle)?);
    }
    Ok(roots)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fail> {
    let wrong = |why: &str| {
        Fail::invalid(format!("read the certificates in {}: {why}", path.display()))
            .help("the file has to hold certificates in the form PEM")
    };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|err| wrong(&err.to_string()))?;
    let certificates: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|err| wrong(&err.to_string()))?;
    if certificates.is_empty() { Err(wrong("there is none")) } else { Ok(certificates) }
}

/// What a client has to know of TLS to talk to `host`. The server is always verified.
///
/// # Errors
/// Exit 2: a file of certificates is wrong.
pub(crate) fn client_config(host: &str, ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let roots = roots(host, ca)?;
    let (count, mut store) = (roots.len(), RootCertStore::empty());
    let (taken, _not_understood) = store.add_parsable_certificates(roots);
    if let Some(ca) = ca.filter(|_| taken < count) {
        let message = format!("a certificate in {} is not understood", ca.display());
        return Err(Fail::invalid(message).help("write it in the form PEM").into());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().context("TLS")?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// What to do about a certificate that was not accepted, in the words of rustls.
pub(crate) fn help(why: &str) -> Option<String> {
    if why.contains("not valid for") {
        Some("use a host name that stands in the certificate".to_owned())
    } else if why.contains("Expired") || why.contains("expired") {
        Some(
            "renew the certificate of the server, and look at the clock of this machine".to_owned(),
        )
    } else if why.contains("certificate") {
        Some(format!(
            "name the certificates of the server's authority with --database-ca FILE; those of RDS \
             are at {RDS_BUNDLE_URL}, and are taken by themselves from {RDS_BUNDLE}"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_rds_is_told_by_its_name() {
        for host in [
            "orders.abc.eu-central-1.rds.amazonaws.com",
            "orders.cluster-abc.eu-central-1.RDS.amazonaws.com.",
            "orders.abc.rds.cn-north-1.rds.amazonaws.com.cn",
        ] {
            assert!(is_rds(host), "{host}");
        }
        for host in ["rds.amazonaws.com.example.com", "xrds.amazonaws.com", "db.example.com"] {
            assert!(!is_rds(host), "{host}");
        }
    }

    #[test]
    fn the_bundle_is_for_rds_alone_and_a_named_file_is_all_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let pem = |name: &str, byte: &str| {
            let path = folder.path().join(name);
            let text = format!("-----BEGIN CERTIFICATE-----\n{byte}\n-----END CERTIFICATE-----\n");
            std::fs::write(&path, text).unwrap();
            path
        };
        let (bundle, ca) = (pem("bundle", "AQ=="), pem("ca", "Ag=="));
        let has = |host, ca, byte: u8| {
            let roots = roots_with(host, ca, &bundle).unwrap();
            (roots.iter().any(|one| one.as_ref() == [byte]), roots.len())
        };
        let rds = "orders.abc.eu-central-1.rds.amazonaws.com";
        assert!(has(rds, None, 1).0);
        assert!(!has("db.example.com", None, 1).0);
        assert_eq!(has(rds, Some(&*ca), 2), (true, 1));
        let missing = folder.path().join("missing");
        assert!(roots_with(rds, None, &missing).is_ok(), "without a bundle the machine's remain");
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, "nothing\n").unwrap();
        let fail = roots("h", Some(&path)).unwrap_err();
        assert!(fail.to_string().contains("ca.pem: there is none"), "{fail}");
        assert!(roots("h", Some(&folder.path().join("gone"))).is_err());
    }
}
