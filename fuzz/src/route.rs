//! A request line has one route, which is printed as it is read; what a refusal says of methods is true.

use axum::http::Method;
use wharf::http::{Route, RouteError};

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// A path, asked for with every method.
pub fn hold(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    let routes = METHODS.map(|method| (Route::parse(&method, path), method));
    for (route, method) in &routes {
        match route {
            Ok(route) => printed_as_read(route, method),
            Err(RouteError::Method { allowed }) => {
                assert!(!names(allowed, method), "{method} {path} is refused, for it knows {allowed}");
                for (route, method) in &routes {
                    let known = !matches!(route, Err(RouteError::Method { .. } | RouteError::NotFound));
                    assert_eq!(known, names(allowed, method), "{method} {path}, which knows {allowed}");
                }
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
    // What is no path is none with any method.
    let not_found = |route: &Result<Route, RouteError>| matches!(route, Err(RouteError::NotFound));
    let found = routes.iter().filter(|(route, _)| !not_found(route)).count();
    assert!(found == 0 || found == METHODS.len());
}

fn names(allowed: &str, method: &Method) -> bool {
    allowed.split(", ").any(|name| name == method.as_str())
}

fn printed_as_read(route: &Route, method: &Method) {
    assert!(route.method() == *method || (*method == Method::HEAD && route.method() == Method::GET));
    let printed = route.to_string();
    assert!(!printed.contains("//") && !printed.split('/').any(|part| matches!(part, "." | "..")), "{printed}");
    assert_eq!(Route::parse(method, &printed).as_ref(), Ok(route));
    let encode = |byte: u8| match byte {
        b'/' => "/".to_owned(),
        byte => format!("%{byte:02x}"),
    };
    let encoded: String = printed.bytes().map(encode).collect();
    assert_eq!(Route::parse(method, &encoded).as_ref(), Ok(route));
    // Encoded twice it is another path.
    assert!(Route::parse(method, &encoded.replace('%', "%25")).is_err());
}
