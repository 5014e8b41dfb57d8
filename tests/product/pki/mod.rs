//! Keys and certificates in their folder: made once, kept, shared out and replaced. OpenSSL judges
//! them in `tests/judges/pki.rs`.

mod folder;
mod listing;
mod many;
mod reuse;
