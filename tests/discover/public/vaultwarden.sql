-- The shape of a part of Vaultwarden: UUIDs, named so.
CREATE TABLE users (uuid TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL UNIQUE, kdf_iterations INTEGER, stamp_exception TEXT);
CREATE TABLE organizations (uuid TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, billing_email TEXT);
CREATE TABLE devices (uuid TEXT NOT NULL, user_uuid TEXT NOT NULL REFERENCES users (uuid), name TEXT, atype INTEGER, push_uuid TEXT, PRIMARY KEY (uuid, user_uuid));
CREATE TABLE ciphers (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT REFERENCES users (uuid), organization_uuid TEXT REFERENCES organizations (uuid), atype INTEGER, name TEXT);
CREATE TABLE attachments (id TEXT NOT NULL PRIMARY KEY, cipher_uuid TEXT NOT NULL REFERENCES ciphers (uuid), file_name TEXT, file_size INTEGER);
CREATE TABLE folders (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT NOT NULL REFERENCES users (uuid), name TEXT);
CREATE TABLE folders_ciphers (cipher_uuid TEXT NOT NULL REFERENCES ciphers (uuid), folder_uuid TEXT NOT NULL REFERENCES folders (uuid), PRIMARY KEY (cipher_uuid, folder_uuid));
CREATE TABLE favorites (user_uuid TEXT NOT NULL REFERENCES users (uuid), cipher_uuid TEXT NOT NULL REFERENCES ciphers (uuid), PRIMARY KEY (user_uuid, cipher_uuid));
CREATE TABLE collections (uuid TEXT NOT NULL PRIMARY KEY, org_uuid TEXT NOT NULL REFERENCES organizations (uuid), name TEXT);
CREATE TABLE ciphers_collections (cipher_uuid TEXT NOT NULL REFERENCES ciphers (uuid), collection_uuid TEXT NOT NULL REFERENCES collections (uuid), PRIMARY KEY (cipher_uuid, collection_uuid));
CREATE TABLE users_collections (user_uuid TEXT NOT NULL REFERENCES users (uuid), collection_uuid TEXT NOT NULL REFERENCES collections (uuid), read_only BOOLEAN, PRIMARY KEY (user_uuid, collection_uuid));
CREATE TABLE users_organizations (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT NOT NULL REFERENCES users (uuid), org_uuid TEXT NOT NULL REFERENCES organizations (uuid), status INTEGER, atype INTEGER);
CREATE TABLE org_policies (uuid TEXT NOT NULL PRIMARY KEY, org_uuid TEXT NOT NULL REFERENCES organizations (uuid), atype INTEGER, data TEXT);
CREATE TABLE sends (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT REFERENCES users (uuid), organization_uuid TEXT REFERENCES organizations (uuid), name TEXT, access_count INTEGER);
CREATE TABLE emergency_access (uuid TEXT NOT NULL PRIMARY KEY, grantor_uuid TEXT REFERENCES users (uuid), grantee_uuid TEXT REFERENCES users (uuid), email TEXT, wait_time_days INTEGER);
CREATE TABLE twofactor (uuid TEXT NOT NULL PRIMARY KEY, user_uuid TEXT NOT NULL REFERENCES users (uuid), atype INTEGER, last_used INTEGER);
