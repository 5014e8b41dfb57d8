//! The cluster's keys and certificates, made on first use and kept in `keys/`.
