//! `ignition:`, with Butane's names.

use crate::diagnostic::Located;
use crate::facts::systems::IgnitionVersion;
use crate::spec::decode::record;
use crate::spec::types::Resource;
use crate::spec::values::Line;

record! {
    /// The Ignition config itself.
    pub struct IgnitionSection {
        /// The version of Ignition's specification.
        #[otherwise = "the oldest that the target takes"]
        #[example = "3.4.0"]
        pub version: Option<Located<IgnitionVersion>>,
        /// Other configs that Ignition adds to this one, or takes instead.
        pub config: Option<IgnitionConfigs>,
        /// How long Ignition waits when it fetches.
        pub timeouts: Option<IgnitionTimeouts>,
        /// Whom Ignition trusts when it fetches.
        pub security: Option<IgnitionSecurity>,
        /// The proxy through which Ignition fetches.
        pub proxy: Option<IgnitionProxy>,
    }
    "ignition"
}

record! {
    /// Other configs: Ignition configs of specification 3, in JSON.
    pub struct IgnitionConfigs {
        /// Configs that are merged over this one, one after the other.
        #[example = "[{local: more.ign}]"]
        pub merge: Vec<Resource>,
        /// A config that replaces this one, with all that is in it.
        #[example = "{source: 'https://files.example/node.ign'}"]
        pub replace: Option<Resource>,
    }
    "other configs"
}

record! {
    /// How long Ignition waits, in seconds.
    pub struct IgnitionTimeouts {
        /// For the headers of an answer.
        #[otherwise = "Ignition's own, 10"]
        #[example = "30"]
        pub http_response_headers: Option<Located<u32>>,
        /// For a whole answer, with all attempts; 0: without an end.
        #[otherwise = "0"]
        #[example = "600"]
        pub http_total: Option<Located<u32>>,
    }
    "timeouts"
}

record! {
    /// Whom Ignition trusts.
    pub struct IgnitionSecurity {
        /// Over HTTPS.
        pub tls: Option<IgnitionTls>,
    }
    "security"
}

record! {
    /// Whom Ignition trusts over HTTPS.
    pub struct IgnitionTls {
        /// Certificate authorities, in PEM, in addition to the system's.
        #[example = "[{local: site-ca.pem}]"]
        pub certificate_authorities: Vec<Resource>,
    }
    "tls"
}

record! {
    /// A proxy.
    pub struct IgnitionProxy {
        /// For URLs of HTTP.
        #[example = "http://proxy.example:3128"]
        pub http_proxy: Option<Located<Line>>,
        /// For URLs of HTTPS.
        #[example = "http://proxy.example:3128"]
        pub https_proxy: Option<Located<Line>>,
        /// Hosts that are reached without it.
        #[example = "[.example, 10.0.0.0/8]"]
        pub no_proxy: Vec<Located<Line>>,
    }
    "a proxy"
}
