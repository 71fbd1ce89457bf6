//! References to images: which registry, which repository, which tag or digest. Pure.

use std::fmt;

use step_core::Fail;
use verdict::is_digest;

/// A reference, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// `HOST/NAME`, without tag and digest.
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    pub(crate) digest: Option<String>,
}

/// A repository in ECR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EcrRepository {
    /// The account that the registry belongs to; none for that of the credentials.
    pub(crate) account: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) name: String,
}

impl Reference {
    /// Takes a reference apart.
    ///
    /// # Errors
    /// Exit 2: there is no name, or the digest is none.
    pub(crate) fn parse(text: &str) -> Result<Self, Fail> {
        let invalid = |why: &str| {
            Fail::invalid(format!("`{text}` is no image: {why}"))
                .help("write HOST/NAME@sha256:... or, for an image in ECR, HOST/NAME:TAG")
        };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(invalid("a digest is `sha256:` and 64 hexadecimal digits"));
        }
        // The port of a host has a colon, too, but before a slash.
        let (repository, tag) = match name.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (name, None),
        };
        let is_blank = |text: &str| text.is_empty() || text.contains(char::is_whitespace);
        if is_blank(repository) || tag.is_some_and(is_blank) {
            return Err(invalid("its name or tag is empty or holds a blank"));
        }
        Ok(Self {
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// The same image, pinned: without the tag, which would only mislead.
    pub(crate) fn pinned(&self, digest: &str) -> String {
        format!("{}@{digest}", self.repository)
    }

    /// The repository, if it is one of ECR: by the form of its host
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html>), or because
    /// `registry` says that this host stands for ECR.
    pub(crate) fn ecr(&self, registry: Option<&str>) -> Option<EcrRepository> {
        let (host, name) = self.repository.split_once('/')?;
        let name = name.to_owned();
        if Some(host) == registry {
            return Some(EcrRepository { account: None, region: None, name });
        }
        let mut parts = host.split('.');
        let account = parts.next()?;
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_ecr = parts.next()? == "dkr" && matches!(parts.next()?, "ecr" | "ecr-fips");
        let region = parts.next()?.to_owned();
        let is_aws = matches!(parts.next()?, "amazonaws");
        let account = Some(account.to_owned()).filter(|_| is_account && is_ecr && is_aws)?;
        Some(EcrRepository { account: Some(account), region: Some(region), name })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

/// The processor architectures that an image index lists, in the words of ECS (`X86_64`, `ARM64`);
/// nothing when the manifest is that of a single image.
///
/// The form is that of the OCI image index (<https://github.com/opencontainers/image-spec>).
pub(crate) fn index(manifest: &serde_json::Value) -> Option<Vec<String>> {
    let images = manifest.get("manifests")?.as_array()?;
    let of = |image: &serde_json::Value| {
        let architecture = image.pointer("/platform/architecture")?.as_str()?;
        let system = image.pointer("/platform/os").and_then(serde_json::Value::as_str);
        // Attestations lie beside the images, with a platform of their own.
        let is_image = system != Some("unknown");
        is_image.then(|| in_words_of_ecs(architecture))
    };
    Some(images.iter().filter_map(of).collect())
}

/// The architecture as `runtimePlatform.cpuArchitecture` names it.
pub(crate) fn in_words_of_ecs(architecture: &str) -> String {
    match architecture {
        "amd64" => "X86_64".to_owned(),
        "arm64" => "ARM64".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> String {
        format!("sha256:{}", "0".repeat(64))
    }

    #[test]
    fn a_reference_is_taken_apart_and_a_port_is_no_tag() {
        let parsed = |text: &str| Reference::parse(text).unwrap();
        let image = parsed("127.0.0.1:4566/app");
        assert_eq!((image.repository.as_str(), image.tag), ("127.0.0.1:4566/app", None));
        let image = parsed(&format!("host/app:1.2@{}", digest()));
        assert_eq!(image.tag.as_deref(), Some("1.2"));
        assert_eq!(image.digest, Some(digest()));
        assert_eq!(image.pinned(&digest()), format!("host/app@{}", digest()));
        for wrong in ["", "a b", "host/app@sha256:12", "host/app:"] {
            assert_eq!(Reference::parse(wrong).unwrap_err().exit(), step_core::Exit::Invalid);
        }
    }

    #[test]
    fn the_repository_of_ecr_is_known_by_its_host() {
        let ecr = |text: &str, registry| Reference::parse(text).unwrap().ecr(registry);
        let found = ecr("111111111111.dkr.ecr.eu-central-1.amazonaws.com/shop/app:1", None);
        let found = found.unwrap();
        assert_eq!(found.account.as_deref(), Some("111111111111"));
        assert_eq!(found.region.as_deref(), Some("eu-central-1"));
        assert_eq!(found.name, "shop/app");
        assert_eq!(ecr("docker.io/library/nginx:1", None), None);
        assert_eq!(ecr("nginx:1", None), None);
        let local = ecr("127.0.0.1:4566/app:1", Some("127.0.0.1:4566")).unwrap();
        assert_eq!((local.account, local.name.as_str()), (None, "app"));
    }

    #[test]
    fn an_index_tells_its_architectures_without_attestations() {
        let manifest = serde_json::json!({ "manifests": [
            { "digest": "sha256:1", "platform": { "architecture": "amd64", "os": "linux" } },
            { "digest": "sha256:2", "platform": { "architecture": "arm64", "os": "linux" } },
            { "digest": "sha256:3", "platform": { "architecture": "unknown", "os": "unknown" } },
        ] });
        assert_eq!(index(&manifest).unwrap(), ["X86_64", "ARM64"]);
        assert_eq!(index(&serde_json::json!({ "config": {} })), None);
    }
}
