//! Values of the add-ons of `kubernetes:`.

use super::number::bounded_leaf;

bounded_leaf!(
    /// A port.
    PortNumber(u16): "a port", 1 to 65535
);

bounded_leaf!(
    /// A VXLAN network identifier of 24 bits (RFC 7348 §5).
    Vni(u32): "a VXLAN identifier", 1 to 0xff_ffff
);
