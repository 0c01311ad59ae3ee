//! Why a handshake failed, in a sentence that says what to do.

use std::io;

use rustls::{AlertDescription, Error};

/// The reason for which a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::http) enum Failure {
    /// The client does not trust our certificate.
    Untrusted,
    /// The client showed no certificate and has to.
    NoCertificate,
    /// The client's certificate is not signed by an authority that we were given, or is not good now.
    BadCertificate,
    /// The client speaks no version or cipher that we do.
    Incompatible,
    /// The client went away, or spoke something else.
    Other,
}

impl Failure {
    /// Finds the reason in what the handshake returned.
    pub(in crate::http) fn of(error: &io::Error) -> Self {
        let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
            return Self::Other;
        };
        // Clients do not agree on the alert for an authority that they do not know.
        let distrust = [
            AlertDescription::UnknownCA,
            AlertDescription::BadCertificate,
            AlertDescription::CertificateUnknown,
            AlertDescription::CertificateExpired,
        ];
        if let Error::AlertReceived(alert) = error {
            if distrust.contains(alert) { Self::Untrusted } else { Self::Other }
        } else if matches!(error, Error::NoCertificatesPresented) {
            Self::NoCertificate
        } else if matches!(error, Error::InvalidCertificate(_)) {
            Self::BadCertificate
        } else if matches!(error, Error::PeerIncompatible(_) | Error::NoApplicationProtocol) {
            Self::Incompatible
        } else {
            Self::Other
        }
    }

    /// What happened and what to do about it; `None` when nobody has to do anything.
    pub(in crate::http) fn remedy(self, own_authority: bool) -> Option<&'static str> {
        match self {
            Self::Untrusted if own_authority => Some(
                "the client does not trust this server's certificate: install this server's authority on the client \
                 (GET /ca.crt; docker looks in /etc/docker/certs.d/<host>:<port>/ca.crt), and use a name that the \
                 certificate has",
            ),
            Self::Untrusted => Some(
                "the client does not trust this server's certificate: check that it is in date, has the name that the \
                 client uses and comes with its whole chain, and that the client knows its authority",
            ),
            Self::NoCertificate => Some(
                "the client showed no certificate: give it one from an authority in http.tls.clientcas (docker looks \
                 in /etc/docker/certs.d/<host>:<port>/client.cert and client.key)",
            ),
            Self::BadCertificate => Some(
                "the client's certificate is refused: it must be in date and signed by an authority in \
                 http.tls.clientcas",
            ),
            Self::Incompatible => Some(
                "the client and this server share no version of TLS, no cipher or no protocol: http.tls.minimumtls \
                 says which versions are accepted",
            ),
            Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: Error) -> Failure {
        Failure::of(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn a_client_that_does_not_know_our_authority_is_told_from_one_that_left() {
        assert_eq!(failure(Error::AlertReceived(AlertDescription::UnknownCA)), Failure::Untrusted);
        assert_eq!(failure(Error::AlertReceived(AlertDescription::UserCanceled)), Failure::Other);
        assert_eq!(Failure::of(&io::ErrorKind::UnexpectedEof.into()), Failure::Other);
        assert_eq!(failure(Error::NoCertificatesPresented), Failure::NoCertificate);
    }
}
