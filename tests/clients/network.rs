//! Another machine: a network namespace of the test's own, joined to this one by a cable of its own.

use std::process::Command;

use uuid::Uuid;

use crate::client::Client;

/// A namespace. It and its cable go when this is dropped.
pub(crate) struct Network {
    /// The namespace, and, with an ending, the ends of the cable.
    name: String,
    subnet: String,
}

impl Network {
    pub(crate) fn new() -> Network {
        let random = Uuid::new_v4().into_bytes();
        // At most fifteen letters, with the ending.
        let name = format!(
            "wh{:02x}{:02x}{:02x}{:02x}",
            random[0], random[1], random[2], random[3]
        );
        let network = Network {
            subnet: free_subnet(),
            name,
        };
        let (here, there) = (network.end("h"), network.end("t"));
        ip(&["netns", "add", &network.name]);
        ip(&["link", "add", &here, "type", "veth", "peer", "name", &there]);
        ip(&["link", "set", &there, "netns", &network.name]);
        ip(&["address", "add", &format!("{}/24", network.here()), "dev", &here]);
        ip(&["link", "set", &here, "up"]);
        let inside = |arguments: &[&str]| ip(&[&["-netns", &network.name], arguments].concat());
        inside(&[
            "address",
            "add",
            &format!("{}/24", network.there()),
            "dev",
            &there,
        ]);
        inside(&["link", "set", &there, "up"]);
        inside(&["link", "set", "lo", "up"]);
        network
    }

    /// This machine's address, as the other sees it.
    pub(crate) fn here(&self) -> String {
        format!("{}.1", self.subnet)
    }

    /// The other machine's address.
    pub(crate) fn there(&self) -> String {
        format!("{}.2", self.subnet)
    }

    /// A program on the other machine. `ip netns exec` would hide the control groups, which dockerd needs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.name))
            .arg(program);
        command
    }

    fn end(&self, ending: &str) -> String {
        format!("{}{ending}", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Client::new("ip").args(["link", "del", &self.end("h")]).run();
        let _ = Client::new("ip").args(["netns", "del", &self.name]).run();
    }
}

/// A subnet of 10.99.0.0/16 that this machine does not use.
fn free_subnet() -> String {
    let used = Client::new("ip").args(["-4", "address"]).succeeds().stdout;
    loop {
        let subnet = format!("10.99.{}", Uuid::new_v4().as_bytes()[0]);
        if !used.contains(&format!("inet {subnet}.")) {
            return subnet;
        }
    }
}

#[track_caller]
fn ip(arguments: &[&str]) {
    Client::new("ip").args(arguments).succeeds();
}
