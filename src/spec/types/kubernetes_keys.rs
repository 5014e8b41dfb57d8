//! What of `kubernetes:` is about keys, and how nodes show that they belong to the cluster.

use crate::spec::decode::word_leaf;
use crate::words::words;

words! {
    /// The kind of new private keys of the cluster.
    pub enum KubernetesKeyAlgorithm {
        /// On the curve P-256.
        EcdsaP256 = "ecdsa-p256",
        /// RSA with 2048 bits.
        Rsa2048 = "rsa-2048",
    }
}

word_leaf!(KubernetesKeyAlgorithm, "a key algorithm");
