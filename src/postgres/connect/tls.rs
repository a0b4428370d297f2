//! What `sslmode` asks for, as a TLS client.
//!
//! See <https://www.postgresql.org/docs/current/libpq-ssl.html>. rustls is given libpq's modes:
//! it verifies all or nothing by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::failure::Failure;

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Never encrypted.
    Disable,
    /// Plain, and encrypted where the server refuses that.
    Allow,
    /// Encrypted where the server can, else plain.
    Prefer,
    /// Encrypted; verified as `VerifyCa` where there is a file of roots.
    Require,
    /// By a certificate of a trusted authority.
    VerifyCa,
    /// … that names the host.
    VerifyFull,
}

/// `sslmode`, and the files that go with it.
#[derive(Clone, Debug)]
pub(super) struct Security {
    pub(super) mode: Mode,
    /// A file of trusted certificates, or `system`.
    pub(super) root: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

/// How much of the server's certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Anyone,
    Authority,
    AuthorityAndName,
}

impl Security {
    /// Refuses `system` with less than `verify-full`, as libpq does: anyone can have a
    /// certificate of a public authority for some name.
    pub(super) fn check(&self) -> Result<()> {
        let by_system = self.uses_system();
        let weak = match self.mode {
            Mode::VerifyCa => by_system || self.root.is_none(),
            Mode::VerifyFull => false,
            _ => by_system,
        };
        if weak {
            let message =
                "without a file of trusted certificates only sslmode=verify-full says who answers";
            return Err(Failure::impossible(message)
                .hint(
                    "name the server's authority with sslrootcert=FILE, or use sslmode=verify-full",
                )
                .into());
        }
        Ok(())
    }

    fn uses_system(&self) -> bool {
        self.root.as_deref() == Some(Path::new("system"))
    }

    fn trust(&self) -> Trust {
        match self.mode {
            Mode::VerifyFull => Trust::AuthorityAndName,
            Mode::VerifyCa => Trust::Authority,
            Mode::Require if self.root.is_some() => Trust::Authority,
            _ => Trust::Anyone,
        }
    }

    /// The client that connects in this way. `verify-full` without a file of roots trusts those
    /// of the system; libpq asks for `sslrootcert=system` to do so, and has nothing else to
    /// offer.
    pub(super) fn client(&self) -> Result<MakeRustlsConnect> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match (&self.certificate, &self.key) {
            _ if self.mode == Mode::Disable => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unusable(key, "no private key", &error))?;
                builder.with_client_auth_cert(chain, key)?
            }
            (Some(certificate), None) => {
                let message = format!(
                    "there is no key for the certificate {}",
                    certificate.display()
                );
                return Err(Failure::impossible(message)
                    .hint("name it with sslkey")
                    .into());
            }
            _ => builder.with_no_client_auth(),
        };
        // https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        let trust = self.trust();
        let pinned = match (&self.root, trust) {
            (_, Trust::Anyone) => Vec::new(),
            (Some(file), _) if !self.uses_system() => certificates(file)?,
            _ => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(pinned.iter().cloned());
        let chain = if trust == Trust::Anyone {
            None
        } else {
            let builder =
                WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
            Some(builder.build().map_err(|error| {
                Failure::impossible(format!("could not use the trusted certificates: {error}"))
                    .hint("name a file of certificates in PEM form with sslrootcert")
            })?)
        };
        Ok(Verifier {
            trust,
            chain,
            pinned,
            provider: Arc::clone(provider),
        })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found = found.map_err(|error| unusable(file, "no certificate", &error))?;
    if found.is_empty() {
        return Err(unusable(file, "no certificate", &"it has none in PEM form"));
    }
    Ok(found)
}

fn unusable(file: &Path, what: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    Failure::impossible(format!("{} gives {what}: {error}", file.display()))
        .hint("check sslrootcert, sslcert and sslkey, and the files in ~/.postgresql")
        .into()
}

/// Verifies as much of a certificate as the mode asks for.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// A server's own certificate in the file of roots is trusted as it is, as OpenSSL does:
    /// the one-line recipe of PostgreSQL's manual makes such a certificate, which is an
    /// authority and a server at once.
    pinned: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{
            Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
            NotValidYetContext, Revoked,
        };
        use rustls::Error::InvalidCertificate;

        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // rustls looks at the name last, so the rest is right.
            Err(InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if self.trust == Trust::Authority =>
            {
                Ok(ServerCertVerified::assertion())
            }
            // … and at the dates first.
            Err(InvalidCertificate(
                Expired
                | ExpiredContext { .. }
                | NotValidYet
                | NotValidYetContext { .. }
                | Revoked
                | NotValidForName
                | NotValidForNameContext { .. },
            ))
            | Ok(_) => verified,
            Err(_) if self.pinned.iter().any(|pinned| pinned == end_entity) => {
                if self.trust == Trust::AuthorityAndName {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            Err(_) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
