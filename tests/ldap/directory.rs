//! A directory with a few people and groups.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use secrecy::SecretString;
use tempfile::TempDir;
use wharf::auth::{Identity, Ldap, LdapError, LdapSettings};

use crate::daemon::Daemon;

/// The password of whoever searches, which must never be shown.
pub(crate) const SERVICE_PASSWORD: &str = "found-by-the-service";

/// The password of whoever keeps the directory.
const ROOT_PASSWORD: &str = "kept-by-root";

const ENTRIES: &str = r"
dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=search,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: search
userPassword: found-by-the-service

dn: ou=people,dc=example,dc=org
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: alice
cn: Alice
sn: Alice
mail: alice@example.org
userPassword: wonderland

dn: cn=Smith\, (Jane) * \\,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: jane
cn: Smith, (Jane) * \
sn: Smith
mail: team@example.org
userPassword: tarzan

dn: uid=bob,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob
mail: team@example.org
userPassword: builder

dn: cn=eve,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: eve
uid: admin
cn: eve
sn: Eve
userPassword: apple

dn: uid=robot,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: robot
cn: without a password
sn: Robot

dn: ou=groups,dc=example,dc=org
objectClass: organizationalUnit
ou: groups

dn: cn=developers,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: developers
member: uid=alice,ou=people,dc=example,dc=org
member: cn=Smith\, (Jane) * \\,ou=people,dc=example,dc=org

dn: cn=group:ops,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: group:ops
member: uid=alice,ou=people,dc=example,dc=org

dn: cn=deploy,ou=groups,dc=example,dc=org
objectClass: posixGroup
cn: deploy
gidNumber: 100
memberUid: alice
memberUid: bob
";

/// A running server. It is ended when this is dropped.
pub(crate) struct Directory {
    pub(crate) daemon: Daemon,
    home: TempDir,
    port: u16,
    tls_port: u16,
}

impl Directory {
    /// Starts a server whose certificate is for 127.0.0.1.
    #[track_caller]
    pub(crate) fn start() -> Directory {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| home.path().join(name);
        certificates(home.path());
        fs::create_dir(file("data")).unwrap();
        fs::write(file("slapd.conf"), configuration(home.path())).unwrap();
        fs::write(file("entries.ldif"), ENTRIES.trim_start()).unwrap();
        let mut load = Command::new("/usr/sbin/slapadd");
        let loaded = load.arg("-f").arg(file("slapd.conf")).arg("-l").arg(file("entries.ldif")).output().unwrap();
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));

        let [port, tls_port] = free_ports();
        let mut slapd = Command::new("/usr/sbin/slapd");
        let addresses = format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}");
        slapd.args(["-h", &addresses, "-d", "stats", "-f"]).arg(file("slapd.conf"));
        let answers = |port| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let daemon = Daemon::start(&mut slapd, &file("log"), || answers(port) && answers(tls_port));
        Directory { daemon, home, port, tls_port }
    }

    /// The authority that signed the server's certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home.path().join("ca.crt")
    }

    pub(crate) fn plain_url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://127.0.0.1:{}", self.tls_port)
    }

    /// Takes somebody out of a group.
    #[track_caller]
    pub(crate) fn remove_member(&self, group: &str, attribute: &str, member: &str) {
        let group = format!("cn={group},ou=groups,dc=example,dc=org");
        let change = format!("dn: {group}\nchangetype: modify\ndelete: {attribute}\n{attribute}: {member}\n");
        let file = self.home.path().join("change.ldif");
        fs::write(&file, change).unwrap();
        let mut modify = Command::new("ldapmodify");
        modify.args(["-x", "-H", &self.plain_url(), "-D", "cn=root,dc=example,dc=org", "-w", ROOT_PASSWORD, "-f"]);
        let modified = modify.arg(file).output().unwrap();
        assert!(modified.status.success(), "{}", String::from_utf8_lossy(&modified.stderr));
    }

    /// How to ask it, unencrypted.
    pub(crate) fn settings(&self) -> LdapSettings {
        LdapSettings {
            url: self.plain_url(),
            start_tls: false,
            ca: None,
            bind: Some(("cn=search,dc=example,dc=org".to_owned(), SERVICE_PASSWORD.into())),
            user_base: "ou=people,dc=example,dc=org".to_owned(),
            user_filter: "(&(objectClass=inetOrgPerson)(|(uid={user})(mail={user})))".to_owned(),
            user_name: "uid".to_owned(),
            group_base: Some("ou=groups,dc=example,dc=org".to_owned()),
            group_filter: "(|(member={dn})(memberUid={user}))".to_owned(),
            group_name: "cn".to_owned(),
        }
    }

    /// Asks it with other settings.
    pub(crate) fn with(&self, change: impl FnOnce(&mut LdapSettings)) -> Ldap {
        let mut settings = self.settings();
        change(&mut settings);
        Ldap::new(&settings).unwrap()
    }
}

/// Logs in, and says who it was.
pub(crate) async fn log_in(ldap: &Ldap, user: &str, password: &str) -> Result<Option<String>, LdapError> {
    let identity = ldap.verify(user, &SecretString::from(password)).await?;
    Ok(identity.map(|identity| identity.user.to_string()))
}

/// A user's groups.
pub(crate) fn groups(identity: &Identity) -> Vec<&str> {
    identity.groups.iter().map(|group| group.as_str()).collect()
}

/// Nobody but the service may read anything.
fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb.so
pidfile {home}/pid
TLSCACertificateFile {home}/ca.crt
TLSCertificateFile {home}/server.crt
TLSCertificateKeyFile {home}/server.key
database mdb
maxsize 16777216
suffix \"dc=example,dc=org\"
rootdn \"cn=root,dc=example,dc=org\"
rootpw {ROOT_PASSWORD}
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"cn=search,dc=example,dc=org\" read by * none
"
    )
}

fn certificates(home: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(home.join("ca.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    fs::write(home.join("server.crt"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(home.join("server.key"), key.serialize_pem()).unwrap();
}

/// Ports that nobody has at this moment; slapd does not say which one it would choose.
fn free_ports() -> [u16; 2] {
    let listeners = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}
