//! The bytes of a request, and how many there will be.

use super::Body;

/// Bytes on their way in.
pub struct Incoming {
    /// How many there will be, if the client says.
    pub length: Option<u64>,
    /// Them.
    pub body: Body,
}

impl From<Body> for Incoming {
    /// Of which the client does not say how many there will be.
    fn from(body: Body) -> Incoming {
        Incoming { length: None, body }
    }
}
