//! A search filter in which a user stands for a placeholder (RFC 4515).

use ldap3::ldap_escape;

use super::LdapProblem;

/// A filter with placeholders.
#[derive(Clone, Debug)]
pub(super) struct Filter(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// `{user}`
    User,
    /// `{dn}`
    Dn,
}

/// Which placeholders a filter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholders {
    /// `{user}` alone: nothing else is known yet.
    User,
    /// `{dn}` and `{user}`.
    DnAndUser,
}

impl Placeholders {
    fn as_str(self) -> &'static str {
        match self {
            Placeholders::User => "{user}",
            Placeholders::DnAndUser => "{dn} or {user}",
        }
    }
}

impl Filter {
    pub(super) fn parse(text: &str, placeholders: Placeholders) -> Result<Filter, LdapProblem> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, braces) = rest.split_at(at);
            pieces.push(Piece::Text(before.to_owned()));
            let (piece, behind) = match (braces.strip_prefix("{user}"), braces.strip_prefix("{dn}")) {
                (Some(behind), _) => (Piece::User, behind),
                (None, Some(behind)) if placeholders == Placeholders::DnAndUser => (Piece::Dn, behind),
                (None, _) => return Err(LdapProblem::Braces(placeholders.as_str())),
            };
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let filter = Filter(pieces);
        // Where this fits, any text does.
        ldap3::parse_filter(filter.fill("ü *", "cn=ü *,dc=a")).map_err(|()| LdapProblem::Filter)?;
        if filter.0.iter().all(|piece| matches!(piece, Piece::Text(_))) {
            return Err(LdapProblem::SameForAll(placeholders.as_str()));
        }
        Ok(filter)
    }

    /// The filter for a user. What they typed is a value in it and nothing else.
    pub(super) fn fill(&self, user: &str, dn: &str) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::User => filled.push_str(&ldap_escape(user)),
                Piece::Dn => filled.push_str(&ldap_escape(dn)),
            }
        }
        filled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_escaped() {
        let filter = Filter::parse("(|(member={dn})(memberUid={user}))", Placeholders::DnAndUser).unwrap();
        assert_eq!(filter.fill("alice", "uid=alice,dc=a"), "(|(member=uid=alice,dc=a)(memberUid=alice))");
        assert_eq!(filter.fill("{dn}", "*)("), r"(|(member=\2a\29\28)(memberUid={dn}))");
        assert_eq!(filter.fill("a\\b\0", ""), r"(|(member=)(memberUid=a\5cb\00))");
    }

    #[test]
    fn the_filters_of_usual_directories_are_understood() {
        for filter in [
            "uid={user}",
            "(uid={user})",
            "(&(objectClass=person)(|(uid={user})(mail={user})))",
            "(&(objectClass=user)(sAMAccountName={user})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
        ] {
            assert!(Filter::parse(filter, Placeholders::User).is_ok(), "{filter}");
        }
        let nested = "(member:1.2.840.113556.1.4.1941:={dn})";
        assert!(Filter::parse(nested, Placeholders::DnAndUser).is_ok());
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        use LdapProblem::{Braces, Filter as NoFilter, SameForAll};
        let refused = |filter, placeholders| Filter::parse(filter, placeholders).unwrap_err();
        for filter in ["", "(uid={user}", "uid={user})", "({user}=x)", "(&)(uid={user})", "{user}"] {
            assert!(matches!(refused(filter, Placeholders::User), NoFilter), "{filter}");
        }
        for filter in ["(uid={name})", "(uid={dn})", "(uid={user)", "(uid=user})"] {
            assert!(matches!(refused(filter, Placeholders::User), Braces(_)), "{filter}");
        }
        assert!(matches!(refused("(uid=alice)", Placeholders::User), SameForAll(_)));
        assert!(matches!(refused("(member=*)", Placeholders::DnAndUser), SameForAll(_)));
    }

    proptest! {
        #[test]
        fn what_a_user_types_never_changes_the_form_of_a_filter(user in ".{0,40}", dn in ".{0,40}") {
            let filter = Filter::parse("(|(member={dn})(uid={user}))", Placeholders::DnAndUser).unwrap();
            let filled = filter.fill(&user, &dn);
            prop_assert!(ldap3::parse_filter(&filled).is_ok(), "{}", filled);
            for sign in ['(', ')'] {
                prop_assert!(filled.matches(sign).count() == 3, "{}", filled);
            }
            prop_assert!(!filled.contains(['*', '\0']), "{}", filled);
        }
    }
}
