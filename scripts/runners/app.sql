-- usr gets a key, and is itself referred to: by children of every action, by itself, by a view.
CREATE TABLE org (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE usr (
  id INTEGER PRIMARY KEY AUTOINCREMENT, -- it's the user's; number
  org_id INTEGER, boss INTEGER REFERENCES usr (id) ON DELETE SET NULL, note TEXT DEFAULT 'a;b'
);
CREATE INDEX usr_org ON usr (org_id);
CREATE TABLE audit (what TEXT);
CREATE TABLE c_casc (id INTEGER PRIMARY KEY, u INTEGER REFERENCES usr (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE c_null (id INTEGER PRIMARY KEY, u INTEGER REFERENCES usr (id) ON DELETE SET NULL);
CREATE TABLE c_restrict (id INTEGER PRIMARY KEY, u INTEGER REFERENCES usr (id) ON DELETE RESTRICT);
CREATE TABLE grand (id INTEGER PRIMARY KEY, c INTEGER REFERENCES c_casc (id) ON DELETE CASCADE);
CREATE VIEW names AS SELECT id, note FROM usr;
CREATE TRIGGER usr_ai AFTER INSERT ON usr BEGIN INSERT INTO audit VALUES ('usr; came'); END;
CREATE TRIGGER c_casc_bd BEFORE DELETE ON c_casc BEGIN INSERT INTO audit VALUES (CASE WHEN old.u IS NULL THEN 'none' ELSE 'gone' END); END;
INSERT INTO org VALUES (1, 'a'), (2, 'b');
INSERT INTO usr (id, org_id, boss, note) VALUES (1, 1, NULL, 'x'), (2, 2, 1, 'it''s'), (3, NULL, 1, NULL), (4, 9, NULL, 'an orphan'), (7, 1, 2, 'seven');
INSERT INTO c_casc VALUES (1, 1), (2, 1), (3, 7);
INSERT INTO c_null VALUES (1, 2), (2, NULL), (3, 3);
INSERT INTO c_restrict VALUES (1, 3), (2, 7);
INSERT INTO grand VALUES (1, 1), (2, 2), (3, 3);
UPDATE sqlite_sequence SET seq = 100 WHERE name = 'usr';
