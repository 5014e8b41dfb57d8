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

words! {
    /// How a worker joins its cluster.
    pub enum KubernetesJoin {
        /// Its image holds certificates that were signed when it was built.
        Certificate = "certificate",
        /// Its image holds a token, for which the cluster signs a certificate.
        Token = "token",
    }
}

word_leaf!(KubernetesJoin, "a join method");
