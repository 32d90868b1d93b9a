//! Users and passwords for registries, from where `docker login` leaves them: `$DOCKER_CONFIG/config.json` or
//! `~/.docker/config.json`, and the helpers it names.

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

/// Why there is no credential where there should be one. The text is complete.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CredentialError {
    /// Docker's config, or a helper.
    #[error("the credentials for {registry} in docker's config.json cannot be used: {why}")]
    Unusable {
        /// Whom they are for.
        registry: String,
        /// Why.
        why: String,
    },
    /// A kind that registries take from docker alone.
    #[error(
        "docker's config.json has an identity token for {registry}, which only docker can use; log in with an access token as the password"
    )]
    IdentityToken {
        /// Whom it is for.
        registry: String,
    },
}

/// What is sent to a registry, and whose it is: none if nobody has logged in there.
///
/// # Errors
/// When there is something, and it cannot be used.
pub(crate) fn of(registry: &str) -> Result<(RegistryAuth, Option<String>), CredentialError> {
    use CredentialRetrievalError as No;
    let unusable =
        |why: &str| CredentialError::Unusable { registry: registry.to_owned(), why: why.trim().to_owned() };
    match docker_credential::get_credential(registry) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok((RegistryAuth::Basic(user.clone(), password), Some(user)))
        }
        Ok(DockerCredential::IdentityToken(_)) => {
            Err(CredentialError::IdentityToken { registry: registry.to_owned() })
        }
        Err(No::NoCredentialConfigured | No::ConfigNotFound) => Ok((RegistryAuth::Anonymous, None)),
        // Helpers say so when they know none.
        Err(No::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            Ok((RegistryAuth::Anonymous, None))
        }
        Err(No::HelperFailure { helper, stdout, stderr }) => {
            Err(unusable(&format!("`{helper}` failed: {} {}", stdout.trim(), stderr.trim())))
        }
        Err(No::HelperCommunicationError) => Err(unusable("its credential helper cannot be run")),
        Err(No::MalformedHelperResponse) => Err(unusable("its credential helper says something else")),
        Err(No::ConfigReadError) => Err(unusable("it is not JSON as docker writes it")),
        Err(No::CredentialDecodingError) => Err(unusable("`auth` is not user:password in base64")),
        Err(No::CredentialMismatchError) => Err(unusable("`auth` is not what `username` and `password` say")),
    }
}
