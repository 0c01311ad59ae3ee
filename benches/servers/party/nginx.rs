//! nginx with static files: no registry, but what the machine can do at reading.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::Command;

use super::Setup;
use crate::load::content::Image;
use crate::server::{Content, Launch};

pub(super) fn launch(program: &str, setup: &Setup<'_>, address: SocketAddr) -> io::Result<Launch> {
    let path = setup.directory.join("nginx.conf");
    fs::write(&path, configuration(setup, address))?;
    let mut command = Command::new(program);
    command.arg("-p").arg(setup.directory).arg("-c").arg(&path).arg("-e").arg(setup.directory.join("log"));
    let content = Content::Files(setup.volume.to_owned());
    Ok(Launch { command, address, content, tls: setup.identity.map(|identity| identity.client()), authorization: None })
}

fn configuration(setup: &Setup<'_>, address: SocketAddr) -> String {
    let directory = setup.directory.display();
    let (secure, certificate) = match setup.identity {
        Some(identity) => (
            " ssl",
            format!(
                "ssl_certificate \"{}\"; ssl_certificate_key \"{}\"; ssl_protocols TLSv1.3;",
                identity.certificate().display(),
                identity.key().display(),
            ),
        ),
        None => ("", String::new()),
    };
    let access_log = if setup.access_log { "access.log" } else { "off" };
    // As another user its workers could not read a directory that only we may read.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    // It closes a connection after 1,000 requests unless told otherwise; registries do not.
    format!(
        r#"
daemon off;
{user}
worker_processes auto;
worker_rlimit_nofile 8192;
pid nginx.pid;
events {{ worker_connections 4096; }}
http {{
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 300;
    keepalive_requests 1000000000;
    access_log {access_log};
    default_type {manifest};
    client_body_temp_path "{directory}/body";
    proxy_temp_path "{directory}/proxy";
    fastcgi_temp_path "{directory}/fastcgi";
    uwsgi_temp_path "{directory}/uwsgi";
    scgi_temp_path "{directory}/scgi";
    server {{
        listen {address}{secure};
        {certificate}
        root "{root}";
        location = /v2/ {{ return 200 "{{}}"; }}
    }}
}}
"#,
        manifest = Image::MEDIA_TYPE,
        root = setup.volume.display(),
    )
}
