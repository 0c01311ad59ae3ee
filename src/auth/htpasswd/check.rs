//! Checking a password against a file's users. It takes long, and equally long for whoever does not get in: how long says
//! nothing about which users there are.

use std::hint::black_box;

use super::lines::{Password, Users};
use crate::auth::Fingerprint;

/// The cost of a hash that is compared with where there is none: what registry:2 makes.
const USUAL_COST: u32 = 10;
/// For hashes whose result is not looked at.
const NO_SALT: [u8; 16] = [0; 16];

/// What came of a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Of what is stored of the password, if it was right.
    pub(super) fingerprint: Option<Fingerprint>,
    /// How many rounds of bcrypt were made: tests compare the work, since they cannot compare the time.
    pub(super) rounds: u64,
}

impl Users {
    /// Checks a password. Of one with more than 72 bytes the first 72 count, as for registry:2 and `htpasswd -B`.
    pub(super) fn check(&self, user: &str, password: &[u8]) -> Checked {
        let costliest = self.costliest().unwrap_or(USUAL_COST);
        let mut rounds = 0;
        let checked_cost = match self.password(user) {
            Some(Password::Bcrypt { hash, cost, fingerprint }) => {
                rounds += spent(*cost);
                if bcrypt::verify(password, hash).unwrap_or(false) {
                    return Checked { fingerprint: Some(*fingerprint), rounds };
                }
                *cost
            }
            Some(Password::Unusable(_)) | None => {
                rounds += spend(password, costliest);
                costliest
            }
        };
        // Two to the power of n, and then of n, of n + 1 and so on to below m, make two to the power of m together.
        for cost in checked_cost..costliest {
            rounds += spend(password, cost);
        }
        Checked { fingerprint: None, rounds }
    }
}

/// Works as a check at this cost does.
fn spend(password: &[u8], cost: u32) -> u64 {
    let _ = black_box(bcrypt::hash_with_salt(password, cost, NO_SALT));
    spent(cost)
}

fn spent(cost: u32) -> u64 {
    1 << cost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(password: &str, cost: u32) -> String {
        let parts = bcrypt::hash_with_salt(password, cost, [7; 16]).unwrap();
        parts.format_for_version(bcrypt::Version::TwoY)
    }

    fn users(content: &str) -> Users {
        Users::parse(content.as_bytes()).ok().unwrap()
    }

    #[test]
    fn a_wrong_password_takes_the_same_work_whoever_the_user_is() {
        let content = format!("cheap:{}\ncostly:{}\nodd:secret\n", hash("a", 4), hash("b", 7));
        let users = users(&content);
        for user in ["cheap", "costly", "odd", "nobody"] {
            assert_eq!(users.check(user, b"wrong"), Checked { fingerprint: None, rounds: 1 << 7 }, "{user}");
        }
        let right = Checked { fingerprint: Some(Fingerprint::of(hash("a", 4).as_bytes())), rounds: 1 << 4 };
        assert_eq!(users.check("cheap", b"a"), right);
    }

    #[test]
    fn a_file_without_hashes_takes_what_a_usual_hash_takes() {
        assert_eq!(users("odd:secret").check("odd", b"secret").rounds, 1 << USUAL_COST);
        assert_eq!(users("").check("nobody", b"").rounds, 1 << USUAL_COST);
    }

    #[test]
    fn hashes_of_other_programs_verify() {
        // The first is of the documentation of Apache's htpasswd, the second of crypt_blowfish's own tests.
        let content = "a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n\
                       b:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
        let users = users(content);
        assert!(users.check("a", b"myPassword").fingerprint.is_some());
        assert!(users.check("b", b"U*U").fingerprint.is_some());
        assert!(users.check("b", b"U*U*").fingerprint.is_none());
    }

    #[test]
    fn of_a_long_password_the_first_72_bytes_count() {
        let long = "a".repeat(80);
        let users = users(&format!("alice:{}", hash(&long, 4)));
        assert!(users.check("alice", &long.as_bytes()[..72]).fingerprint.is_some());
        assert!(users.check("alice", "a".repeat(100).as_bytes()).fingerprint.is_some());
        assert!(users.check("alice", &long.as_bytes()[..71]).fingerprint.is_none());
    }
}
