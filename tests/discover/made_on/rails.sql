-- Rails: plurals that follow no rule, polymorphic pairs, counters.
CREATE TABLE people (id integer PRIMARY KEY, name varchar, children_count integer);
CREATE TABLE companies (id integer PRIMARY KEY, name varchar, owner_id integer REFERENCES people (id), people_count integer);
CREATE TABLE employments (id integer PRIMARY KEY, person_id integer NOT NULL REFERENCES people (id), company_id integer NOT NULL REFERENCES companies (id), salary integer);
CREATE TABLE children (id integer PRIMARY KEY, person_id integer REFERENCES people (id), age integer);
CREATE TABLE toys (id integer PRIMARY KEY, child_id integer REFERENCES children (id), price integer);
CREATE TABLE statuses (id integer PRIMARY KEY, label varchar);
CREATE TABLE orders (id integer PRIMARY KEY, status_id integer REFERENCES statuses (id), person_id integer REFERENCES people (id), number integer, lock_version integer);
CREATE TABLE addresses (id integer PRIMARY KEY, addressable_type varchar, addressable_id integer, city varchar);
CREATE TABLE analyses (id integer PRIMARY KEY, order_id integer REFERENCES orders (id), score integer);
CREATE TABLE indices (id integer PRIMARY KEY, analysis_id integer REFERENCES analyses (id), value integer);
CREATE TABLE movies (id integer PRIMARY KEY, title varchar);
CREATE TABLE series (id integer PRIMARY KEY, title varchar);
CREATE TABLE episodes (id integer PRIMARY KEY, series_id integer NOT NULL REFERENCES series (id), number integer);
CREATE TABLE heroes (id integer PRIMARY KEY, movie_id integer REFERENCES movies (id));
CREATE TABLE bonuses (id integer PRIMARY KEY, hero_id integer REFERENCES heroes (id), address_id integer REFERENCES addresses (id));
CREATE TABLE categories_movies (category_id integer NOT NULL REFERENCES categories (id), movie_id integer NOT NULL REFERENCES movies (id));
CREATE TABLE categories (id integer PRIMARY KEY, name varchar);
CREATE TABLE active_storage_attachments (id integer PRIMARY KEY, name varchar, record_type varchar NOT NULL, record_id bigint NOT NULL, blob_id bigint NOT NULL REFERENCES active_storage_blobs (id));
CREATE TABLE active_storage_blobs (id integer PRIMARY KEY, key varchar NOT NULL UNIQUE, byte_size bigint);
CREATE TABLE schema_migrations (version varchar PRIMARY KEY);
-- data
UPDATE addresses SET addressable_type = CASE id % 2 WHEN 0 THEN 'Person' ELSE 'Company' END, addressable_id = id % 20 + 1;
UPDATE active_storage_attachments SET record_type = 'Movie', record_id = id % 20 + 1;
