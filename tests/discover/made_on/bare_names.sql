-- Pony, Peewee and hand-written schemas: the column bears the name of the table, or a code.
CREATE TABLE country (code TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE currency (code TEXT PRIMARY KEY, digits INTEGER);
CREATE TABLE city (id INTEGER PRIMARY KEY, country TEXT NOT NULL REFERENCES country (code), population INTEGER);
CREATE TABLE airport (id INTEGER PRIMARY KEY, city INTEGER NOT NULL REFERENCES city (id), country_code TEXT REFERENCES country (code), runways INTEGER);
CREATE TABLE price (id INTEGER PRIMARY KEY, currency_code TEXT NOT NULL REFERENCES currency (code), amount INTEGER);
CREATE TABLE book (isbn TEXT PRIMARY KEY, title TEXT, pages INTEGER);
CREATE TABLE copy (id INTEGER PRIMARY KEY, isbn TEXT NOT NULL REFERENCES book (isbn), shelf INTEGER, condition INTEGER);
CREATE TABLE loan (id INTEGER PRIMARY KEY, copy INTEGER NOT NULL REFERENCES copy (id), borrower INTEGER, days INTEGER);
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
CREATE TABLE membership (person INTEGER NOT NULL REFERENCES person (id), club INTEGER NOT NULL REFERENCES club (id), year INTEGER, PRIMARY KEY (person, club));
CREATE TABLE club (id INTEGER PRIMARY KEY, name TEXT, founded INTEGER);
-- data
UPDATE loan SET borrower = 5000 + id;
