//! The servers of a connection, each with its port and its password.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Result;

use super::environment::Environment;
use super::parameters::Parameters;
use super::passfile::{self, Entry};
use super::secret::Secret;
use crate::failure::Failure;

/// Where programs of this system look for the socket: Debian's folder, then PostgreSQL's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

const DEFAULT_PORT: u16 = 5432;

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name, an address, or a folder of sockets.
    pub(crate) name: String,
    /// The address to use in place of looking the name up.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) password: Option<Secret>,
}

impl Host {
    pub(crate) fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }
}

/// The servers, with one port for all or one for each, as libpq pairs them.
pub(super) fn read(parameters: &Parameters) -> Result<Vec<Host>> {
    let list = |keyword| -> Vec<&str> {
        let values = parameters.get(keyword).map(|value| value.split(','));
        values.into_iter().flatten().map(str::trim).collect()
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = names.len().max(addresses.len()).max(1);
    let pairs_up = |values: &[&str]| values.is_empty() || values.len() == count;
    if !pairs_up(&names) || !pairs_up(&addresses) || !(pairs_up(&ports) || ports.len() == 1) {
        let message = "the connection names different numbers of hosts, addresses and ports";
        return Err(Failure::impossible(message)
            .hint("give one port for all hosts, or one for each")
            .into());
    }
    let password = parameters.get("password").map(Secret::new);
    let one = |place: usize| -> Result<Host> {
        let at = |values: &[&str]| {
            values
                .get(place)
                .map_or(String::new(), |text| (*text).to_owned())
        };
        let port = port(ports.get(place).or(ports.first()).copied().unwrap_or(""))?;
        let address = address(&at(&addresses))?;
        let name = match (at(&names), address) {
            (name, _) if !name.is_empty() => name,
            (_, Some(address)) => address.to_string(),
            _ => default_host(port),
        };
        if name.starts_with('@') || (cfg!(windows) && name.starts_with('/')) {
            return Err(
                Failure::impossible(format!("can't connect to the socket {name}"))
                    .hint("name a host, or a folder that holds the server's socket")
                    .into(),
            );
        }
        Ok(Host {
            name,
            address,
            port,
            password: password.clone(),
        })
    };
    (0..count).map(one).collect()
}

/// The folder that holds the socket, else the first that is there; a system without sockets has
/// `localhost`.
fn default_host(port: u16) -> String {
    if cfg!(windows) {
        return "localhost".to_owned();
    }
    let folders = SOCKET_FOLDERS.map(PathBuf::from);
    let socket = format!(".s.PGSQL.{port}");
    let with_socket = folders.iter().find(|folder| folder.join(&socket).exists());
    let there = with_socket.or_else(|| folders.iter().find(|folder| folder.is_dir()));
    there.map_or("/tmp".to_owned(), |folder| folder.display().to_string())
}

/// The text is not repeated: in a URL it may be a piece of the password.
fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(DEFAULT_PORT);
    }
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::impossible("the port of the connection is not a number from 1 to 65535")
            .hint("write it as HOST:5432 in the URL, or check PGPORT; a / or ? of a password is %2F or %3F in a URL")
            .into()
    })
}

fn address(text: &str) -> Result<Option<IpAddr>> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse().map_err(|_| {
        Failure::impossible(format!("hostaddr is not an address: {text}"))
            .hint("a name goes into host")
    })?;
    Ok(Some(address))
}

/// Looks the passwords that were not given up in the password file; why that is ignored is a
/// warning.
pub(super) fn find_passwords(
    hosts: &mut [Host],
    parameters: &Parameters,
    environment: &Environment,
    user: &str,
    database: &str,
) -> Result<(), String> {
    if hosts.iter().all(|host| host.password.is_some()) {
        return Ok(());
    }
    let named = parameters.get("passfile").map(PathBuf::from);
    let Some(file) = named.or_else(|| environment.user_file(".pgpass", "pgpass.conf")) else {
        return Ok(());
    };
    let text = passfile::read(&file)?;
    for host in hosts {
        let is_default = SOCKET_FOLDERS.contains(&host.name.as_str());
        let entry = Entry {
            host: if is_default { "localhost" } else { &host.name },
            port: host.port,
            database,
            user,
        };
        host.password = passfile::find(&text, &entry);
    }
    Ok(())
}
