-- The shape of Firefox's history and bookmarks, which declare no key; these are the ones they mean.
CREATE TABLE moz_origins (id INTEGER PRIMARY KEY, prefix TEXT NOT NULL, host TEXT NOT NULL, frecency INTEGER);
CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url LONGVARCHAR, rev_host LONGVARCHAR, visit_count INTEGER, hidden INTEGER, frecency INTEGER, guid TEXT UNIQUE, url_hash INTEGER, origin_id INTEGER REFERENCES moz_origins (id));
CREATE TABLE moz_historyvisits (id INTEGER PRIMARY KEY, from_visit INTEGER REFERENCES moz_historyvisits (id), place_id INTEGER REFERENCES moz_places (id), visit_type INTEGER, session INTEGER);
CREATE TABLE moz_inputhistory (place_id INTEGER NOT NULL REFERENCES moz_places (id), input LONGVARCHAR NOT NULL, use_count INTEGER, PRIMARY KEY (place_id, input));
CREATE TABLE moz_bookmarks (id INTEGER PRIMARY KEY, type INTEGER, fk INTEGER REFERENCES moz_places (id), parent INTEGER REFERENCES moz_bookmarks (id), position INTEGER, title LONGVARCHAR, keyword_id INTEGER REFERENCES moz_keywords (id), guid TEXT UNIQUE);
CREATE TABLE moz_keywords (id INTEGER PRIMARY KEY, keyword TEXT UNIQUE, place_id INTEGER REFERENCES moz_places (id), post_data TEXT);
CREATE TABLE moz_anno_attributes (id INTEGER PRIMARY KEY, name VARCHAR(32) UNIQUE);
CREATE TABLE moz_annos (id INTEGER PRIMARY KEY, place_id INTEGER NOT NULL REFERENCES moz_places (id), anno_attribute_id INTEGER REFERENCES moz_anno_attributes (id), content LONGVARCHAR, flags INTEGER);
