//! Paths of the administration API are read as they are written, and nothing else is.

use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const JOB: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const BATCH: &str = "20261127T232024.123Z-1f2e3d4c";

/// One of each kind. The match is without a wildcard: a new route does not compile until it has its place here.
pub(in crate::http::api) fn every_kind() -> Vec<ApiRoute> {
    let name = || "team/app".parse::<RepositoryName>().unwrap();
    let tag = || "1.0".parse::<Tag>().unwrap();
    let (digest, job) = (DIGEST.parse().unwrap(), JOB.parse().unwrap());
    let mut routes = vec![ApiRoute::Description];
    loop {
        let next = match routes.last().unwrap() {
            ApiRoute::Description => ApiRoute::About,
            ApiRoute::About => ApiRoute::Repository(name()),
            ApiRoute::Repository(_) => ApiRoute::Tag(name(), tag()),
            ApiRoute::Tag(..) => ApiRoute::DeleteTag(name(), tag()),
            ApiRoute::DeleteTag(..) => ApiRoute::DeleteManifest(name(), digest),
            ApiRoute::DeleteManifest(..) => ApiRoute::Jobs,
            ApiRoute::Jobs => ApiRoute::Job(job),
            ApiRoute::Job(_) => ApiRoute::StopJob(job),
            ApiRoute::StopJob(_) => ApiRoute::PurgeUploads,
            ApiRoute::PurgeUploads => ApiRoute::CollectGarbage,
            ApiRoute::CollectGarbage => ApiRoute::Trash,
            ApiRoute::Trash => ApiRoute::RestoreBatch(BATCH.parse().unwrap()),
            ApiRoute::RestoreBatch(_) => ApiRoute::EmptyTrash,
            ApiRoute::EmptyTrash => ApiRoute::DeleteRepository(name()),
            ApiRoute::DeleteRepository(_) => ApiRoute::DeleteRepositories,
            ApiRoute::DeleteRepositories => ApiRoute::TagHistory(name(), tag()),
            ApiRoute::TagHistory(..) => ApiRoute::DeletedTags(name()),
            ApiRoute::DeletedTags(_) => ApiRoute::PointTag(name(), tag()),
            ApiRoute::PointTag(..) => ApiRoute::Check,
            ApiRoute::Check => ApiRoute::Repair,
            ApiRoute::Repair => ApiRoute::PreviewRetention,
            ApiRoute::PreviewRetention => ApiRoute::RunRetention,
            ApiRoute::RunRetention => ApiRoute::Quotas,
            ApiRoute::Quotas => ApiRoute::Statistics,
            ApiRoute::Statistics => return routes,
        };
        routes.push(next);
    }
}

/// The path as the description writes it.
pub(in crate::http::api) fn template(route: &ApiRoute) -> String {
    let path = route.to_string().replace("team%2Fapp", "{name}").replace("/tags/1.0", "/tags/{tag}");
    path.replace(DIGEST, "{digest}").replace(JOB, "{id}").replace(BATCH, "{batch}")
}

fn parse(method: &Method, path: &str) -> Result<ApiRoute, RouteError> {
    ApiRoute::parse(method, ApiRoute::below(path).unwrap())
}

#[test]
fn a_route_is_read_back_from_its_path() {
    for route in every_kind() {
        assert_eq!(parse(&route.method(), &route.to_string()), Ok(route.clone()), "{route}");
    }
}

#[test]
fn a_name_is_one_encoded_segment_or_several_plain_ones() {
    let deep: RepositoryName = "a/tags/b".parse().unwrap();
    let get = |path: &str| parse(&Method::GET, path);
    assert_eq!(get("/api/v1/repositories/a%2Ftags%2fb"), Ok(ApiRoute::Repository(deep.clone())));
    assert_eq!(get("/api/v1/repositories/a%2Ftags%2Fb/tags/c"), Ok(ApiRoute::Tag(deep.clone(), "c".parse().unwrap())));
    assert_eq!(get("/api/v1/repositories/a/tags/b/tags/c"), Ok(ApiRoute::Tag(deep, "c".parse().unwrap())));
    assert_eq!(
        get("/api/v1/repositories/a/tags/b"),
        Ok(ApiRoute::Tag("a".parse().unwrap(), "b".parse().unwrap())),
        "a plain path is read from its end"
    );
    let history = |name: &str| ApiRoute::TagHistory(name.parse().unwrap(), "c".parse().unwrap());
    assert_eq!(get("/api/v1/repositories/a/tags/b/tags/c/history"), Ok(history("a/tags/b")));
    assert_eq!(get("/api/v1/repositories/a/b/deleted-tags"), Ok(ApiRoute::DeletedTags("a/b".parse().unwrap())));
    let named_so: RepositoryName = "a/deleted-tags".parse().unwrap();
    assert_eq!(get("/api/v1/repositories/a%2Fdeleted-tags"), Ok(ApiRoute::Repository(named_so)));
}

#[test]
fn what_leads_nowhere_says_so() {
    for path in ["/api", "/api/", "/api/v2/", "/api/v1x", "/api/v1/nothing", "/api/v1/repositories", "/api/v1/%ff"] {
        assert_eq!(parse(&Method::GET, path), Err(RouteError::NotInApi), "{path}");
    }
    for path in ["/v2/", "/apis", "/", ""] {
        assert_eq!(ApiRoute::below(path), None, "{path}");
    }
    assert!(matches!(parse(&Method::GET, "/api/v1/jobs/1"), Err(RouteError::Job(_))));
    assert!(matches!(parse(&Method::GET, "/api/v1/repositories/a/tags/.."), Err(RouteError::Reference(_))));
    assert!(matches!(parse(&Method::GET, "/api/v1/repositories/A"), Err(RouteError::Name(_))));
    assert!(matches!(parse(&Method::DELETE, "/api/v1/repositories/a/manifests/b"), Err(RouteError::Digest(_))));
}

#[test]
fn a_method_that_a_path_does_not_know_is_told_those_that_it_does() {
    for route in every_kind() {
        let Err(RouteError::Method { allowed }) = parse(&Method::PATCH, &route.to_string()) else {
            panic!("{route} knows PATCH");
        };
        for method in allowed.split(", ") {
            let method: Method = method.parse().unwrap();
            assert!(parse(&method, &route.to_string()).is_ok(), "{method} {route}");
        }
        assert!(allowed.split(", ").any(|method| method == route.method().as_str()), "{route}: {allowed}");
    }
}
