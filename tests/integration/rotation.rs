//! A cookie secret is changed on two replicas while people use them.

use crate::support::{Browser, SITE, SecretsFile, World, fresh_secret, provider, shared, who};

#[tokio::test]
async fn con_12_a_secret_is_changed_in_two_steps_and_nobody_is_logged_out_at_any_moment() {
    let google = provider("google").await;
    let [older, newer] = [fresh_secret(), fresh_secret()];
    let text = |current: &str, accepted: &str| {
        shared(current, &format!("cookie_secrets_accepted = [{accepted}]")) + &google.secrets()
    };
    let quoted = |secret: &str| format!("\"{secret}\"");
    let files = ["left", "right"].map(|name| SecretsFile::new(name, &text(&older, "")));
    let replicas = [&files[0], &files[1]].map(|file| World::of_file(&google, file));
    let mut people: Vec<Browser> = Vec::new();
    for replica in &replicas {
        people.push(replica.logged_in("alice").await);
    }

    // First both accept the new one, one after the other; then both seal with it.
    let steps = [
        (older.as_str(), quoted(&newer)),
        (newer.as_str(), quoted(&older)),
    ];
    for (current, accepted) in steps {
        for (file, replica) in files.iter().zip(&replicas) {
            file.save(&text(current, &accepted));
            replica.look().await;
            // Whoever is there is so everywhere.
            for person in &mut people {
                for replica in &replicas {
                    let mut browser = Browser::new(&replica.app, SITE);
                    browser.jar = person.jar.clone();
                    assert!(who(&mut browser).await.starts_with("alice"));
                }
            }
            // A login that begins on one ends on the other.
            for [first, second] in [[0, 1], [1, 0]] {
                let mut browser = replicas[first].browser();
                let callback = browser.way_back(&google, "alice").await;
                let mut there = replicas[second].browser();
                there.jar = browser.jar.clone();
                assert_eq!(there.follow(&callback).await.location(), "/");
                people.push(there);
            }
        }
    }
    assert_eq!(people.len(), 2 + 4 * 2);
}
