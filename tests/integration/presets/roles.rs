//! Roles that a provider puts into no token unless somebody maps them: not told is not none.

use serde_json::{Value, json};

use super::providers;
use super::stand_in::StandIn;
use super::{Scene, section};

const KEYCLOAK: &str = "host = \"sso.example.com\"\nrealm = \"staff\"";
const AUTHENTIK: &str = "host = \"id.example.com\"\nslug = \"shop\"";

/// The roles and groups that are told where the ID token has only these of them.
async fn told(name: &str, lines: &str, stand_in: StandIn, mapped: Value) -> [Value; 2] {
    let stand_in = stand_in.but(|it| {
        let claims = it.claims.as_object_mut().unwrap();
        for name in [
            "entitlements",
            "groups",
            "realm_access",
            "resource_access",
            "roles",
        ] {
            claims.remove(name);
        }
    });
    let stand_in = stand_in.claims(mapped);
    let mut scene = Scene::with(stand_in, &section(name, lines)).await;
    let told = scene.logs_in(name).await;
    [told["roles"].clone(), told["groups"].clone()]
}

#[tokio::test]
async fn roles_of_keycloak_are_told_only_where_they_are_mapped() {
    for (mapped, expected) in [
        // As it is installed: they stand in the access token, which is not for us to read.
        (json!({}), [Value::Null, Value::Null]),
        (
            json!({ "realm_access": { "roles": [] } }),
            [json!([]), Value::Null],
        ),
        (
            json!({ "realm_access": { "roles": ["staff"] } }),
            [json!(["staff"]), Value::Null],
        ),
        (
            json!({ "resource_access": { "another": { "roles": ["admin"] } } }),
            [Value::Null, Value::Null],
        ),
        (
            json!({ "resource_access": { "a-client": { "roles": ["buyer"] } } }),
            [json!(["buyer"]), Value::Null],
        ),
        (
            json!({ "roles": ["own"], "groups": [] }),
            [json!(["own"]), json!([])],
        ),
    ] {
        let found = told("keycloak", KEYCLOAK, providers::keycloak(), mapped.clone()).await;
        assert_eq!(found, expected, "{mapped}");
    }
}

#[tokio::test]
async fn roles_of_authentik_are_told_only_where_they_are_mapped() {
    for (mapped, expected) in [
        (json!({ "groups": ["dev"] }), [Value::Null, json!(["dev"])]),
        (
            json!({ "entitlements": ["buyer"] }),
            [json!(["buyer"]), Value::Null],
        ),
        (
            json!({ "entitlements": ["buyer"], "roles": ["buyer", "seller"] }),
            [json!(["buyer", "seller"]), Value::Null],
        ),
        (json!({ "roles": null }), [Value::Null, Value::Null]),
    ] {
        let found = told(
            "authentik",
            AUTHENTIK,
            providers::authentik(),
            mapped.clone(),
        )
        .await;
        assert_eq!(found, expected, "{mapped}");
    }
}
