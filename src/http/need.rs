//! What a route needs of whoever asks for it: the table that the gate looks at.

use crate::auth::Action;
use crate::oci::RepositoryName;

use super::route::Route;

/// What a caller must be or be allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'r> {
    /// Nothing: it finds out by itself who asks, and gives to each what is theirs.
    Nothing,
    /// To have said who they are, whoever that is.
    LoggedIn,
    /// To read something; of a list they see what they may read.
    Something,
    /// To do this in this repository. What a request needs besides, its handler asks for: a mount to pull from where the
    /// blob comes from, a manifest to move the tags that are there.
    In(&'r RepositoryName, Action),
    /// To administer the registry as a whole.
    Admin,
}

impl Route {
    /// What it needs. Without a wildcard: a new route does not compile until somebody has decided.
    pub fn need(&self) -> Need<'_> {
        match self {
            Route::GetToken | Route::PostToken => Need::Nothing,
            Route::Version | Route::Whoami => Need::LoggedIn,
            Route::Catalog => Need::Something,
            Route::Api(route) => route.need(),
            Route::Tags(name) | Route::Referrers(name, _) | Route::GetManifest(name, _) | Route::GetBlob(name, _) => {
                Need::In(name, Action::Pull)
            }
            Route::PutManifest(name, _)
            | Route::StartUpload(name)
            | Route::UploadStatus(name, _)
            | Route::AppendUpload(name, _)
            | Route::FinishUpload(name, _)
            | Route::CancelUpload(name, _) => Need::In(name, Action::Create),
            Route::DeleteManifest(name, _) | Route::DeleteBlob(name, _) => Need::In(name, Action::Delete),
        }
    }
}
