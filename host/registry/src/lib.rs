//! Where components come from, and whose they are.
//!
//! Components lie in OCI registries in the form the CNCF's Wasm working group has described ([`artifact`]), so that
//! what one tool pushes, others pull. Signatures are cosign's ([`payload`]): over the digest of the artifact's manifest,
//! which names the digest of the component. [`client`] talks to registries; [`bundle`] is what of all that lies beside a
//! component's file, so that [`signers`] can check it again whenever the component is loaded, without a network.

pub mod artifact;
pub mod bundle;
pub mod client;
pub mod credentials;
pub mod digest;
pub mod key;
pub mod payload;
pub mod reference;
pub mod signers;
pub mod stage;
