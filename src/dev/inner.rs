//! What the provider knows, shared by its handle and its endpoints.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::{
    client_key::ClientKey,
    fault::{Fault, merge},
    grants::Grants,
    keys::{Keys, SigningAlg},
    person::Person,
    request::{Endpoint, Request},
    socket::{Gate, lock},
};

/// The provider behind its handle.
pub(super) struct Inner {
    pub(super) name: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    /// In the place of the secret.
    pub(super) client_key: Option<ClientKey>,
    /// By subject.
    pub(super) passwords: BTreeMap<String, String>,
    pub(super) people: Vec<Person>,
    pub(super) alg: SigningAlg,
    pub(super) claims_in: ClaimsIn,
    pub(super) requests: Requests,
    pub(super) userinfo: Userinfo,
    pub(super) gate: Arc<Gate>,
    pub(super) keys: Mutex<Keys>,
    pub(super) grants: Mutex<Grants>,
    pub(super) visits: Mutex<[Visits; Endpoint::ALL.len()]>,
    pub(super) fault: Mutex<Option<Fault>>,
    pub(super) clock_offset: AtomicI64,
}

/// Where the claims about a person are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum ClaimsIn {
    #[default]
    IdTokenAndUserinfo,
    Userinfo,
}

/// How authorization requests may come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Requests {
    #[default]
    Any,
    Pushed,
}

/// How userinfo answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Userinfo {
    #[default]
    Plain,
    Signed,
}

/// How often an endpoint was called, and how the last time.
#[derive(Default)]
pub(super) struct Visits {
    pub(super) count: usize,
    pub(super) last: Option<Request>,
}

impl Inner {
    /// The provider's clock, in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        // A machine whose clock stands before 1970 gets 1970.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        seconds.saturating_add(self.clock_offset.load(Ordering::Relaxed))
    }

    pub(super) fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.issuer, endpoint.path())
    }

    pub(super) fn record(&self, endpoint: Endpoint, request: &Request) {
        let visits = &mut lock(&self.visits)[endpoint as usize];
        visits.count += 1;
        visits.last = Some(request.clone());
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        lock(&self.fault).clone()
    }

    /// Merges the patch of the fault in force into the document, if it is one of the kind chosen.
    pub(super) fn patch(&self, document: &mut Value, choose: fn(&Fault) -> Option<&Value>) {
        if let Some(patch) = lock(&self.fault).as_ref().and_then(choose) {
            merge(document, patch);
        }
    }
}
