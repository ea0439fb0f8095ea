//! One metadata document for many issuers: each tenant has its own, which its tokens name.

use serde_json::{Map, Value};

use crate::config::is_guid;
use crate::presets::IssuerOfTenant;

/// Whether the metadata may name this issuer: the template itself, or that of one tenant.
pub(super) fn is_issuer(rule: &IssuerOfTenant, found: &str) -> bool {
    found == rule.template.0 || guid(rule, found).is_some()
}

/// The issuer of the tenant that a token names; `None` where it names none, or no GUID.
pub(super) fn issuer(rule: &IssuerOfTenant, claims: &Map<String, Value>) -> Option<String> {
    let tenant = claims.get(rule.claim)?.as_str().filter(|it| is_guid(it))?;
    rule.template.filled(|_| Some(tenant))
}

/// Whether a key that names an issuer may vouch for this one: one that names the template vouches
/// for every tenant.
pub(super) fn may_vouch(rule: &IssuerOfTenant, of_key: &str, issuer: &str) -> bool {
    of_key == rule.template.0 || of_key == issuer
}

fn guid(rule: &IssuerOfTenant, found: &str) -> Option<String> {
    let [(_, tenant)] = <[_; 1]>::try_from(rule.template.bound(found)?).ok()?;
    is_guid(&tenant).then_some(tenant)
}
