//! The cluster's keys through the command line: who gets which, RSA, replacement, import,
//! kubeconfigs and tokens. OpenSSL and kubectl judge (Debian packages openssl, kubernetes-client).

mod killed;
mod kubeadm;
mod project;
mod replacement;
mod rsa;
mod shares;
