//! How much the directory may be asked, and how long it may take.

use std::time::Duration;

/// To connect, with all that is encrypted about it.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// All that is asked for one login.
pub(super) const CONVERSATION: Duration = Duration::from_secs(10);
/// How long a login waits for its turn.
pub(super) const TURN: Duration = Duration::from_secs(10);
/// How many logins are asked for at once, and how many more wait for their turn.
pub(super) const AT_ONCE: usize = 8;
pub(super) const WAITING: usize = 64;
/// The groups of a user, and the names that all of these have.
pub(super) const GROUPS: u16 = 1000;
/// How much of what a server says is passed on, in characters.
pub(super) const TEXT: usize = 200;
