//! Keys and certificates, with OpenSSL as the judge of what we write.

mod folder;
mod listing;
mod many;
mod member;
mod openssl;
mod randomness;
mod reuse;
