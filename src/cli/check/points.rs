//! What a provider says of itself, point by point.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use super::finding::{Finding, Point, Verdict};
use super::words::clean;
use crate::algorithm::Algorithm;
use crate::clock::{seconds, unix};
use crate::config::{MixUp, OpenId, ProviderConfig};
use crate::error::{Error, Kind};
use crate::presets::{self, Checked};
use crate::provider::survey::{self, Document};
use crate::provider::{Http, Metadata};

/// Two clocks that are this near agree: each tells whole seconds, and a server may tell the last one.
const NEAR: i64 = 2;

/// Which preset fills in what the section leaves out, and how sure that is.
pub(super) fn preset(provider: &ProviderConfig) -> Option<Finding> {
    let preset = presets::find(provider.preset?)?;
    Some(match preset.checked {
        Checked::At { address, date } => {
            let text = format!("{}, compared with {address} on {date}", preset.name);
            Finding::ok(Point::Preset, text)
        }
        Checked::Unverified => {
            let text = format!(
                "{}, which was not compared with the provider's own words",
                preset.name
            );
            Finding::note(Point::Preset, text)
        }
    })
}

/// Whether a login can use the document, but for what the points after it say themselves: that the
/// issuer differs, or that no algorithm is common, which is the last thing that a login looks at.
pub(super) fn readable(unusable: Option<&Error>, openid: &OpenId, has_common: bool) -> Finding {
    match unusable {
        Some(error) if has_common && differing(error).is_none() => {
            Finding::of(Point::Metadata, error)
        }
        _ => Finding::ok(Point::Metadata, openid.metadata_url.as_str()),
    }
}

pub(super) fn issuer(compared: Result<String, Error>) -> Finding {
    let point = Point::Issuer;
    let error = match compared {
        Ok(issuer) => return Finding::ok(point, clean(&issuer)),
        Err(error) => error,
    };
    let Some((expected, found)) = differing(&error) else {
        return Finding::of(point, &error);
    };
    let text = format!("the metadata names \"{found}\", but its address belongs to \"{expected}\"");
    let cure = format!("if that is right, add issuer = \"{found}\" to its section");
    Finding::failure(point, text).cure(cure)
}

/// The issuer that was expected and the one that was found, where that is what is wrong.
fn differing(error: &Error) -> Option<(&str, &str)> {
    match error.kind() {
        Kind::MetadataIssuerDiffers { expected, found } => Some((expected, found)),
        _ => None,
    }
}

/// Compares with this machine's clock from when it asked to when it was answered.
pub(super) fn clock(
    theirs: Option<SystemTime>,
    ours: &Range<SystemTime>,
    leeway: Duration,
) -> Finding {
    let Some(theirs) = theirs else {
        let text = "its answer has no Date to compare with";
        return Finding::new(Point::Clock, Verdict::Unknown, text);
    };
    let nearest = theirs.clamp(ours.start, ours.end.max(ours.start));
    let ahead = unix(nearest).saturating_sub(unix(theirs));
    let apart = i64::try_from(ahead.unsigned_abs()).unwrap_or(i64::MAX);
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    if apart <= NEAR {
        Finding::ok(Point::Clock, "this machine's agrees with the provider's")
    } else if apart <= seconds(leeway) {
        Finding::note(
            Point::Clock,
            format!(
                "this machine's is {apart} s {way} the provider's, of at most {} s",
                seconds(leeway)
            ),
        )
    } else {
        Finding::failure(
            Point::Clock,
            format!(
                "this machine's is {apart} s {way} the provider's, of at most {} s",
                seconds(leeway)
            ),
        )
        .cure("set it (NTP): ID tokens are refused as too old or too new")
    }
}

pub(super) fn pkce(document: &Document) -> Finding {
    let point = Point::Pkce;
    match document.strings("code_challenge_methods_supported") {
        Some(methods) if methods.iter().any(|method| method == "S256") => {
            Finding::ok(point, "S256")
        }
        Some(methods) => Finding::failure(
            point,
            format!("S256 is not among its methods: {}", listed(&methods)),
        )
        .cure("keycard sends S256 with every login, which this provider may refuse"),
        None => Finding::note(point, "not advertised; keycard sends S256 all the same"),
    }
}

pub(super) fn answer_issuer(document: &Document, provider: &ProviderConfig) -> Finding {
    let point = Point::AnswerIssuer;
    if document.is_true("authorization_response_iss_parameter_supported") {
        Finding::ok(point, "every answer names its issuer (RFC 9207)")
    } else {
        let note = Finding::note(point, "not advertised: answers do not name their issuer");
        match provider.mix_up {
            MixUp::RuledOut => note,
            MixUp::Possible | MixUp::Refused => note.cure(
                "give the section a redirect_uri of its own, or another provider could pass off \
                 its answers",
            ),
        }
    }
}

pub(super) fn logout(document: &Document) -> Finding {
    match document.text("end_session_endpoint") {
        Some(_) => Finding::ok(Point::Logout, "it has an end_session_endpoint"),
        None => Finding::note(
            Point::Logout,
            "it has no end_session_endpoint: its own session goes on",
        ),
    }
}

pub(super) fn authentication(
    document: &Document,
    provider: &ProviderConfig,
    metadata: &Metadata,
) -> Finding {
    let point = Point::Authentication;
    let used = match survey::authentication(provider, &metadata.endpoints) {
        Ok(used) => used,
        Err(error) => return Finding::of(point, &error),
    };
    let offered = document.strings("token_endpoint_auth_methods_supported");
    let offered = offered.unwrap_or_else(|| vec!["client_secret_basic".to_owned()]);
    if offered.iter().any(|method| method == used) {
        Finding::ok(point, used)
    } else {
        Finding::note(
            point,
            format!(
                "{used} is used, and not among what it offers: {}",
                listed(&offered)
            ),
        )
    }
}

pub(super) fn algorithms(common: &[Algorithm], named: &[String]) -> Finding {
    if common.is_empty() {
        return Finding::failure(
            Point::Algorithms,
            format!("keycard verifies none of its algorithms: {}", listed(named)),
        )
        .cure("let the provider sign ID tokens with RS256 or ES256");
    }
    let names: Vec<_> = common.iter().map(|algorithm| algorithm.name()).collect();
    Finding::ok(Point::Algorithms, names.join(", "))
}

pub(super) async fn keys(http: &Http, provider: &ProviderConfig, metadata: &Metadata) -> Finding {
    let keys = match survey::keys(http, provider, metadata).await {
        Ok(keys) => keys,
        Err(error) => return Finding::of(Point::Keys, &error),
    };
    let algorithms = metadata.algorithms.iter().filter(|it| !it.is_symmetric());
    let with_key: Vec<_> = algorithms
        .clone()
        .filter(|algorithm| keys.fitting(None, **algorithm).next().is_some())
        .map(|algorithm| algorithm.name())
        .collect();
    if with_key.is_empty() && algorithms.count() > 0 {
        return Finding::failure(Point::Keys, "none of its keys fits its algorithms");
    }
    Finding::ok(Point::Keys, format!("for {}", with_key.join(", ")))
}

fn listed(names: &[String]) -> String {
    match clean(&names.join(", ")) {
        none if none.is_empty() => "none".to_owned(),
        names => names,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_the_leeway_and_no_more() {
        let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let leeway = Duration::from_secs(120);
        for (theirs, verdict) in [
            (0, Verdict::Ok),
            (2, Verdict::Ok),
            (-2, Verdict::Ok),
            (3, Verdict::Note),
            (-120, Verdict::Note),
            (121, Verdict::Failure),
            (-121, Verdict::Failure),
        ] {
            let clock_of_theirs = if theirs < 0 {
                ours - Duration::from_secs(u64::from(i32::unsigned_abs(theirs)))
            } else {
                ours + Duration::from_secs(u64::from(theirs.unsigned_abs()))
            };
            assert_eq!(
                clock(Some(clock_of_theirs), &(ours..ours), leeway).verdict,
                verdict,
                "{theirs}"
            );
        }
        // A slow answer is no fault of a clock.
        let slow = ours - Duration::from_secs(300)..ours + Duration::from_secs(300);
        assert_eq!(clock(Some(ours), &slow, leeway).verdict, Verdict::Ok);
        assert_eq!(clock(None, &(ours..ours), leeway).verdict, Verdict::Unknown);
    }
}
