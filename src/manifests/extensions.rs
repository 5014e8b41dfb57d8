//! What extends the API server: custom resources, webhooks, further API servers.

use super::Judge;
use super::metadata::Rule;
use super::read::{at, boolean, entries, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Node, Value};
use crate::text::shown;

impl Judge<'_> {
    /// Reports what is wrong with a `CustomResourceDefinition`.
    pub(super) fn custom_resource_definition(&mut self, node: &Node) {
        let (plural, group) = (
            text_at(node, &["spec", "names", "plural"]).unwrap_or_default(),
            text_at(node, &["spec", "group"]).unwrap_or_default(),
        );
        self.composed_name(
            node,
            &format!("{plural}.{group}"),
            "the plural name and the group",
        );
        if let Some(at) = at(node, &["spec", "group"])
            && !group.is_empty()
            && (!group.contains('.') || Rule::Subdomain.why_not(group).is_some())
        {
            self.value_error(at.span, "a group must be a domain with at least one dot");
        }
        let versions = items(node, &["spec", "versions"]);
        let stored = |version: &&Node| at(version, &["storage"]).and_then(boolean) == Some(true);
        if !versions.is_empty() && versions.iter().filter(stored).count() != 1 {
            let place = at(node, &["spec", "versions"]).map_or(node.span, |node| node.span);
            self.value_error(place, "exactly one version must have `storage: true`");
        }
        for version in versions {
            if let Some(schema) = at(version, &["schema", "openAPIV3Schema"]) {
                if text_at(schema, &["type"]).is_some_and(|kind| kind != "object") {
                    self.value_error(schema.span, "the type of the schema must be `object`");
                }
                if let Some(more) = at(schema, &["additionalProperties"]) {
                    self.value_error(
                        more.span,
                        "the schema of an object must not have `additionalProperties`",
                    );
                }
                self.structural(schema, schema.span);
            }
        }
    }

    /// Checks that each value of a schema has a type ("structural schema").
    fn structural(&mut self, schema: &Node, place: Span) {
        const TYPES: &[&str] = &["array", "boolean", "integer", "number", "object", "string"];
        if !matches!(schema.value, Value::Map(_)) {
            return;
        }
        let free = [
            "x-kubernetes-int-or-string",
            "x-kubernetes-preserve-unknown-fields",
        ];
        let free = free
            .iter()
            .any(|key| at(schema, &[key]).and_then(boolean) == Some(true));
        match text_at(schema, &["type"]) {
            None | Some("") if !free => self.missing(place, "a value in a schema", "type"),
            _ => self.one_of(schema, "type", TYPES),
        }
        if text_at(schema, &["type"]) == Some("array") && at(schema, &["items"]).is_none() {
            self.missing(place, "an array in a schema", "items");
        }
        self.at_most_one(schema, &["properties", "additionalProperties"]);
        for property in entries(schema, &["properties"]) {
            self.structural(&property.value, property.key.span);
        }
        for field in ["items", "additionalProperties"] {
            if let Some(of) = at(schema, &[field]) {
                self.structural(of, of.span);
            }
        }
    }

    /// Reports what is wrong with an `APIService`.
    pub(super) fn api_service(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "APIService", "spec");
        };
        let word = |field: &str| text_at(spec, &[field]).unwrap_or_default();
        let name = format!("{}.{}", word("version"), word("group"));
        self.composed_name(node, &name, "the version and the group");
        let skips = at(spec, &["insecureSkipTLSVerify"]);
        if let Some(skips) = skips.filter(|node| boolean(node) == Some(true)) {
            if at(spec, &["caBundle"]).is_some() {
                self.value_error(
                    skips.span,
                    "`insecureSkipTLSVerify` and `caBundle` are mutually exclusive",
                );
            }
            if at(spec, &["service"]).is_none() {
                self.value_error(skips.span, "`insecureSkipTLSVerify` requires `service`");
            }
        }
    }

    /// Reports a name that is not composed as `wanted`.
    fn composed_name(&mut self, node: &Node, wanted: &str, of: &str) {
        let Some(name) = at(node, &["metadata", "name"]) else {
            return;
        };
        if text(name).is_some_and(|name| name != wanted) {
            let diagnostic = Diagnostic::error(
                codes::BAD_OBJECT_NAME,
                name.span,
                format!("the name must be {of}, joined by a dot"),
            );
            let whole = !wanted.starts_with('.') && !wanted.ends_with('.');
            self.found.push(if whole {
                diagnostic.help(format!("name it `{}`", shown(wanted)))
            } else {
                diagnostic
            });
        }
    }

    /// Reports what is wrong with a webhook of an admission configuration.
    pub(super) fn webhook(&mut self, node: &Node) {
        if let Some(name) = at(node, &["name"])
            && let Some(text) = text(name).filter(|text| !text.is_empty())
        {
            self.name(text, name.span, Rule::Subdomain, "a valid name");
            if Rule::Subdomain.why_not(text).is_none() && text.split('.').count() < 3 {
                self.value_error(
                    name.span,
                    "the name must be a domain with at least two dots",
                );
            }
        }
        let reviews = items(node, &["admissionReviewVersions"]);
        if let Some(versions) = at(node, &["admissionReviewVersions"])
            && !reviews.is_empty()
            && !reviews
                .iter()
                .any(|version| matches!(text(version), Some("v1" | "v1beta1")))
        {
            self.value_error(versions.span, "the API server sends v1 or v1beta1");
        }
        if let Some(url) = at(node, &["clientConfig", "url"])
            && text(url).is_some_and(|url| !url.starts_with("https://"))
        {
            self.value_error(url.span, "the URL of a webhook must start with `https://`");
        }
    }
}
