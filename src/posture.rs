//! The posture line: at the start, what is enforced and what was decided.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, LEEWAY, MixUp, Protocol, ProviderConfig, Proxy, ResponseMode};
use crate::cookies::Names;
use crate::presets::Relaxation;

/// Writes the line. No value is in it but what is no secret: the app's own address, hosts, CA files.
/// The others are told by where they came from.
pub(crate) fn tell(config: &Config, names: &Names) {
    let site = &config.site;
    let port = site.origin().port_or_known_default().unwrap_or_default();
    let [cookies, ..] = names.identity();
    tracing::info!(
        origin = site.origin_text(),
        base_path = site.base_path(),
        port = format!("{port} by {}", config.port_from),
        cookies = cookies.as_str(),
        providers = named(&config.providers),
        clock_leeway = leeways(config),
        network = networks(config),
        expiry_days = config.life.as_secs_f64() / 86_400.0,
        strict = config.strict,
        relaxed = relaxed(config),
        mix_up = mix_up(config),
        values = config.values_from.as_str(),
        "keycard is set up: but for what stands in `relaxed`, every login has state, nonce and PKCE \
         (S256), and its issuer, audience, times and signature are checked; cookies are sealed, HttpOnly and SameSite=Lax{}",
        if site.is_https() { ", and Secure" } else { "" },
    );
}

fn named<'a>(providers: impl IntoIterator<Item = &'a ProviderConfig>) -> String {
    let names = providers
        .into_iter()
        .map(|it| it.name.escape_debug().to_string());
    names.collect::<Vec<_>>().join(", ")
}

/// A host and its port; what is none may be anything that was put into the wrong place.
fn shown(host: &str) -> &str {
    let is_name = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-[]:".contains(c))
    };
    match host.rsplit_once(':') {
        Some((name, port)) if is_name(name) && port.parse::<u16>().is_ok() => host,
        _ => "what is no host and port",
    }
}

/// In seconds, each once.
fn leeways(config: &Config) -> String {
    let leeways: BTreeSet<_> = config.providers.iter().map(|it| it.leeway).collect();
    let shown = leeways.iter().map(|leeway| format!("{leeway:?}"));
    shown.collect::<Vec<_>>().join(", ")
}

/// The CA files and proxies that the settings name, each with the providers that it is for.
fn networks(config: &Config) -> String {
    let mut networks = BTreeMap::<_, Vec<_>>::new();
    for provider in &config.providers {
        let network = &provider.network;
        let ca_file = network.ca_file.iter();
        let ca_file = ca_file.map(|it| format!("the CA file {}", it.path.escape_debug()));
        let proxy = network.proxy.iter().map(|it| match it {
            Proxy::At { host, .. } => format!("the proxy {host}"),
            Proxy::Unused => "no proxy".to_owned(),
        });
        for way in ca_file.chain(proxy) {
            networks.entry(way).or_default().push(provider);
        }
    }
    if networks.is_empty() {
        return "the system's".to_owned();
    }
    let networks = networks.into_iter();
    let shown = networks.map(|(way, providers)| format!("{way} for {}", named(providers)));
    shown.collect::<Vec<_>>().join("; ")
}

/// Whose answers another provider could pass off as its own. Whether one of OpenID Connect names
/// itself in them is known when somebody logs in there.
fn mix_up(config: &Config) -> String {
    let mixable = || {
        config
            .providers
            .iter()
            .filter(|it| it.mix_up != MixUp::RuledOut)
    };
    // Of OAuth 2 and of the app's own nobody promises it.
    let is_nameless = |it: &&ProviderConfig| !matches!(it.protocol, Protocol::OpenId(_));
    let surely = named(mixable().filter(is_nameless));
    let perhaps = named(mixable().filter(|it| !is_nameless(it)));
    match (surely.as_str(), perhaps.as_str()) {
        ("", "") => "ruled out".to_owned(),
        ("", perhaps) => format!("possible with {perhaps} unless their answers have iss"),
        (surely, "") => format!("possible with {surely}"),
        (surely, perhaps) => {
            format!("possible with {surely}, and with {perhaps} unless their answers have iss")
        }
    }
}

/// What is less strict than it would be had nobody asked.
fn relaxed(config: &Config) -> String {
    let mut relaxed = Vec::new();
    if !config.site.is_https() {
        relaxed.push("http for the app itself".to_owned());
    }
    if !config.allow_http.is_empty() {
        let hosts = config.allow_http.iter().map(|host| shown(host));
        relaxed.push(format!("http for {}", hosts.collect::<Vec<_>>().join(", ")));
    }
    if config.cookie_secrets.is_weak() {
        relaxed.push("a weak cookie_secret, so logins end with the process".to_owned());
    }
    let accepted = config.cookie_secrets.accepted.len();
    if accepted > 0 {
        relaxed.push(format!("{accepted} more accepted secrets"));
    }
    let developed = named(config.providers.iter().filter(|it| it.development));
    if !developed.is_empty() {
        relaxed.push(format!("anybody can be anybody with {developed}"));
    }
    let patient = named(config.providers.iter().filter(|it| it.leeway != LEEWAY));
    if !patient.is_empty() {
        relaxed.push(format!("another clock_leeway for {patient}"));
    }
    for provider in &config.providers {
        let done = relaxations(provider);
        if !done.is_empty() {
            let name = provider.name.escape_debug();
            relaxed.push(format!("{} with {name}", done.join(", ")));
        }
    }
    #[cfg(feature = "password")]
    {
        let typed = named(config.providers.iter().filter(|it| !it.has_callback()));
        if !typed.is_empty() {
            relaxed.push(format!("passwords typed into the app with {typed}"));
        }
    }
    let without = |it: &&ProviderConfig| matches!(it.protocol, Protocol::OAuth2(_));
    let without = named(config.providers.iter().filter(without));
    if !without.is_empty() {
        relaxed.push(format!(
            "OAuth 2 without nonce, ID token and issuer with {without}"
        ));
    }
    let own = |it: &&ProviderConfig| matches!(it.protocol, Protocol::Own(_));
    let own = named(config.providers.iter().filter(own));
    if !own.is_empty() {
        relaxed.push(format!(
            "nothing but the app's own code and state with {own}"
        ));
    }
    let anybody = config.providers.iter().filter(|it| it.is_for_any_tenant());
    let anybody = named(anybody);
    if !anybody.is_empty() {
        relaxed.push(format!("people of any tenant with {anybody}"));
    }
    if relaxed.is_empty() {
        return "nothing".to_owned();
    }
    relaxed.join("; ")
}

/// What its row or its section lets a provider off.
fn relaxations(provider: &ProviderConfig) -> Vec<String> {
    // The section may say another mode than the row.
    let of_row = provider.relaxations.iter().copied();
    let form_post =
        (provider.response_mode == ResponseMode::FormPost).then_some(Relaxation::FormPost);
    let in_force = of_row
        .filter(|it| *it != Relaxation::FormPost)
        .chain(form_post);
    in_force.map(|it| it.to_string()).collect()
}
