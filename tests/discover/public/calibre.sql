-- The shape of a part of Calibre's library, which declares no key; these are the ones it means.
CREATE TABLE books (id INTEGER PRIMARY KEY, title TEXT, sort TEXT, series_index REAL, path TEXT, flags INTEGER, uuid TEXT, has_cover BOOL);
CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sort TEXT, link TEXT);
CREATE TABLE books_authors_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), author INTEGER NOT NULL REFERENCES authors (id), UNIQUE (book, author));
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE books_tags_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), tag INTEGER NOT NULL REFERENCES tags (id), UNIQUE (book, tag));
CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sort TEXT);
CREATE TABLE books_series_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), series INTEGER NOT NULL REFERENCES series (id), UNIQUE (book));
CREATE TABLE publishers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sort TEXT);
CREATE TABLE books_publishers_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), publisher INTEGER NOT NULL REFERENCES publishers (id), UNIQUE (book));
CREATE TABLE ratings (id INTEGER PRIMARY KEY, rating INTEGER UNIQUE);
CREATE TABLE books_ratings_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), rating INTEGER NOT NULL REFERENCES ratings (id), UNIQUE (book, rating));
CREATE TABLE languages (id INTEGER PRIMARY KEY, lang_code TEXT NOT NULL UNIQUE);
CREATE TABLE books_languages_link (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), lang_code INTEGER NOT NULL REFERENCES languages (id), item_order INTEGER);
CREATE TABLE comments (id INTEGER PRIMARY KEY, book INTEGER NOT NULL UNIQUE REFERENCES books (id), text TEXT);
CREATE TABLE data (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), format TEXT, uncompressed_size INTEGER, name TEXT);
CREATE TABLE identifiers (id INTEGER PRIMARY KEY, book INTEGER NOT NULL REFERENCES books (id), type TEXT, val TEXT);
CREATE TABLE conversion_options (id INTEGER PRIMARY KEY, format TEXT, book INTEGER REFERENCES books (id), data BLOB);
