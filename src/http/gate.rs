//! The gate: no request comes to a handler but through here.
//!
//! Who asks is found out, what the route needs is looked up in its table (`need`), and the two are held against each other.
//! Only this file can make an [`Admitted`], and handlers take nothing else.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::header;
use axum::http::request::Parts;
use tracing::warn;

use crate::auth::{Action, Caller, Credentials, IdentifyError, Presented, Scheme, Subject, Verdict};
use crate::oci::RepositoryName;
use crate::registry::{Actor, Owner, RegistryError};

use super::access_error::AccessError;
use super::challenge::{self, Challenge, TokenError};
use super::listen::{Peer, PeerAddress};
use super::need::Need;
use super::query::Query;
use super::record::Record;
use super::route::{Effect, Route};
use super::{App, HttpError};

/// A request that may be answered.
pub(super) struct Admitted {
    route: Route,
    caller: Arc<Caller>,
    address: Option<IpAddr>,
}

impl Admitted {
    /// What is asked for.
    pub(super) fn route(&self) -> &Route {
        &self.route
    }

    /// Who asks.
    pub(super) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// Who asks, as it is written down beside what they change.
    pub(super) fn actor(&self) -> Actor {
        actor(&self.caller)
    }

    /// Where they are.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }
}

/// A caller as they are written down beside what they change.
pub(super) fn actor(caller: &Caller) -> Actor {
    match &caller.subject {
        Subject::Anonymous => Actor::unknown(),
        Subject::User(name) => Actor::named(name.as_str()),
        // No user's name begins so.
        Subject::Token(name) => Actor::named(format!("token:{name}")),
        Subject::Operator => Actor::named("operator"),
    }
}

/// A proxy that is not trusted is spoken of once.
static SPOKEN: AtomicBool = AtomicBool::new(false);

impl App {
    /// Lets a request through, or not.
    pub(super) async fn admit(&self, record: &mut Record, route: Route) -> Result<Admitted, HttpError> {
        if let Route::Api(route) = &route {
            super::api::refuse_other_sites(record.request(), route)?;
        }
        let caller = if record.peer().address == PeerAddress::Control {
            self.auth.operator()
        } else if self.auth.is_open() {
            self.auth.anonymous()
        } else {
            self.caller(record.request(), record.peer(), &route).await?
        };
        // Before anything is refused: whoever reads the log looks for who it was.
        record.sent_by(&caller);
        let address = self.origins.address(record.request(), record.peer());
        record.comes_from(address);
        let (request, peer) = (record.request(), record.peer());
        self.permits(request, peer, &caller, &route)?;
        self.switched_on(&caller, &route)?;
        Ok(Admitted { caller, address, route })
    }

    /// What the operator has switched off is off for everybody.
    fn switched_on(&self, caller: &Caller, route: &Route) -> Result<(), HttpError> {
        let settings = self.registry.settings();
        let deletes = match route.effect() {
            Effect::Read => return Ok(()),
            Effect::Write => false,
            Effect::Delete => true,
            Effect::Collect => caller.subject != Subject::Operator,
        };
        if settings.read_only {
            return Err(RegistryError::ReadOnly.into());
        }
        if deletes && !settings.delete_enabled { Err(RegistryError::DeleteDisabled.into()) } else { Ok(()) }
    }

    /// Who asks. Credentials that are nobody's are no reason to keep from somebody what everybody may have: docker sends
    /// those of one registry to its mirrors.
    ///
    /// Of who reads what everybody may read, it is not found out, unless users are named there. Of who writes it is, although everybody may: they may be
    /// allowed more, such as to move tags, and what they upload is theirs.
    async fn caller(&self, request: &Parts, peer: &Peer, route: &Route) -> Result<Arc<Caller>, HttpError> {
        let need = route.need();
        let names_users = matches!(route, Route::Api(route) if route.names_users());
        let presented = presented(request, peer);
        if let Some(caller) = self.auth.recall(&presented) {
            return Ok(caller);
        }
        let everybody = self.auth.anonymous();
        match need {
            Need::Nothing => return Ok(everybody),
            Need::In(name, Action::Pull) if !names_users && self.auth.allows(&everybody, name, Action::Pull) => {
                return Ok(everybody);
            }
            Need::In(..) | Need::Something | Need::LoggedIn | Need::Admin => {}
        }
        let is_everybodys = match need {
            Need::Nothing => true,
            Need::In(name, action) => self.auth.allows(&everybody, name, action),
            Need::Something => self.lists_something(&everybody),
            Need::LoggedIn => false,
            Need::Admin => self.auth.may_administer(&everybody),
        };
        match self.auth.identify(&presented, self.origins.address(request, peer)).await {
            Ok(caller) => Ok(caller),
            // Who it is can be found out later: a list without what is theirs would pass for the whole one.
            Err(error) if is_everybodys && !matches!(error, IdentifyError::Unavailable { .. }) => Ok(everybody),
            Err(error) => {
                // Of a password, or of what stands in its place, registry:2 does not say that it is a wrong token.
                let is_token = matches!(error, IdentifyError::Token(_)) && presented.is_bearer();
                let wrong_token = is_token.then_some(TokenError::Invalid);
                let challenge = self.challenge(request, peer, need, wrong_token);
                Err(AccessError::unidentified(error, challenge).into())
            }
        }
    }

    /// Holds what a route needs against what the caller may.
    fn permits(&self, request: &Parts, peer: &Peer, caller: &Caller, route: &Route) -> Result<(), HttpError> {
        let need = route.need();
        let has_token = || authorization(request).is_some();
        let log_in = || Err(self.log_in(request, peer, need));
        let narrow = || Err(self.too_narrow(request, peer, need));
        match need {
            _ if self.auth.is_open() => Ok(()),
            Need::Nothing => Ok(()),
            // A token for nobody in particular is one that was issued nevertheless.
            Need::LoggedIn if caller.is_anonymous() && !has_token() => log_in(),
            Need::LoggedIn => Ok(()),
            Need::Something if !caller.opens_catalog() && has_token() => narrow(),
            Need::Something if caller.is_anonymous() && !self.lists_something(caller) => log_in(),
            Need::Something => Ok(()),
            Need::Admin if self.auth.may_administer(caller) => Ok(()),
            Need::Admin if caller.is_anonymous() => log_in(),
            Need::Admin if self.auth.rules_let_administer(caller) && has_token() => {
                Err(self.not_by_token(request, peer, need))
            }
            Need::Admin => Err(AccessError::NotAdmin(caller.subject.clone()).into()),
            Need::In(name, action) if self.may(caller, name, action) => self.owns_upload(caller, route),
            Need::In(name, action) => match self.auth.verdict(caller, name, action) {
                Verdict::Granted => Ok(()),
                Verdict::OutOfScope if has_token() => narrow(),
                Verdict::OutOfScope => log_in(),
                Verdict::Denied if caller.is_anonymous() => log_in(),
                Verdict::Denied => Err(self.denied(caller, name, action).into()),
            },
        }
    }

    /// Whether a blob may be taken from a repository. To somebody who may not read it, it is as if the blob were not there;
    /// somebody whose token does not open it, though the rules do, is told to get another.
    pub(super) fn may_mount_from(
        &self,
        request: &Parts,
        peer: &Peer,
        admitted: &Admitted,
        from: &RepositoryName,
    ) -> Result<bool, HttpError> {
        let caller = &admitted.caller;
        if self.may(caller, from, Action::Pull) {
            return Ok(true);
        }
        match self.auth.verdict(caller, from, Action::Pull) {
            Verdict::Granted => Ok(true),
            Verdict::OutOfScope => Err(self.too_narrow(request, peer, admitted.route.need())),
            Verdict::Denied => Ok(false),
        }
    }

    /// Holds what is to be done with what a repository holds already against whether the caller may read it, beside what
    /// the route needs: they are told what it is, and that it is there.
    pub(super) fn may_read_too(
        &self,
        request: &Parts,
        peer: &Peer,
        admitted: &Admitted,
        name: &RepositoryName,
    ) -> Result<(), HttpError> {
        let (caller, need) = (&admitted.caller, admitted.route.need());
        if self.may(caller, name, Action::Pull) {
            return Ok(());
        }
        match self.auth.verdict(caller, name, Action::Pull) {
            Verdict::Granted => Ok(()),
            Verdict::OutOfScope => Err(self.too_narrow(request, peer, need)),
            Verdict::Denied if caller.is_anonymous() => Err(self.log_in(request, peer, need)),
            Verdict::Denied => Err(self.denied(caller, name, Action::Pull).into()),
        }
    }

    /// Why a manifest is not put over what is there. Who may not read the repository is not told what that is, and whoever
    /// has not said who they are may be somebody who may.
    pub(super) fn may_not_move(
        &self,
        request: &Parts,
        peer: &Peer,
        caller: &Caller,
        name: &RepositoryName,
        error: RegistryError,
    ) -> HttpError {
        if caller.is_anonymous() && !self.auth.is_open() && !matches!(error, RegistryError::PreconditionFailed { .. }) {
            return self.log_in(request, peer, Need::In(name, Action::Push));
        }
        let refusal = self.auth.refusal(caller, name, Action::Push);
        match (error, self.may(caller, name, Action::Pull)) {
            (error @ RegistryError::PreconditionFailed { .. }, true) => error.into(),
            (error, true) => AccessError::CreateOnly { error, refusal }.into(),
            (_, false) => AccessError::DeniedUnseen(refusal).into(),
        }
    }

    /// They have to say who they are.
    fn log_in(&self, request: &Parts, peer: &Peer, need: Need<'_>) -> HttpError {
        let url = self.origins.url(request, peer);
        let host = url.as_deref().and_then(|url| url.split_once("://")).map_or("HOST", |(_, host)| host);
        let reason = format!("log in first, as with: docker login {host}");
        AccessError::Unauthenticated { challenge: self.challenge(request, peer, need, None), reason }.into()
    }

    /// A token does not open what the rules do.
    fn too_narrow(&self, request: &Parts, peer: &Peer, need: Need<'_>) -> HttpError {
        let reason = "the token does not open this; get one with the scope that WWW-Authenticate names".to_owned();
        let challenge = self.challenge(request, peer, need, Some(TokenError::InsufficientScope));
        AccessError::Unauthenticated { challenge, reason }.into()
    }

    /// A token lists what it opens, which is never the whole registry.
    fn not_by_token(&self, request: &Parts, peer: &Peer, need: Need<'_>) -> HttpError {
        let reason =
            "a bearer token does not open what concerns the whole registry; send a name and a password, or an access \
                      token, with each request (Basic)"
                .to_owned();
        AccessError::Unauthenticated { challenge: self.challenge(request, peer, need, None), reason }.into()
    }

    /// Why a caller who has said who they are may not do something.
    pub(super) fn denied(&self, caller: &Caller, name: &RepositoryName, action: Action) -> AccessError {
        let refusal = self.auth.refusal(caller, name, action);
        match self.auth.shows(caller, name) {
            true => AccessError::Denied(refusal),
            false if action == Action::Pull => {
                AccessError::Unseen { repository: name.clone(), subject: caller.subject.clone() }
            }
            false => AccessError::DeniedUnseen(refusal),
        }
    }

    /// An upload is there for whoever started it, and for nobody else.
    fn owns_upload(&self, caller: &Caller, route: &Route) -> Result<(), HttpError> {
        match route {
            Route::UploadStatus(name, id)
            | Route::AppendUpload(name, id)
            | Route::FinishUpload(name, id)
            | Route::CancelUpload(name, id) => match id.belongs_to(self.owner(caller).as_ref(), name) {
                true => Ok(()),
                false => Err(RegistryError::UploadUnknown { repository: name.clone(), upload: *id }.into()),
            },
            Route::Version
            | Route::Api(_)
            | Route::Whoami
            | Route::GetToken
            | Route::PostToken
            | Route::Catalog
            | Route::Tags(_)
            | Route::Referrers(..)
            | Route::GetManifest(..)
            | Route::PutManifest(..)
            | Route::DeleteManifest(..)
            | Route::GetBlob(..)
            | Route::DeleteBlob(..)
            | Route::StartUpload(_) => Ok(()),
        }
    }

    /// Whose the uploads are that a caller starts.
    pub(super) fn owner(&self, caller: &Caller) -> Option<Owner> {
        self.auth.owner_key(caller).map(Owner::new)
    }

    fn lists_something(&self, caller: &Caller) -> bool {
        caller.opens_catalog() && self.auth.may_pull_something(caller)
    }

    /// How the client is told to prove who it is.
    pub(super) fn challenge(
        &self,
        request: &Parts,
        peer: &Peer,
        need: Need<'_>,
        error: Option<TokenError>,
    ) -> Option<Challenge> {
        let own = matches!(self.auth.scheme(), Scheme::OwnTokens { .. });
        if own && self.origins.is_doubtful(request, peer) && !SPOKEN.swap(true, Ordering::Relaxed) {
            warn!(
                proxy = %peer.address,
                "a proxy says how its clients reach this registry (X-Forwarded-Proto) and is not trusted, so they are sent \
                 to a wrong address for tokens: add it to http.trustedproxies, or set http.host"
            );
        }
        let query = Query::parse(request.uri.query());
        let from = query.get("from").filter(|_| query.get("mount").is_some()).and_then(|from| from.parse().ok());
        let url = match self.auth.scheme() {
            Scheme::TokenServer { .. } => self.origins.url_beside(request, peer),
            // Without a URL for tokens they are asked for a password, which opens all that is theirs.
            Scheme::OwnTokens { .. } if need == Need::Admin => None,
            Scheme::Open | Scheme::Basic { .. } | Scheme::OwnTokens { .. } => self.origins.url(request, peer),
        };
        let scope = challenge::scope(need, from.as_ref());
        Challenge::of(self.auth.scheme(), url.as_deref(), |route| self.location(route), scope, error)
    }
}

/// What a request brings to prove who sends it.
pub(super) fn presented<'r>(request: &'r Parts, peer: &'r Peer) -> Presented<'r> {
    Presented {
        authorization: authorization(request),
        certificate: peer.certificate.as_ref().map(|certificate| certificate.as_ref().as_ref()),
    }
}

/// The value of `Authorization`. A podman that knows no password sends an empty one of an empty name.
fn authorization(request: &Parts) -> Option<&[u8]> {
    let value = request.headers.get(header::AUTHORIZATION)?.as_bytes();
    (!Credentials::are_none(value)).then_some(value)
}
