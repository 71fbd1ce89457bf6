//! The identity of a GitLab job: its ID token, exchanged for short-lived credentials of a role.

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use step_core::{GitLab, Secret};

use crate::Call;

/// The same configuration with the credentials of `role`. They are fetched at the first call and
/// again before they expire.
///
/// The SDK's own provider reads the token from a file; this one needs none, so that the token is
/// never on a disk.
pub(crate) fn with_web_identity(
    config: &SdkConfig,
    role: String,
    token: Secret,
    gitlab: &GitLab,
) -> SdkConfig {
    let sts = aws_sdk_sts::Client::new(config);
    let provider = WebIdentity { sts, role, token, session: session_name(gitlab) };
    let provider = SharedCredentialsProvider::new(provider);
    config.to_builder().credentials_provider(provider).build()
}

#[derive(Debug)]
struct WebIdentity {
    sts: aws_sdk_sts::Client,
    role: String,
    token: Secret,
    session: String,
}

impl WebIdentity {
    async fn assume(&self) -> Result<Credentials, CredentialsError> {
        let answer = self
            .sts
            .assume_role_with_web_identity()
            .role_arn(&self.role)
            .role_session_name(&self.session)
            .web_identity_token(self.token.expose())
            .send()
            .await
            .call("sts:AssumeRoleWithWebIdentity")
            .map_err(CredentialsError::provider_error)?;
        let credentials = answer
            .credentials()
            .ok_or_else(|| CredentialsError::unhandled("the answer holds no credentials"))?;
        let expires =
            (*credentials.expiration()).try_into().map_err(CredentialsError::unhandled)?;
        Ok(Credentials::new(
            credentials.access_key_id(),
            Secret::new(credentials.secret_access_key()).expose(),
            Some(Secret::new(credentials.session_token()).expose().to_owned()),
            Some(expires),
            "GitLab ID token",
        ))
    }
}

impl ProvideCredentials for WebIdentity {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}

/// `PROJECT-PIPELINE-JOB`: who it was, in CloudTrail. STS allows 2 to 64 of `[\w+=,.@-]`.
fn session_name(gitlab: &GitLab) -> String {
    let parts = [&gitlab.project_name, &gitlab.pipeline_id, &gitlab.job_id];
    let name: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    let name = if name.is_empty() { "landfall".to_owned() } else { name.join("-") };
    let allowed =
        |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(allowed).collect();
    // The end tells the job, the beginning only the project.
    name[name.len().saturating_sub(64)..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_tells_project_pipeline_and_job_in_64_characters() {
        let some = |text: &str| Some(text.to_owned());
        let gitlab = GitLab {
            project_name: some("orders service"),
            pipeline_id: some("71"),
            job_id: some("4711"),
            ..GitLab::default()
        };
        assert_eq!(session_name(&gitlab), "orders-service-71-4711");
        let long = GitLab { project_name: some(&"x".repeat(80)), ..gitlab };
        assert_eq!(session_name(&long).len(), 64);
        assert!(session_name(&long).ends_with("-71-4711"));
        assert_eq!(session_name(&GitLab::default()), "landfall");
    }
}
