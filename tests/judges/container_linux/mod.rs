//! What the target `container-linux` makes, before the programs that read it.

mod keys;
mod media;
