-- The shape of a part of Kodi's video library, which declares no key; these are the ones it means.
CREATE TABLE path (idPath INTEGER PRIMARY KEY, strPath TEXT, strContent TEXT, scanRecursive INTEGER, idParentPath INTEGER REFERENCES path (idPath));
CREATE TABLE files (idFile INTEGER PRIMARY KEY, idPath INTEGER REFERENCES path (idPath), strFilename TEXT, playCount INTEGER);
CREATE TABLE bookmark (idBookmark INTEGER PRIMARY KEY, idFile INTEGER REFERENCES files (idFile), timeInSeconds DOUBLE, type INTEGER);
CREATE TABLE settings (idFile INTEGER PRIMARY KEY REFERENCES files (idFile), Deinterlace BOOL, ViewMode INTEGER);
CREATE TABLE streamdetails (idFile INTEGER REFERENCES files (idFile), iStreamType INTEGER, strVideoCodec TEXT, iVideoWidth INTEGER);
CREATE TABLE sets (idSet INTEGER PRIMARY KEY, strSet TEXT);
CREATE TABLE movie (idMovie INTEGER PRIMARY KEY, idFile INTEGER REFERENCES files (idFile), c00 TEXT, c01 TEXT, idSet INTEGER REFERENCES sets (idSet), userrating INTEGER);
CREATE TABLE tvshow (idShow INTEGER PRIMARY KEY, c00 TEXT, userrating INTEGER);
CREATE TABLE seasons (idSeason INTEGER PRIMARY KEY, idShow INTEGER REFERENCES tvshow (idShow), season INTEGER, userrating INTEGER);
CREATE TABLE episode (idEpisode INTEGER PRIMARY KEY, idFile INTEGER REFERENCES files (idFile), c00 TEXT, idShow INTEGER REFERENCES tvshow (idShow), idSeason INTEGER REFERENCES seasons (idSeason));
CREATE TABLE tvshowlinkpath (idShow INTEGER REFERENCES tvshow (idShow), idPath INTEGER REFERENCES path (idPath));
CREATE TABLE actor (actor_id INTEGER PRIMARY KEY, name TEXT, art_urls TEXT);
CREATE TABLE actor_link (actor_id INTEGER REFERENCES actor (actor_id), media_id INTEGER, media_type TEXT, role TEXT, cast_order INTEGER);
CREATE TABLE genre (genre_id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE genre_link (genre_id INTEGER REFERENCES genre (genre_id), media_id INTEGER, media_type TEXT);
CREATE TABLE tag (tag_id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE tag_link (tag_id INTEGER REFERENCES tag (tag_id), media_id INTEGER, media_type TEXT);
CREATE TABLE rating (rating_id INTEGER PRIMARY KEY, media_id INTEGER, media_type TEXT, rating FLOAT, votes INTEGER);
CREATE TABLE art (art_id INTEGER PRIMARY KEY, media_id INTEGER, media_type TEXT, type TEXT, url TEXT);
-- data
UPDATE actor_link SET media_type = CASE media_id % 2 WHEN 0 THEN 'movie' ELSE 'tvshow' END;
UPDATE genre_link SET media_type = CASE media_id % 2 WHEN 0 THEN 'movie' ELSE 'tvshow' END;
UPDATE tag_link SET media_type = 'movie';
UPDATE rating SET media_type = 'movie';
UPDATE art SET media_type = CASE media_id % 2 WHEN 0 THEN 'movie' ELSE 'episode' END;
