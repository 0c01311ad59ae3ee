//! Below the application: sockets, connections, and a graceful end.
//!
//! [`bind`] takes the addresses and reads the certificates, so that whatever is wrong is said before anything is
//! served; [`serve`] answers until it is told to stop. A connection passes four steps, each with a bound on the
//! time that it may take ([`Timing`]): its first byte, which tells http from TLS; the handshake; the head of each
//! request; and each piece of a body. What a request asks for is not known here: it goes to the [`Application`], with
//! the [`Peer`] that it comes from.

mod accept;
mod address;
mod bind;
mod body;
mod connection;
mod control;
mod drive;
mod error;
mod first_byte;
mod in_turn;
#[cfg(test)]
mod in_turn_tests;
mod peer;
mod protocol;
mod requests;
mod resumed;
mod serve;
mod service;
mod socket;
mod throttle;
mod timing;
mod turns;
mod unix;
mod wrong_protocol;

pub use bind::{BoundListener, bind, bind_debug};
pub use body::BodyError;
pub use control::{SocketPath, bind_control};
pub use error::{ListenError, Setting};
pub use peer::{Peer, PeerAddress};
pub use serve::{Stopped, serve};
pub use service::Application;
pub use timing::Timing;
