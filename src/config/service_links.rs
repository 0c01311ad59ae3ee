//! The variables that Kubernetes sets in each container for each service: `X_SERVICE_HOST`, `X_SERVICE_PORT…`,
//! `X_PORT=tcp://…`, `X_PORT_5000_TCP…`. A service whose name begins with `registry` makes them look like ours; none of
//! them can be meant so.

/// Whether such a variable is set for a service.
pub(super) fn is_service_link(name: &str, value: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let tail = |n: usize| &parts[parts.len().saturating_sub(n)..];
    let is_protocol = |part: &str| matches!(part, "TCP" | "UDP" | "SCTP");
    let names_a_port = parts
        .windows(3)
        .any(|window| window[0] == "PORT" && window[1].bytes().all(|b| b.is_ascii_digit()) && is_protocol(window[2]));
    tail(2) == ["SERVICE", "HOST"]
        || parts.windows(2).any(|window| window == ["SERVICE", "PORT"])
        || (tail(1) == ["PORT"] && value.contains("://"))
        || names_a_port
}
