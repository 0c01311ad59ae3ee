//! Who asked for a change, as it is written down beside it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who asked for a change: a name, or nobody that is known by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<String>", into = "Option<String>")]
pub struct Actor(Option<Arc<str>>);

impl Actor {
    /// Somebody by their name.
    pub fn named(name: impl Into<Arc<str>>) -> Actor {
        Actor(Some(name.into()))
    }

    /// Somebody who has not said who they are.
    pub fn unknown() -> Actor {
        Actor(None)
    }

    /// Their name, if they have one.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl From<Option<String>> for Actor {
    fn from(name: Option<String>) -> Actor {
        Actor(name.map(Arc::from))
    }
}

impl From<Actor> for Option<String> {
    fn from(actor: Actor) -> Option<String> {
        actor.0.map(|name| name.to_string())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("nobody known"))
    }
}
