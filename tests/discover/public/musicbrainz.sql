-- The shape of a part of MusicBrainz: columns bear the bare names of tables, in whole numbers.
CREATE TABLE area (id INTEGER PRIMARY KEY, gid TEXT NOT NULL, name TEXT, type INTEGER REFERENCES area_type (id));
CREATE TABLE area_type (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER REFERENCES area_type (id), child_order INTEGER);
CREATE TABLE gender (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE artist (
    id INTEGER PRIMARY KEY, gid TEXT NOT NULL, name TEXT, begin_date_year SMALLINT, type INTEGER REFERENCES artist_type (id), area INTEGER REFERENCES area (id), gender INTEGER REFERENCES gender (id), edits_pending INTEGER
);
CREATE TABLE artist_type (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER REFERENCES artist_type (id));
CREATE TABLE artist_alias (id INTEGER PRIMARY KEY, artist INTEGER NOT NULL REFERENCES artist (id), name TEXT, edits_pending INTEGER);
CREATE TABLE artist_credit (id INTEGER PRIMARY KEY, name TEXT, artist_count SMALLINT, ref_count INTEGER);
CREATE TABLE artist_credit_name (artist_credit INTEGER NOT NULL REFERENCES artist_credit (id), position SMALLINT NOT NULL, artist INTEGER NOT NULL REFERENCES artist (id), PRIMARY KEY (artist_credit, position));
CREATE TABLE editor (id INTEGER PRIMARY KEY, name TEXT, privs INTEGER);
CREATE TABLE annotation (id INTEGER PRIMARY KEY, editor INTEGER NOT NULL REFERENCES editor (id), text TEXT);
CREATE TABLE label (id INTEGER PRIMARY KEY, name TEXT, label_code INTEGER, type INTEGER REFERENCES label_type (id), area INTEGER REFERENCES area (id));
CREATE TABLE label_type (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE label_annotation (label INTEGER NOT NULL REFERENCES label (id), annotation INTEGER NOT NULL REFERENCES annotation (id), PRIMARY KEY (label, annotation));
CREATE TABLE release_group (id INTEGER PRIMARY KEY, name TEXT, artist_credit INTEGER NOT NULL REFERENCES artist_credit (id));
CREATE TABLE release (id INTEGER PRIMARY KEY, name TEXT, artist_credit INTEGER NOT NULL REFERENCES artist_credit (id), release_group INTEGER NOT NULL REFERENCES release_group (id), quality SMALLINT);
CREATE TABLE release_label (id INTEGER PRIMARY KEY, release INTEGER NOT NULL REFERENCES release (id), label INTEGER REFERENCES label (id), catalog_number TEXT);
CREATE TABLE medium (id INTEGER PRIMARY KEY, release INTEGER NOT NULL REFERENCES release (id), position INTEGER, format INTEGER REFERENCES medium_format (id), track_count INTEGER);
CREATE TABLE medium_format (id INTEGER PRIMARY KEY, name TEXT, parent INTEGER REFERENCES medium_format (id), year SMALLINT);
CREATE TABLE recording (id INTEGER PRIMARY KEY, name TEXT, artist_credit INTEGER NOT NULL REFERENCES artist_credit (id), length INTEGER);
CREATE TABLE track (id INTEGER PRIMARY KEY, recording INTEGER NOT NULL REFERENCES recording (id), medium INTEGER NOT NULL REFERENCES medium (id), position INTEGER, artist_credit INTEGER NOT NULL REFERENCES artist_credit (id));
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT, ref_count INTEGER);
CREATE TABLE recording_tag (recording INTEGER NOT NULL REFERENCES recording (id), tag INTEGER NOT NULL REFERENCES tag (id), count INTEGER, PRIMARY KEY (recording, tag));
CREATE TABLE url (id INTEGER PRIMARY KEY, url TEXT);
CREATE TABLE link (id INTEGER PRIMARY KEY, link_type INTEGER NOT NULL REFERENCES link_type (id), attribute_count INTEGER);
CREATE TABLE link_type (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES link_type (id), priority INTEGER);
CREATE TABLE l_label_url (id INTEGER PRIMARY KEY, link INTEGER NOT NULL REFERENCES link (id), entity0 INTEGER NOT NULL REFERENCES label (id), entity1 INTEGER NOT NULL REFERENCES url (id));
