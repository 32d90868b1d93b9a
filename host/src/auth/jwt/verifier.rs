//! Signatures of JWTs, checked by the library that checks those of TLS. Symmetric algorithms are not here: a
//! token that asks for one is refused whatever the config says.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result, new_error},
};
use ring::{
    error::Unspecified,
    signature::{self as signatures, RsaPublicKeyComponents, UnparsedPublicKey},
};
use signature::{Error, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes jsonwebtoken use it. Once per process is enough; more does nothing.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

/// The host signs no tokens.
fn signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    Err(new_error(ErrorKind::UnsupportedAlgorithm))
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if algorithm.family() != key.family() {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    Ok(Box::new(Check { algorithm: *algorithm, key: key.clone() }))
}

struct Check {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for Check {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for Check {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let rsa = |parameters| match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            DecodingKeyKind::SecretOrDer(_) => Err(Unspecified),
        };
        let plain = |algorithm| match self.key.kind() {
            DecodingKeyKind::SecretOrDer(key) => {
                UnparsedPublicKey::new(algorithm, key).verify(message, signature)
            }
            DecodingKeyKind::RsaModulusExponent { .. } => Err(Unspecified),
        };
        // RSA keys of fewer than 2048 bits are refused.
        let checked = match self.algorithm {
            Algorithm::RS256 => rsa(&signatures::RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => rsa(&signatures::RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => rsa(&signatures::RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => rsa(&signatures::RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => rsa(&signatures::RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => rsa(&signatures::RSA_PSS_2048_8192_SHA512),
            Algorithm::ES256 => plain(&signatures::ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => plain(&signatures::ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => plain(&signatures::ED25519),
            _ => Err(Unspecified),
        };
        checked.map_err(|_| Error::new())
    }
}
