//! Looks again whenever the router tells something, and a few times a second.

use std::time::Duration;

use crate::app::Shared;

/// Least time between two looks. What the router tells in between is seen at the next.
const REST: Duration = Duration::from_millis(50);
/// Longest time between two looks: counters and refusals change without a word.
const LONGEST: Duration = Duration::from_millis(500);

/// Looks until the process ends.
pub(super) async fn run(app: Shared) {
    let mut revisions = app.router.revisions();
    let mut ending = app.ending.clone();
    loop {
        revisions.borrow_and_update();
        let due = app.alarms.look(&app);
        let until = due.map(|due| Duration::from_nanos(due.saturating_sub(app.clock.now())));
        let until = until.unwrap_or(LONGEST).min(LONGEST);
        let news = async {
            tokio::time::sleep(REST).await;
            tokio::select! {
                // Both ends of the channel live as long as the state.
                _ = revisions.changed() => {}
                () = app.alarms.wake.notified() => {}
                () = tokio::time::sleep(until) => {}
            }
        };
        tokio::select! {
            () = news => {}
            _ = ending.wait_for(|end| *end) => return,
        }
    }
}
